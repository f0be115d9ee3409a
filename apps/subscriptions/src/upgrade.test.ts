/**
 * Goal: an upgrade charges what was quoted, takes back exactly the credit whose money was credited, and means the right
 * thing in every state (R4). Method: one account's world, the rules' own examples to the nano-USD.
 */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import {
  balance,
  buy,
  cancel,
  confirm,
  confirmLater,
  DAY,
  DECEMBER,
  MIDDLE,
  onPlus,
  pay,
  quote,
  quoted,
  refusedWith,
  spend,
  taken,
  told,
  view,
} from "./life.fixture.ts"
import { ACCOUNT, START, World } from "./world.fixture.ts"

const MINUTE = 60_000

/** On Plus at its renewal price: October at the offer, November renewed. */
const renewedPlus = (): World => {
  const world = new World(Date.UTC(2026, 9, 1))
  buy(world, "plus")
  world.to(START)
  assert.strictEqual(balance(world), usd("20"))
  return world
}

const lots = (world: World): ReadonlyArray<string> =>
  world.book
    .live(world.now)
    .map((lot) => `${lot.remaining / 10_000_000n} until ${new Date(lot.expiresAt).toISOString()}`)

describe("the rules' own examples", () => {
  it("R4.2 R4.3 Plus bought at the offer, unspent, upgraded to Pro at once: pays 84.00, has exactly 120.00", () => {
    const world = onPlus()
    const shown = quoted(world, "pro")
    assert.deepInclude(shown, { dueTodayCents: 8400, revoked: usd("20").toString(), alreadyUsed: "0" })
    assert.strictEqual(shown.availableAfter, usd("120").toString())
    confirm(world, shown.quoteId)
    assert.deepStrictEqual(taken(world), ["first: 1600", "upgrade: 8400"])
    assert.strictEqual(balance(world), usd("120"))
  })

  it("R4.2 R4.3 Plus at the renewal price, half the cycle gone, all 20 spent, to Pro: pays 90.00, gets 110.00", () => {
    const world = renewedPlus()
    spend(world, "20")
    world.to(MIDDLE)
    const shown = quoted(world, "pro")
    assert.deepInclude(shown, { dueTodayCents: 9000, revoked: "0", alreadyUsed: usd("10").toString() })
    assert.strictEqual(shown.availableAfter, usd("110").toString())
    confirm(world, shown.quoteId)
    assert.deepStrictEqual(taken(world).at(-1), "upgrade: 9000")
    assert.strictEqual(balance(world), usd("110"))
  })

  it("R4.2 R4.3 Plus to the year of Plus at mid-cycle, 4 of 20 spent: pays 158.00; 6.00 stay to their expiry", () => {
    const world = renewedPlus()
    spend(world, "4")
    world.to(MIDDLE)
    const shown = quoted(world, "plus", "yearly")
    assert.deepInclude(shown, { dueTodayCents: 15_800, revoked: usd("10").toString(), alreadyUsed: "0" })
    confirm(world, shown.quoteId)
    assert.deepStrictEqual(lots(world), ["600 until 2026-12-01T00:00:00.000Z", "2000 until 2026-12-16T00:00:00.000Z"])
    assert.strictEqual(world.book.revoked, usd("10"))
    world.to(DECEMBER)
    assert.deepStrictEqual(lots(world), ["2000 until 2026-12-16T00:00:00.000Z"])
  })
})

describe("an upgrade", () => {
  it("R4.2 starts a new period at the quote's instant and renews from there at the full price", () => {
    const world = renewedPlus()
    world.to(MIDDLE)
    const shown = quoted(world, "pro")
    world.now += 4 * MINUTE
    confirm(world, shown.quoteId)
    assert.deepInclude(view(world), {
      plan: "pro",
      currentPeriodStart: MIDDLE,
      currentPeriodEnd: Date.UTC(2026, 11, 16),
    })
    world.to(Date.UTC(2026, 11, 16))
    assert.strictEqual(taken(world).at(-1), "renewal: 10000")
    assert.strictEqual(balance(world), usd("120"))
  })

  it("R4.4 what is spent between quote and confirmation: the grant is smaller by what lacks", () => {
    const world = renewedPlus()
    world.to(MIDDLE)
    const shown = quoted(world, "pro")
    spend(world, "15")
    world.now += 9 * MINUTE
    confirm(world, shown.quoteId)
    assert.strictEqual(taken(world).at(-1), "upgrade: 9000")
    assert.strictEqual(balance(world), usd("115"))
  })

  it("R4.1 down, sideways and from the year to the month is refused, with a pointer to support", () => {
    const world = new World()
    buy(world, "pro", "yearly")
    refusedWith(quote(world, "pro", "yearly"), "already_on_plan")
    refusedWith(quote(world, "plus", "yearly"), "downgrade_not_available")
    refusedWith(quote(world, "pro", "monthly"), "downgrade_not_available")
    refusedWith(quote(world, "max", "monthly"), "downgrade_not_available")
    refusedWith(quote(world, "free"), "not_sold")
    refusedWith(quote(world, "gold"), "plan_unknown")
    refusedWith(quote(world, "max", "weekly"), "invalid")
    assert.strictEqual(quoted(world, "max", "yearly").action, "upgrade")
  })

  it("R4.4 a renewal or a credit-cycle boundary between quote and confirmation makes the quote stale", () => {
    const monthly = renewedPlus()
    monthly.to(DECEMBER - 5000)
    const before = quoted(monthly, "pro")
    monthly.to(DECEMBER + 1000)
    refusedWith(confirm(monthly, before.quoteId), "quote_stale")
    const yearly = new World()
    buy(yearly, "plus", "yearly")
    yearly.to(DECEMBER - 5000)
    const inYear = quoted(yearly, "pro", "yearly")
    yearly.to(DECEMBER)
    refusedWith(confirm(yearly, inYear.quoteId), "quote_stale")
  })

  it("R4.6 an upgrade confirmed seconds before the renewal: the renewal waits, and is dropped by its success", () => {
    const world = renewedPlus()
    world.to(DECEMBER - 5000)
    world.payments.plan = "pending"
    confirm(world, quoted(world, "pro").quoteId)
    world.to(DECEMBER + 3000)
    assert.strictEqual(world.payments.charges.filter(({ kind }) => kind === "renewal").length, 1)
    assert.isAbove(world.book.markUntil, world.now)
    world.resolve("ok")
    assert.deepInclude(view(world), { plan: "pro", currentPeriodStart: DECEMBER - 5000 })
    assert.strictEqual(world.book.markUntil, 0)
    world.to(DECEMBER + DAY)
    assert.deepStrictEqual(taken(world).slice(-1), ["upgrade: 9999"])
    assert.strictEqual(world.payments.charges.filter(({ kind }) => kind === "renewal").length, 1)
  })

  it("R4.6 an upgrade that fails after the boundary: the waiting renewal goes on, at its own boundaries", () => {
    const world = renewedPlus()
    world.to(DECEMBER - 5000)
    world.payments.plan = "unknown"
    confirm(world, quoted(world, "pro").quoteId)
    world.to(DECEMBER + 3000)
    world.payments.plan = "ok"
    world.resolve("not_executed")
    world.to(DECEMBER + 4000)
    assert.deepInclude(view(world), { plan: "plus", currentPeriodStart: DECEMBER, status: "active" })
    assert.strictEqual(taken(world).at(-1), "renewal: 2000")
    assert.strictEqual(balance(world), usd("20"))
  })

  it("R4.3 undecided across the cycle's end: what expired unused meanwhile counts as taken back", () => {
    const world = renewedPlus()
    spend(world, "5")
    world.to(DECEMBER - 3 * DAY)
    const shown = quoted(world, "pro")
    assert.strictEqual(shown.revoked, usd("2").toString())
    world.payments.plan = "unknown"
    confirm(world, shown.quoteId)
    world.to(DECEMBER + DAY)
    world.resolve("ok")
    assert.strictEqual(balance(world), usd("120"))
    const spent = renewedPlus()
    spent.to(DECEMBER - 3 * DAY)
    spent.payments.plan = "unknown"
    confirm(spent, quoted(spent, "pro").quoteId)
    spend(spent, "19")
    spent.to(DECEMBER + DAY)
    spent.resolve("ok")
    assert.strictEqual(balance(spent), usd("119"))
  })

  it("R4.6 a renewal after an upgrade is the new plan's, and its number follows", () => {
    const world = onPlus()
    buy(world, "pro")
    world.to(DECEMBER)
    const { subscriptionId } = view(world)
    assert.strictEqual(world.payments.last().obligation, `renewal:${subscriptionId}:3`)
    assert.strictEqual(world.payments.last().amountCents, 10_000)
  })

  it("R4.5 a declined upgrade leaves plan, credit and anchor; confirmed again it is another attempt", () => {
    const world = renewedPlus()
    world.to(MIDDLE)
    const shown = quoted(world, "pro")
    world.payments.plan = "soft"
    refusedWith(confirm(world, shown.quoteId), "payment_declined")
    assert.deepInclude(view(world), { plan: "plus", currentPeriodStart: START, pendingPayment: null })
    assert.strictEqual(balance(world), usd("20"))
    world.payments.plan = "ok"
    confirm(world, shown.quoteId)
    assert.strictEqual(world.payments.last().attempt, 2)
    assert.strictEqual(view(world).plan, "pro")
  })

  it("R4.2 what is too small to charge is waived, recorded, and granted without a charge", () => {
    const world = onPlus()
    buy(world, "plus", "yearly")
    const worth = { ...world.state.subscription!, paidValue: usd("719.80") } as never
    world.state = { ...world.state, subscription: worth }
    const shown = quoted(world, "pro", "yearly")
    assert.strictEqual(shown.dueTodayCents, 0)
    const sum = shown.lines.reduce((total, line) => total + BigInt(line.amount), 0n)
    assert.strictEqual(sum, 0n)
    const charges = world.payments.charges.length
    confirm(world, shown.quoteId)
    assert.strictEqual(world.payments.charges.length, charges)
    assert.strictEqual(view(world).plan, "pro")
    assert.deepStrictEqual(told(world).slice(-2), ["charge_waived", "upgraded"])
  })
})

describe("an upgrade in other states", () => {
  it("R4.7 while canceling it resumes the subscription, and the quote says so", () => {
    const world = renewedPlus()
    cancel(world)
    world.to(MIDDLE)
    const shown = quoted(world, "pro")
    assert.include(shown.notes.join(" "), "cancellation is undone")
    confirm(world, shown.quoteId)
    assert.deepInclude(view(world), { plan: "pro", status: "active", cancelAtPeriodEnd: false })
    world.to(Date.UTC(2026, 11, 16))
    assert.strictEqual(taken(world).at(-1), "renewal: 10000")
  })

  it("R4.7 canceled after the confirmation, while undecided: the success does not undo it", () => {
    const world = renewedPlus()
    world.payments.plan = "unknown"
    confirm(world, quoted(world, "pro").quoteId)
    assert.deepStrictEqual(cancel(world), { ok: { status: "done" } })
    world.resolve("ok")
    assert.deepInclude(view(world), { plan: "pro", status: "canceling" })
  })

  it("R4.6 canceling, and the period ends while the upgrade is undecided: the end waits for it", () => {
    const world = renewedPlus()
    cancel(world)
    world.to(DECEMBER - 1000)
    world.payments.plan = "unknown"
    confirm(world, quoted(world, "pro").quoteId)
    world.to(DECEMBER + DAY)
    assert.strictEqual(view(world).status, "canceling")
    world.resolve("not_executed")
    world.to(DECEMBER + DAY + 1)
    assert.strictEqual(view(world).status, "free")
  })

  it("R4.7 it drops a scheduled downgrade, and the quote says so", () => {
    const world = new World()
    buy(world, "pro")
    const downgrade = { op: "downgrade", id: "d1", account: ACCOUNT, plan: "plus", interval: "monthly" } as const
    world.request({ ...downgrade, by: "support", reason: "asked for" })
    assert.strictEqual(view(world).pendingChange?.plan, "plus")
    const shown = quoted(world, "max")
    assert.include(shown.notes.join(" "), "scheduled change to plus is dropped")
    confirm(world, shown.quoteId)
    assert.deepInclude(view(world), { plan: "max", pendingChange: null })
  })

  it("R4.7 past due: nothing is credited, the open renewal is closed for ever, the price is due in full", () => {
    const world = renewedPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + DAY)
    assert.strictEqual(view(world).status, "past_due")
    world.payments.plan = "ok"
    const shown = quoted(world, "pro")
    assert.deepInclude(shown, { dueTodayCents: 10_000, revoked: "0", alreadyUsed: "0" })
    const owed = world.payments.last().obligation
    confirm(world, shown.quoteId)
    assert.isTrue(world.payments.closed.has(owed))
    assert.deepInclude(view(world), {
      plan: "pro",
      status: "active",
      pastDue: null,
      currentPeriodStart: DECEMBER + DAY,
    })
    assert.isFalse(world.book.entitlement?.pastDue)
    assert.strictEqual(balance(world), usd("120"))
  })

  it("R4.7 past due and the upgrade declined: still past due, and the renewal goes on under the next number", () => {
    const world = renewedPlus()
    world.payments.plan = "soft"
    world.to(DECEMBER + DAY)
    const owed = world.payments.last().obligation
    refusedWith(confirm(world, quoted(world, "pro").quoteId), "payment_declined")
    assert.strictEqual(view(world).status, "past_due")
    world.payments.plan = "ok"
    pay(world)
    assert.notStrictEqual(world.payments.last().obligation, owed)
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER })
  })

  it("R4.7 past due, and the renewal to be closed turns out paid: the renewal happened, the quote is stale", () => {
    const world = renewedPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + MINUTE)
    const shown = quoted(world, "pro")
    world.payments.decide(world.payments.last(), "ok", world.now)
    refusedWith(confirm(world, shown.quoteId), "quote_stale")
    assert.deepInclude(view(world), { plan: "plus", status: "active", currentPeriodStart: DECEMBER })
    assert.strictEqual(taken(world).at(-1), "renewal: 2000")
    assert.strictEqual(balance(world), usd("20"))
  })

  it("R4.7 R10.1 past due, and the close goes on by itself: the renewal goes on under the next number", () => {
    const world = renewedPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + MINUTE)
    const shown = quoted(world, "pro")
    const owed = world.payments.decide(world.payments.last(), "unknown", world.now)
    refusedWith(confirm(world, shown.quoteId), "payment_being_confirmed")
    world.tell({ ...owed, status: "canceled" })
    world.payments.plan = "ok"
    world.to(DECEMBER + DAY)
    assert.deepInclude(view(world), { plan: "plus", status: "active", currentPeriodStart: DECEMBER })
    assert.notStrictEqual(world.payments.last().obligation, owed.obligation)
  })

  it("R4.7 past due, and an attempt is undecided after all: nothing is charged until it is decided", () => {
    const world = renewedPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + MINUTE)
    const shown = quoted(world, "pro")
    world.payments.decide(world.payments.last(), "unknown", world.now)
    refusedWith(confirm(world, shown.quoteId), "payment_being_confirmed")
    world.resolve("ok")
    assert.deepInclude(view(world), { plan: "plus", status: "active" })
  })

  it("R4.7 a complimentary plan is worth nothing: the price is due in full, never at the offer", () => {
    const world = new World()
    const given = {
      op: "complimentary",
      id: "g1",
      account: ACCOUNT,
      plan: "plus",
      by: "support",
      reason: "tester",
    } as const
    assert.deepStrictEqual(world.request(given), { ok: { status: "done" } })
    assert.deepInclude(view(world), { plan: "plus", complimentary: true, firstMonthOfferEligible: false })
    refusedWith(world.request({ ...given, plan: "max", until: 5 }), "invalid")
    assert.deepInclude(quoted(world, "plus"), { action: "upgrade", dueTodayCents: 2000 })
    buy(world, "pro")
    assert.deepInclude(view(world), { plan: "pro", complimentary: false, interval: "monthly" })
    assert.deepStrictEqual(taken(world), ["upgrade: 10000"])
    assert.strictEqual(balance(world), usd("120"))
  })

  it("R4.6 an upgrade in flight waits for its authentication at most an hour; then the quote has failed", () => {
    const world = renewedPlus()
    world.payments.plan = "action"
    const shown = quoted(world, "pro")
    refusedWith(confirm(world, shown.quoteId), "payment_action_required")
    const waiting = confirmLater(world, shown.quoteId)
    refusedWith(waiting.answer, "payment_action_required")
    world.to(START + 65 * MINUTE)
    assert.deepInclude(view(world), { plan: "plus", pendingPayment: null })
    assert.strictEqual(quoted(world, "pro").action, "upgrade")
  })
})
