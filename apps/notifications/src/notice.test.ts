/** Goal: every fact that a customer must hear of becomes its one notification, and no other does (R11). Pure. */
import { NOTIFICATION_KINDS, type PaymentFact, type SignalKind, type SubscriptionFact } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import {
  AT,
  chargeView,
  creditSignal,
  DAY,
  everyNotice,
  pastDue,
  paymentFact,
  subscriptionFact,
  topupFact,
} from "./facts.fixture.ts"
import { fromPayment } from "./from-payment.ts"
import { fromSignal } from "./from-signal.ts"
import { fromSubscription } from "./from-subscription.ts"
import { fromTopup } from "./from-topup.ts"
import { notificationId } from "./notification.ts"

describe("what is told", () => {
  it("R11 every kind there is has a fact that makes it, and each of them another cause", () => {
    const notices = everyNotice()
    assert.deepStrictEqual(
      [...new Set(notices.map(({ kind }) => kind))].toSorted(),
      Object.keys(NOTIFICATION_KINDS).toSorted(),
    )
    assert.strictEqual(new Set(notices.map(({ cause }) => cause)).size, notices.length)
    assert.strictEqual(new Set(notices.map(notificationId)).size, notices.length)
  })

  it("R11 what tells a customer nothing new makes no notification", () => {
    const quiet = ["cycle_began", "resumed", "past_due", "complimentary", "charge_waived", "review_opened"] as const
    for (const kind of quiet satisfies ReadonlyArray<SubscriptionFact["kind"]>) {
      assert.isNull(fromSubscription(subscriptionFact(kind)), kind)
    }
    const others = ["charge_succeeded", "charge_declined", "method_saved", "method_blocked"] as const
    for (const kind of others satisfies ReadonlyArray<PaymentFact["kind"]>) {
      assert.isNull(fromPayment(paymentFact(kind)), kind)
    }
    for (const kind of ["low_began", "debt_began", "lot_expired"] as const satisfies ReadonlyArray<SignalKind>) {
      assert.isNull(fromSignal(creditSignal(kind)), kind)
    }
  })

  it("R9.6 a top-up that needs the customer is told by its suspension alone", () => {
    const charge = chargeView("acc_1", { kind: "topup" })
    assert.isNull(fromPayment(paymentFact("charge_action_required", "acc_1", { charge })))
  })

  it("R5.4 a failed renewal names the next attempt and the end; the last attempt names neither", () => {
    const during = fromSubscription(subscriptionFact("payment_failed", "acc_1", pastDue(AT + DAY, AT + 7 * DAY)))
    assert.deepInclude(during?.data, {
      what: "renewal",
      amountUsd: "20.00",
      nextAttemptAt: new Date(AT + DAY).toISOString(),
      endsAt: new Date(AT + 7 * DAY).toISOString(),
    })
    const last = fromSubscription(subscriptionFact("payment_failed", "acc_1", pastDue(AT, AT)))
    assert.deepInclude(last?.data, { nextAttemptAt: null, endsAt: null })
  })

  it("R11 a credit mark is one cause a cycle, a cap's mark one a calendar month, whatever is passed again", () => {
    const mark = (change: object) => fromSignal(creditSignal("credit_at_50", "acc_1", change))!.cause
    assert.strictEqual(mark({ at: AT, seq: 1 }), mark({ at: AT + DAY, seq: 9, balance: "5" }))
    assert.notStrictEqual(mark({}), mark({ detail: `${AT}|1` }))
    const cap = (change: object) => fromTopup(topupFact("cap_80", "acc_1", change)).cause
    assert.strictEqual(cap({ id: "topup:acc_1:4" }), cap({ id: "topup:acc_1:9", at: AT + DAY }))
    assert.notStrictEqual(cap({}), cap({ detail: { month: "2026-12" } }))
  })

  it("a fact that lacks what its kind carries is a defect, not a notification with holes", () => {
    assert.throws(() => fromSubscription(subscriptionFact("started", "acc_1", { detail: {} })), /no plan/)
    assert.throws(() => fromTopup(topupFact("failed", "acc_1", { detail: {} })), /no amountCents/)
    assert.throws(() => fromSignal(creditSignal("credit_at_0", "acc_1", { detail: "x" })), /without its cycle/)
  })
})
