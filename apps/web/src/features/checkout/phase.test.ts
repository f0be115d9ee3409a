/** Goal: no answer of the server leads to a second charge or to "try again" while money may have moved. */
import type { Charge, Quote, Subscription } from "@credits/contracts/http"
import { describe, expect, it } from "vitest"
import { FREE, subscribed } from "../plans/plans.fixture.ts"
import {
  clockText,
  endOf,
  isDecided,
  type Known,
  outcomeOfAnswer,
  outcomeOfRefusal,
  phaseOf,
  type Refusal,
} from "./phase.ts"

const quote: Quote = {
  quoteId: "qt_1",
  quotedAt: "2027-01-10T00:00:00.000Z",
  expiresAt: "2027-01-10T00:10:00.000Z",
  action: "new",
  plan: "plus",
  interval: "monthly",
  catalogueVersion: "1",
  lines: [{ label: "Plus, one month", amountUsd: "20.00" }],
  dueTodayUsd: "20.00",
  newGrantUsd: "20.00",
  revokedUsd: "0.00",
  alreadyUsedUsd: "0.00",
  availableAfterUsd: "20.00",
  nextChargeAt: "2027-02-10T00:00:00.000Z",
  nextChargeUsd: "20.00",
  notes: [],
}

const refusal = (code: string, isTransient = false): Refusal => ({ code, message: code, isTransient, extras: {} })
const known = (over: Partial<Known>): Known => ({
  wanted: { plan: "plus", interval: "monthly" },
  subscription: FREE,
  quote,
  isPaying: false,
  outcome: null,
  isAwaited: false,
  ...over,
})
const withPending = (status: NonNullable<Subscription["pendingPayment"]>["status"]): Subscription => ({
  ...FREE,
  pendingPayment: { chargeId: "chg_1", status, amountUsd: "16.00", since: FREE.asOf, clientSecret: null },
})

describe("answers to the confirmation", () => {
  it("R10.2 202 is undecided, the subscription is paid", () => {
    expect(outcomeOfAnswer({ code: "payment_being_confirmed", chargeId: null })).toMatchObject({ kind: "undecided" })
    expect(outcomeOfAnswer(subscribed("plus", "monthly"))).toEqual({ kind: "paid" })
  })

  it.each([
    ["payment_being_confirmed", "undecided"],
    ["payment_action_required", "undecided"],
    ["payment_declined", "declined"],
    ["quote_expired", "requote"],
    ["quote_stale", "requote"],
    ["not_found", "requote"],
    ["payment_method_required", "card_required"],
    ["already_on_plan", "refused"],
  ])("%s is %s", (code, kind) => {
    expect(outcomeOfRefusal(refusal(code)).kind).toBe(kind)
  })

  it("R10.1 only a decided answer makes the next attempt another request", () => {
    expect(isDecided(outcomeOfRefusal(refusal("payment_declined")))).toBe(true)
    expect(isDecided(outcomeOfRefusal(refusal("payment_being_confirmed")))).toBe(false)
    expect(isDecided(outcomeOfRefusal(refusal("payment_action_required")))).toBe(false)
    expect(isDecided(outcomeOfRefusal(refusal("unavailable", true)))).toBe(false)
    expect(isDecided(outcomeOfRefusal(refusal("offline", true)))).toBe(false)
  })
})

describe("phases", () => {
  it("R4.6 an undecided payment is shown before anything else, also after a reload", () => {
    for (const status of ["processing", "being_confirmed", "action_required"] as const) {
      const subscription = withPending(status)
      for (const quoted of [quote, undefined, refusal("payment_being_confirmed")]) {
        expect(phaseOf(known({ subscription, quote: quoted })).name).toBe("pending")
      }
    }
  })

  it("R10.2 nothing can be paid between an undecided answer and the subscription that shows it", () => {
    expect(phaseOf(known({ outcome: { kind: "undecided", chargeId: null } })).name).toBe("pending")
    expect(phaseOf(known({ outcome: { kind: "paid" } })).name).toBe("pending")
    expect(phaseOf(known({ quote: refusal("payment_being_confirmed") })).name).toBe("pending")
  })

  it("R4.4 after a decline the same quote can be paid again", () => {
    expect(phaseOf(known({ outcome: { kind: "declined", detail: "no" } }))).toEqual({ name: "offered", quote })
  })

  it("a plan that is there is bought, newly or already", () => {
    const subscription = subscribed("plus", "monthly")
    expect(phaseOf(known({ subscription, quote: refusal("already_on_plan") }))).toMatchObject({
      name: "bought",
      isNew: false,
    })
    expect(phaseOf(known({ subscription, outcome: { kind: "paid" } }))).toMatchObject({ name: "bought", isNew: true })
    expect(phaseOf(known({ subscription, isAwaited: true }))).toMatchObject({ name: "bought", isNew: true })
  })

  it("R4.1 what is not sold is refused with the server's words", () => {
    expect(phaseOf(known({ quote: refusal("downgrade_not_available") }))).toMatchObject({ name: "refused" })
  })

  it("R4.7 a complimentary plan of the same name is not a purchase", () => {
    const subscription = subscribed("plus", null, { complimentary: true })
    expect(phaseOf(known({ subscription })).name).toBe("offered")
  })
})

describe("how an undecided payment ended", () => {
  const charge = (status: Charge["status"], declineReason: string | null = null): Charge => ({
    chargeId: "chg_1",
    at: FREE.asOf,
    obligation: "first:sub_1",
    kind: "first",
    description: "",
    amountUsd: "16.00",
    status,
    declineReason,
    card: null,
    refunded: false,
    disputed: false,
    receiptUrl: null,
  })

  it("a decline is told with its reason, a cancel as nothing charged", () => {
    expect(endOf(charge("declined", "No."))).toEqual({ kind: "declined", detail: "No." })
    expect(endOf(charge("canceled"))).toMatchObject({ detail: expect.stringContaining("nothing was charged") })
  })

  it("success and what is not known say nothing", () => {
    expect(endOf(charge("succeeded"))).toBe(null)
    expect(endOf(charge("being_confirmed"))).toBe(null)
    expect(endOf(undefined)).toBe(null)
  })
})

it("the time left is never negative", () => {
  expect(clockText(600_000)).toBe("10:00")
  expect(clockText(65_001)).toBe("1:06")
  expect(clockText(-5)).toBe("0:00")
})
