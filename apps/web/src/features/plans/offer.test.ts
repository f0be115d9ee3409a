/**
 * Goal: a plan card never offers what the server would refuse, and never hides what it would sell. Method: a table of
 * states, and every plan × interval against the rule written out a second time.
 */
import type { Plan, Subscription } from "@credits/contracts/http"
import { describe, expect, it } from "vitest"
import { type Interval } from "../../format/plan.ts"
import { firstInterval, isBuyable, type Offer, offerOf, offersOf } from "./offer.ts"
import { FREE, PLANS, subscribed } from "./plans.fixture.ts"

const INTERVALS: ReadonlyArray<Interval> = ["monthly", "yearly"]
const rankOf = (id: string) => PLANS.find((plan) => plan.id === id)!.rank

const card = (id: string, interval: Interval, subscription: Subscription | null): Offer =>
  offerOf(
    PLANS.find((plan) => plan.id === id)!,
    interval,
    subscription,
    PLANS,
  )
const whyOf = ({ action }: Offer) => (action.kind === "unavailable" ? action.obstacle.why : null)
const effects = (offer: Offer) => offer.consequences.map(({ what }) => what)

describe("prices", () => {
  it("R3.1 R3.2 a visitor sees the first month's offer, without a date", () => {
    expect(card("pro", "monthly", null).price).toEqual({
      kind: "first-month",
      amountUsd: "70.00",
      thenUsd: "100.00",
      renewsAt: null,
    })
  })

  it("R3.2 R2.1 an eligible account sees it with the day of its renewal, clamped to the month's last day", () => {
    const subscription = { ...FREE, asOf: "2027-01-31T10:00:00.000Z" }
    expect(card("plus", "monthly", subscription).price).toMatchObject({
      kind: "first-month",
      renewsAt: "2027-02-28T10:00:00.000Z",
    })
  })

  it("R3.2 an account that had the offer sees the price without it", () => {
    const subscription = { ...FREE, firstMonthOfferEligible: false }
    expect(card("plus", "monthly", subscription).price).toEqual({ kind: "month", amountUsd: "20.00" })
  })

  it("R3.1 a year never has the offer, and shows the whole year's price", () => {
    for (const subscription of [null, FREE]) {
      expect(card("plus", "yearly", subscription).price).toEqual({
        kind: "year",
        amountUsd: "168.00",
        perMonthUsd: "14.00",
      })
    }
  })

  it("R3.1 an upgrade never has the offer, whatever the answer says", () => {
    const plus = subscribed("plus", "monthly")
    expect(card("pro", "monthly", plus).price).toEqual({ kind: "month", amountUsd: "100.00" })
  })
})

describe("R4.1 what can be bought", () => {
  const held = PLANS.filter((plan) => plan.rank > 0).flatMap((plan) =>
    INTERVALS.map((interval) => subscribed(plan.id, interval)),
  )
  const wanted = PLANS.filter((plan) => plan.rank > 0).flatMap((plan) =>
    INTERVALS.map((interval) => [plan, interval] as const),
  )

  it("a higher plan or the year of the same, never down and never the same again", () => {
    for (const subscription of held) {
      for (const [plan, interval] of wanted) {
        const rank = rankOf(subscription.plan)
        const keepsInterval = !(subscription.interval === "yearly" && interval === "monthly")
        const isSame = plan.id === subscription.plan && interval === subscription.interval
        const goesUp = !isSame && plan.rank >= rank && keepsInterval
        const offer = offerOf(plan, interval, subscription, PLANS)
        expect([subscription.plan, subscription.interval, plan.id, interval, isBuyable(offer)]).toEqual([
          subscription.plan,
          subscription.interval,
          plan.id,
          interval,
          goesUp,
        ])
        expect(offer.action.kind === "current").toBe(isSame)
      }
    }
  })

  it.each([
    ["plus", "monthly", subscribed("pro", "monthly"), "lower_plan"],
    ["plus", "yearly", subscribed("pro", "monthly"), "lower_plan"],
    ["pro", "monthly", subscribed("pro", "yearly"), "shorter_interval"],
    ["max", "monthly", subscribed("pro", "yearly"), "shorter_interval"],
    ["free", "monthly", subscribed("pro", "monthly"), "cancel_instead"],
    ["free", "monthly", subscribed("pro", null, { complimentary: true }), "given"],
    ["free", "monthly", subscribed("pro", "monthly", { cancelAtPeriodEnd: true }), "already_canceled"],
    ["plus", "monthly", subscribed("pro", null, { complimentary: true }), "lower_plan"],
  ] as const)("%s %s is not offered, and the card says why", (plan, interval, subscription, why) => {
    expect(whyOf(card(plan, interval, subscription))).toBe(why)
  })

  it("a plan that is not sold by an interval says so, to visitors too", () => {
    const monthlyOnly: Plan = { ...PLANS[1]!, yearly: null }
    for (const subscription of [null, FREE]) {
      const offer = offerOf(monthlyOnly, "yearly", subscription, [PLANS[0]!, monthlyOnly])
      expect(offer.price).toBe(null)
      expect(whyOf(offer)).toBe("not_sold")
    }
  })

  it("a visitor is led to sign in, from every card", () => {
    for (const interval of INTERVALS) {
      expect(offersOf(PLANS, interval, null).map(({ action }) => action.kind)).toEqual(Array(4).fill("sign_in"))
    }
  })

  it.each([
    ["processing", "being_confirmed"],
    ["being_confirmed", "being_confirmed"],
    ["action_required", "action_required"],
  ] as const)("R4.6 nothing can be bought while a payment is %s", (status, why) => {
    const pendingPayment = { chargeId: "chg_1", status, amountUsd: "16.00", since: FREE.asOf, clientSecret: null }
    for (const subscription of [FREE, subscribed("plus", "monthly")]) {
      const offers = offersOf(PLANS, "monthly", { ...subscription, pendingPayment })
      expect(offers.some(isBuyable)).toBe(false)
      expect(whyOf(offers[3]!)).toBe(why)
    }
  })
})

describe("R4.7 what will happen", () => {
  it("an upgrade is credited with the unused time", () => {
    expect(effects(card("max", "monthly", subscribed("pro", "monthly")))).toEqual(["unused_time_credited"])
  })

  it("an upgrade resumes a canceling subscription, and the plan itself says when it ends", () => {
    const canceling = subscribed("pro", "monthly", { status: "canceling", cancelAtPeriodEnd: true, renewal: null })
    expect(effects(card("max", "monthly", canceling))).toEqual(["unused_time_credited", "resumes"])
    expect(effects(card("pro", "monthly", canceling))).toEqual(["ends"])
    expect(effects(card("pro", "yearly", canceling))).toEqual(["unused_time_credited", "resumes"])
  })

  it("an upgrade drops a scheduled downgrade; both plans say when", () => {
    const at = "2027-02-01T00:00:00.000Z"
    const pendingChange = { plan: "plus", interval: "monthly" as const, effectiveAt: at }
    const scheduled = subscribed("pro", "monthly", { pendingChange })
    expect(effects(card("max", "monthly", scheduled))).toEqual(["unused_time_credited", "drops_change"])
    expect(effects(card("pro", "monthly", scheduled))).toEqual(["becomes"])
    expect(card("plus", "monthly", scheduled).consequences).toEqual([{ what: "starts", at }])
  })

  it("in past due the new price is due in full, and the plan says what is owed", () => {
    const pastDue = { amountUsd: "100.00", nextAttemptAt: null, endsAt: FREE.asOf, reason: "declined" }
    const owing = subscribed("pro", "monthly", { status: "past_due", pastDue, renewal: null })
    expect(effects(card("max", "monthly", owing))).toEqual(["in_full_past_due"])
    expect(effects(card("pro", "monthly", owing))).toEqual(["owed"])
    // R5.4: cancelling in past due ends at once.
    expect(card("free", "monthly", owing).action).toMatchObject({ obstacle: { why: "cancel_instead", endsAt: null } })
  })

  it("a complimentary plan is worth nothing and can be subscribed to", () => {
    const given = subscribed("pro", null, { complimentary: true, renewal: null })
    expect(card("pro", "monthly", given).action).toEqual({ kind: "subscribe" })
    expect(effects(card("pro", "monthly", given))).toEqual(["given_by_support", "in_full_given"])
    expect(effects(card("max", "yearly", given))).toEqual(["in_full_given"])
  })

  it("a plan that just goes on says when it renews and for how much", () => {
    expect(effects(card("pro", "monthly", subscribed("pro", "monthly")))).toEqual(["renews"])
  })
})

it("the page opens with the interval somebody pays by, else the month", () => {
  expect(firstInterval(null)).toBe("monthly")
  expect(firstInterval(FREE)).toBe("monthly")
  expect(firstInterval(subscribed("pro", "yearly"))).toBe("yearly")
})
