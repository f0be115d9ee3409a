/**
 * Goal: cancel, resume, downgrades and complimentary plans change what they say and nothing else (R5.1, R5.3). Method:
 * one account's world.
 */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import {
  balance,
  buy,
  cancel,
  catalogueFrom,
  confirm,
  DAY,
  DECEMBER,
  onPlus,
  quoted,
  refusedWith,
  resume,
  taken,
  told,
  view,
} from "./life.fixture.ts"
import { defaultCatalogue } from "@credits/pricebook/defaults"
import { ACCOUNT, START, World } from "./world.fixture.ts"

const downgrade = (world: World, plan: string, interval: "monthly" | "yearly" = "monthly") =>
  world.request({ op: "downgrade", id: `d${plan}`, account: ACCOUNT, plan, interval, by: "support", reason: "asked" })
const complimentary = (world: World, plan: string, until?: number) =>
  world.request({
    op: "complimentary",
    id: `g${plan}`,
    account: ACCOUNT,
    plan,
    by: "support",
    reason: "tester",
    ...(until !== undefined && { until }),
  })

describe("cancel and resume", () => {
  it("R5.1 plan and credits stay to the end of the paid period, then the account is Free", () => {
    const world = onPlus()
    assert.deepStrictEqual(cancel(world), { ok: { status: "done" } })
    assert.deepInclude(view(world), { status: "canceling", cancelAtPeriodEnd: true, renewal: null })
    assert.strictEqual(world.book.entitlement?.until, DECEMBER)
    world.to(DECEMBER - 1)
    assert.strictEqual(balance(world), usd("20"))
    world.to(DECEMBER)
    assert.deepInclude(view(world), { status: "free", plan: "free", subscriptionId: null })
    assert.deepStrictEqual(taken(world), ["first: 1600"])
    assert.deepStrictEqual(told(world), ["started", "cancel_scheduled", "ended"])
  })

  it("R5.1 a canceled year keeps its monthly cycles to the end of the year", () => {
    const world = new World()
    buy(world, "plus", "yearly")
    cancel(world)
    world.to(Date.UTC(2027, 9, 15))
    assert.strictEqual(balance(world), usd("20"))
    assert.strictEqual(world.book.entitlement?.until, Date.UTC(2027, 10, 1))
    world.to(Date.UTC(2027, 10, 1))
    assert.strictEqual(view(world).status, "free")
    assert.strictEqual(world.book.lots.length, 12)
  })

  it("R2.4 resumed before the end it keeps its anchor and renews; a reminder that was missed comes then", () => {
    const world = onPlus()
    cancel(world)
    world.to(DECEMBER - DAY)
    assert.notInclude(told(world), "renewal_reminder")
    resume(world)
    world.to(DECEMBER)
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER })
    assert.deepStrictEqual(told(world).slice(1), [
      "cancel_scheduled",
      "resumed",
      "renewal_reminder",
      "offer_ends",
      "renewed",
    ])
  })

  it("R5.1 twice is the same as once; resuming what is not canceled is refused", () => {
    const world = onPlus()
    cancel(world)
    cancel(world)
    assert.strictEqual(told(world).filter((kind) => kind === "cancel_scheduled").length, 1)
    resume(world)
    refusedWith(resume(world), "not_canceling")
    refusedWith(cancel(new World()), "not_subscribed")
    refusedWith(resume(new World()), "not_subscribed")
  })

  it("R5.1 cancel, resume and cancel in one instant: the ledger is told each, and the last holds", () => {
    const world = onPlus()
    cancel(world)
    resume(world)
    cancel(world)
    assert.strictEqual(world.book.entitlement?.until, DECEMBER)
  })

  it("R5.1 canceled while the renewal is in flight: paid it is the last period, failed it is over", () => {
    for (const [outcome, status] of [
      ["ok", "canceling"],
      ["soft", "free"],
      ["action", "free"],
    ] as const) {
      const world = onPlus()
      world.payments.plan = "unknown"
      world.to(DECEMBER + 1000)
      cancel(world)
      world.resolve(outcome)
      assert.strictEqual(view(world).status, status)
    }
  })
})

describe("a downgrade by support", () => {
  it("R5.3 is for the end of the period, shows as pending, and then charges and grants the lower plan", () => {
    const world = new World()
    buy(world, "pro")
    downgrade(world, "plus")
    assert.deepStrictEqual(view(world).pendingChange, { plan: "plus", interval: "monthly", effectiveAt: DECEMBER })
    assert.deepStrictEqual(view(world).renewal, { at: DECEMBER, amountCents: 2000 })
    assert.strictEqual(view(world).plan, "pro")
    world.to(DECEMBER)
    assert.deepInclude(view(world), { plan: "plus", pendingChange: null })
    assert.deepStrictEqual(taken(world), ["first: 7000", "renewal: 2000"])
    assert.strictEqual(balance(world), usd("20"))
    assert.deepStrictEqual(told(world).slice(-2), ["renewed", "downgraded"])
  })

  it("R5.3 R2.2 from the year to the month: the chain of periods goes on from the same anchor", () => {
    const world = new World(Date.parse("2027-01-31T00:00:00.000Z"))
    buy(world, "pro", "yearly")
    downgrade(world, "pro")
    world.to(Date.parse("2028-02-01T00:00:00.000Z"))
    assert.deepInclude(view(world), {
      interval: "monthly",
      currentPeriodStart: Date.parse("2028-01-31T00:00:00.000Z"),
      currentPeriodEnd: Date.parse("2028-02-29T00:00:00.000Z"),
    })
    assert.strictEqual(taken(world).at(-1), "renewal: 10000")
  })

  it("R0.3 scheduled after the reminder, another one names the price; an increase in between does not apply", () => {
    const dearer = catalogueFrom("v2", DECEMBER - DAY, {
      plus: { monthly: { firstMonthUsd: "16.00", renewalUsd: "25.00" } },
    })
    const world = new World(START, [defaultCatalogue(), dearer])
    buy(world, "pro")
    world.to(DECEMBER - 3 * DAY)
    downgrade(world, "plus")
    world.to(DECEMBER)
    const reminders = world.facts.filter((fact) => fact.kind === "renewal_reminder")
    assert.deepStrictEqual(
      reminders.map((fact) => fact.detail["amountCents"]),
      [10_000, 2000],
    )
    assert.strictEqual(taken(world).at(-1), "renewal: 2000")
  })

  it("R5.3 R0.3 to a plan that is not sold any more by then: it is what was agreed, not the dearer plan again", () => {
    const gone = catalogueFrom("v2", DECEMBER - 3 * DAY, { plus: { monthly: null } })
    const world = new World(START, [defaultCatalogue(), gone])
    buy(world, "pro")
    downgrade(world, "plus")
    world.to(DECEMBER)
    assert.deepStrictEqual(taken(world), ["first: 7000", "renewal: 2000"])
    assert.strictEqual(view(world).plan, "plus")
    assert.strictEqual(balance(world), usd("20"))
  })

  it("R5.3 only downwards, only a plan that is sold, only where there is a renewal to change", () => {
    const world = new World()
    refusedWith(downgrade(world, "plus"), "not_subscribed")
    buy(world, "plus")
    refusedWith(downgrade(world, "pro"), "invalid")
    refusedWith(downgrade(world, "gold"), "plan_unknown")
    refusedWith(downgrade(world, "free"), "not_sold")
    cancel(world)
    refusedWith(downgrade(world, "plus"), "invalid")
  })
})

describe("a complimentary plan", () => {
  it("gives access without card and credit until its end, and then Free", () => {
    const world = new World()
    complimentary(world, "pro", START + 30 * DAY)
    assert.deepInclude(view(world), { plan: "pro", status: "active", complimentary: true, renewal: null })
    assert.deepInclude(world.book.entitlement, { plan: "pro", hostedModels: true, until: START + 30 * DAY })
    assert.strictEqual(balance(world), 0n)
    assert.isNull(world.facts.at(-1)?.autoTopUp)
    world.to(START + 30 * DAY)
    assert.strictEqual(view(world).status, "free")
    assert.deepStrictEqual(told(world), ["complimentary", "ended"])
    assert.strictEqual(quoted(world, "plus").dueTodayCents, 1600)
  })

  it("is ended by support with free, replaced by another, and refused while a paid subscription runs", () => {
    const world = new World()
    refusedWith(complimentary(world, "free"), "not_subscribed")
    complimentary(world, "plus")
    complimentary(world, "max")
    assert.strictEqual(view(world).plan, "max")
    refusedWith(cancel(world), "not_subscribed")
    complimentary(world, "free")
    assert.strictEqual(view(world).plan, "free")
    buy(world, "plus")
    refusedWith(complimentary(world, "max"), "already_on_plan")
  })
})

describe("what the ledger is told late", () => {
  it("R2.3 R5.1 canceled while it does not answer: calls are not told to wait for a payment that has failed", () => {
    const world = new World()
    buy(world, "plus", "yearly")
    world.to(DECEMBER - 1000)
    world.payments.plan = "unknown"
    confirm(world, quoted(world, "pro", "yearly").quoteId)
    world.now = DECEMBER + 60_000
    world.decide({ type: "due" })
    const charge = world.payments.decide(world.payments.last(), "not_executed", world.now)
    world.decide({ type: "notice", notice: { type: "charge", charge } })
    world.decide({ type: "command", id: "x", command: { op: "cancel", id: "x", account: ACCOUNT } })
    world.settle()
    assert.deepInclude(view(world), { status: "canceling" })
    assert.strictEqual(world.book.markUntil, 0)
  })
})
