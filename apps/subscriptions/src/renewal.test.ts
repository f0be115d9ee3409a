/**
 * Goal: renewals charge once, at the right price and boundary, and fail the way R5.4 says. Method: one account's world
 * moved through months and years; payments does what each test says.
 */
import { assert, describe, it } from "vitest"
import type { MethodView } from "@credits/contracts"
import { usd } from "@credits/kernel"
import {
  balance,
  buy,
  cancel,
  confirm,
  DAY,
  DECEMBER,
  onPlus,
  pay,
  payLater,
  quoted,
  refusedWith,
  spend,
  taken,
  told,
  view,
} from "./life.fixture.ts"
import { World } from "./world.fixture.ts"

const JANUARY = Date.UTC(2027, 0, 1)
const instants = (world: World, kind: string): ReadonlyArray<string> =>
  world.facts.filter((fact) => fact.kind === kind).map((fact) => new Date(fact.at).toISOString().slice(0, 10))

const card = (id: string): MethodView => ({
  id,
  brand: "visa",
  last4: "4242",
  expMonth: 12,
  expYear: 2030,
  fingerprint: id,
  status: "usable",
})

describe("a renewal", () => {
  it("R2.3 charges first and grants then; the unspent plan credit of the month before is gone (R1.4)", () => {
    const world = onPlus()
    spend(world, "3")
    world.to(DECEMBER)
    assert.deepStrictEqual(taken(world), ["first: 1600", "renewal: 2000"])
    assert.strictEqual(balance(world), usd("20"))
    assert.deepInclude(view(world), { currentPeriodStart: DECEMBER, currentPeriodEnd: JANUARY, status: "active" })
    assert.deepStrictEqual(told(world), ["started", "renewal_reminder", "offer_ends", "renewed"])
  })

  it("R2.3 while it is undecided the ledger is told so, again and again, until it is decided", () => {
    const world = onPlus()
    world.payments.plan = "unknown"
    world.to(DECEMBER)
    assert.strictEqual(world.book.markUntil, DECEMBER + 10 * 60_000)
    world.to(DECEMBER + 5 * DAY)
    assert.isAbove(world.book.markUntil, world.now)
    assert.deepInclude(view(world).pendingPayment, { status: "being_confirmed" })
    assert.strictEqual(balance(world), 0n)
    world.resolve("ok")
    assert.strictEqual(world.book.markUntil, 0)
    assert.deepInclude(view(world), { currentPeriodStart: DECEMBER, currentPeriodEnd: JANUARY })
    assert.strictEqual(balance(world), usd("20"))
  })

  it("R2.1 month ends: from the 31st it renews on the 28th and on the 31st again", () => {
    const world = new World(Date.parse("2027-01-31T10:30:00.000Z"))
    buy(world, "plus")
    world.to(Date.parse("2027-05-01T00:00:00.000Z"))
    assert.deepStrictEqual(instants(world, "renewed"), ["2027-02-28", "2027-03-31", "2027-04-30"])
    assert.strictEqual(view(world).currentPeriodEnd, Date.parse("2027-05-31T10:30:00.000Z"))
  })

  it("R2.2 R1.4 a year: one charge, twelve grants that each end with their cycle, then the renewal", () => {
    const world = new World(Date.parse("2028-02-29T00:00:00.000Z"))
    buy(world, "plus", "yearly")
    const balances: Array<bigint> = []
    for (let month = 1; month < 12; month++) {
      world.to(Date.UTC(2028, 2 + month, 15))
      balances.push(balance(world))
      spend(world, "1")
    }
    assert.isTrue(balances.every((one) => one === usd("20")))
    assert.strictEqual(world.book.lots.length, 12)
    assert.deepStrictEqual(taken(world), ["first: 16800"])
    world.to(Date.parse("2029-02-28T00:00:00.000Z"))
    assert.deepStrictEqual(taken(world), ["first: 16800", "renewal: 16800"])
    assert.strictEqual(told(world).filter((kind) => kind === "cycle_began").length, 11)
    assert.deepStrictEqual(instants(world, "renewal_reminder"), ["2029-01-29"])
    assert.strictEqual(world.book.lots.length, 13)
  })

  it("R12.1 years of a life in one move: every cycle, reminder and renewal at its own instant", () => {
    const world = new World()
    buy(world, "plus")
    world.to(Date.UTC(2029, 10, 1))
    assert.strictEqual(instants(world, "renewed").length, 36)
    assert.strictEqual(instants(world, "renewal_reminder")[0], "2026-11-24")
    assert.strictEqual(world.book.lots.length, 37)
  })
})

describe("a renewal that fails", () => {
  it("R5.4 four attempts, on days 1, 3, 5 and 7, then Free; each is told", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + 60_000)
    assert.deepInclude(view(world), { status: "past_due", plan: "plus", renewal: null })
    assert.deepInclude(view(world).pastDue, {
      amountCents: 2000,
      nextAttemptAt: DECEMBER + DAY,
      endsAt: DECEMBER + 7 * DAY,
    })
    assert.isTrue(world.book.entitlement?.pastDue)
    assert.strictEqual(world.book.markUntil, 0)
    world.to(DECEMBER + 7 * DAY - 1)
    assert.strictEqual(view(world).status, "past_due")
    world.to(DECEMBER + 7 * DAY)
    assert.strictEqual(view(world).status, "free")
    assert.deepStrictEqual(instants(world, "payment_failed"), [
      "2026-12-01",
      "2026-12-02",
      "2026-12-04",
      "2026-12-06",
      "2026-12-08",
    ])
    assert.isFalse(world.book.entitlement?.hostedModels)
    assert.deepStrictEqual(taken(world), ["first: 1600"])
    assert.deepStrictEqual(told(world).slice(-2), ["payment_failed", "ended"])
  })

  it("R5.4 top-up credit that is left stays usable while the renewal is owed; no plan credit comes", () => {
    const world = onPlus()
    world.book.grant("topup", "topup", usd("7"), Number.MAX_SAFE_INTEGER)
    world.payments.plan = "soft"
    world.to(DECEMBER + 2 * DAY)
    assert.strictEqual(balance(world), usd("7"))
    assert.isTrue(world.book.entitlement?.hostedModels)
    spend(world, "7")
  })

  it("R5.4 recovered on day 3: the cycle keeps its scheduled boundaries", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + 2 * DAY)
    world.payments.plan = "ok"
    world.to(DECEMBER + 3 * DAY)
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER, currentPeriodEnd: JANUARY })
    assert.strictEqual(balance(world), usd("20"))
    assert.isFalse(world.book.entitlement?.pastDue)
    assert.deepStrictEqual(told(world).slice(-2), ["renewed", "recovered"])
  })

  it("R5.4 after a final decline no attempt until the card changes; a new card is tried at once", () => {
    const world = onPlus()
    world.payments.plan = "final"
    world.to(DECEMBER + 5 * DAY)
    assert.strictEqual(world.payments.charges.length, 2)
    assert.isNull(view(world).pastDue?.nextAttemptAt)
    world.payments.plan = "ok"
    world.decide({ type: "notice", notice: { type: "method_saved", methodId: null } })
    world.settle()
    assert.strictEqual(view(world).status, "active")
  })

  it("R5.4 a final decline and no new card: Free after day 7, without another attempt", () => {
    const world = onPlus()
    world.payments.plan = "final"
    world.to(DECEMBER + 7 * DAY)
    assert.strictEqual(view(world).status, "free")
    assert.strictEqual(world.payments.charges.length, 2)
  })

  it("R5.4 pay now tries the same card again at once; declined again it answers so and the schedule stays", () => {
    const world = onPlus()
    world.payments.plan = "final"
    world.to(DECEMBER + DAY / 2)
    refusedWith(pay(world), "payment_declined")
    world.payments.plan = "ok"
    const asked = [payLater(world), payLater(world), payLater(world)]
    world.settle()
    assert.isTrue(asked.every(({ answer }) => answer !== null && "ok" in answer))
    assert.strictEqual(view(world).status, "active")
    assert.strictEqual(world.payments.charges.length, 4)
    refusedWith(pay(world), "not_past_due")
  })

  it("R5.4 a new card while the old one is being tried: its decline is followed by another attempt at once", () => {
    const world = onPlus()
    world.payments.plan = "unknown"
    world.to(DECEMBER + 1000)
    world.decide({ type: "notice", notice: { type: "method_saved", methodId: null } })
    world.payments.plan = "ok"
    world.resolve("soft")
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER })
    assert.strictEqual(world.payments.last().attempt, 2)
  })

  it("R5.4 a new card that has declined already is not tried again when it is told late, or told once more", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.payments.method = card("pm_old")
    world.to(DECEMBER + 1000)
    world.payments.method = card("pm_new")
    pay(world)
    assert.strictEqual(world.payments.charges.length, 3)
    for (let times = 0; times < 2; times++) {
      world.decide({ type: "notice", notice: { type: "method_saved", methodId: "pm_new" } })
      world.settle()
    }
    assert.strictEqual(world.payments.charges.length, 3)
    assert.deepInclude(view(world).pastDue, { nextAttemptAt: DECEMBER + DAY })
    world.payments.method = card("pm_newer")
    world.decide({ type: "notice", notice: { type: "method_saved", methodId: "pm_newer" } })
    world.settle()
    assert.strictEqual(world.payments.charges.length, 4)
  })

  it("R5.4 a new card that is told while it is being tried: its own decline is followed by no other attempt", () => {
    const world = onPlus()
    world.payments.plan = "unknown"
    world.payments.method = card("pm_new")
    world.to(DECEMBER + 1000)
    world.decide({ type: "notice", notice: { type: "method_saved", methodId: "pm_new" } })
    world.resolve("soft")
    assert.strictEqual(world.payments.charges.length, 2)
    assert.deepInclude(view(world).pastDue, { nextAttemptAt: DECEMBER + DAY })
  })

  it("R5.4 no card at all: past due with that reason, and a saved card pays at once", () => {
    const world = onPlus()
    world.payments.hasMethod = false
    world.to(DECEMBER + 3 * DAY)
    assert.include(view(world).pastDue?.reason, "no payment method")
    refusedWith(pay(world), "payment_method_required")
    world.payments.hasMethod = true
    world.decide({ type: "notice", notice: { type: "method_saved", methodId: null } })
    world.settle()
    assert.strictEqual(view(world).status, "active")
  })

  it("R5.4 a renewal that needs authentication is past due meanwhile; authenticated it is paid", () => {
    const world = onPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + 60_000)
    assert.strictEqual(view(world).status, "past_due")
    assert.deepInclude(view(world).pendingPayment, { status: "action_required", clientSecret: "secret_1" })
    refusedWith(pay(world), "payment_action_required")
    world.to(DECEMBER + 2 * 3_600_000)
    assert.deepInclude(view(world).pastDue, { nextAttemptAt: DECEMBER + DAY })
    world.to(DECEMBER + DAY + 60_000)
    world.resolve("ok")
    assert.strictEqual(view(world).status, "active")
    assert.deepStrictEqual(instants(world, "payment_failed"), ["2026-12-01", "2026-12-02"])
  })

  it("R5.4 a new card while authentication is awaited is tried at once", () => {
    const world = onPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + 60_000)
    world.payments.plan = "ok"
    world.decide({ type: "notice", notice: { type: "method_saved", methodId: null } })
    world.settle()
    assert.strictEqual(view(world).status, "active")
    assert.strictEqual(world.payments.last().attempt, 2)
  })

  it("R5.4 authenticated after it had been given up: the renewal happened", () => {
    const world = onPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + 2 * 3_600_000)
    assert.isNull(view(world).pendingPayment)
    world.resolve("ok")
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER })
    assert.strictEqual(balance(world), usd("20"))
  })

  it("R5.4 R2.4 lapse and return: a new subscription with a new anchor, without the offer", () => {
    const world = onPlus()
    const before = view(world).subscriptionId
    world.payments.plan = "soft"
    world.to(DECEMBER + 20 * DAY)
    assert.strictEqual(view(world).status, "free")
    world.payments.plan = "ok"
    assert.strictEqual(buy(world, "plus").dueTodayCents, 2000)
    assert.deepInclude(view(world), { currentPeriodStart: DECEMBER + 20 * DAY, status: "active" })
    assert.notStrictEqual(view(world).subscriptionId, before)
  })

  it("R5.4 canceled while it is owed: it ends at once, with no further attempt", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + DAY)
    const attempts = world.payments.charges.length
    assert.deepStrictEqual(cancel(world), { ok: { status: "done" } })
    assert.strictEqual(view(world).status, "free")
    world.to(DECEMBER + 8 * DAY)
    assert.strictEqual(world.payments.charges.length, attempts)
  })

  it("R5.4 canceled while an attempt is undecided: its failure ends it, its success is a paid last period", () => {
    for (const [outcome, status] of [
      ["soft", "free"],
      ["ok", "canceling"],
    ] as const) {
      const world = onPlus()
      world.payments.plan = "soft"
      world.to(DECEMBER + 60_000)
      world.payments.plan = "unknown"
      world.to(DECEMBER + DAY)
      cancel(world)
      assert.strictEqual(view(world).status, "past_due")
      world.resolve(outcome)
      assert.strictEqual(view(world).status, status)
    }
  })

  it("R5.4 canceled while authentication is awaited: what is open is closed, and only then it ends", () => {
    const world = onPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + 60_000)
    const owed = world.payments.last().obligation
    assert.deepStrictEqual(cancel(world), { ok: { status: "done" } })
    assert.strictEqual(view(world).status, "free")
    assert.isTrue(world.payments.closed.has(owed))
    const paid = onPlus()
    paid.payments.plan = "action"
    paid.to(DECEMBER + 60_000)
    paid.payments.decide(paid.payments.last(), "ok", paid.now)
    cancel(paid)
    assert.deepInclude(view(paid), { status: "canceling", currentPeriodStart: DECEMBER })
  })

  it("R5.4 an attempt of day 7 that is unknown keeps the plan until it is decided", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + 6 * DAY)
    world.payments.plan = "unknown"
    world.to(DECEMBER + 9 * DAY)
    assert.strictEqual(view(world).status, "past_due")
    world.resolve("ok")
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER })
  })

  it("R10.2 proven only when its credit cycle is over: a new chain begins, or the payment would buy nothing", () => {
    const world = onPlus()
    world.payments.plan = "unknown"
    world.to(DECEMBER + 40 * DAY)
    world.payments.plan = "ok"
    world.resolve("ok")
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER + 40 * DAY })
    assert.strictEqual(balance(world), usd("20"))
  })

  it("R10.1 attempts of one renewal share its obligation and have numbers of their own", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + 3 * DAY)
    const renewals = world.payments.charges.slice(1)
    assert.deepStrictEqual(
      renewals.map(({ attempt }) => attempt),
      [1, 2, 3],
    )
    assert.strictEqual(new Set(renewals.map(({ obligation }) => obligation)).size, 1)
    assert.isFalse(renewals.some(({ amountCents }) => amountCents !== 2000))
  })

  it("R4.4 a quote made before the subscription fell past due is stale", () => {
    const world = onPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER - 60_000)
    const { quoteId } = quoted(world, "pro")
    world.to(DECEMBER + 1)
    refusedWith(confirm(world, quoteId), "quote_stale")
  })
})
