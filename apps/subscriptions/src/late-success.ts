/**
 * A payment that succeeded although nobody waited for it any more: of an obligation that was given up, or of an earlier
 * attempt of the one in flight. Pure. Owns what such money buys: what it was asked for, if that still fits, and nothing
 * else; the rest is for a person to decide.
 */
import type { ChargeView } from "@credits/contracts"
import { patch, type Change } from "./change.ts"
import { confirmedInFlight, fail, obligationOf, renewalInFlight, takeCharge } from "./operation.ts"
import { provePayment } from "./paid.ts"
import { openCase } from "./review.ts"
import { renewalObligation, type Failure, type Operation } from "./subscription.ts"

/** What was given up and would still be right to do: a renewal that is owed, a quote of the subscription as it is. */
const givenUp = (change: Change, { obligation, amountCents }: ChargeView): Operation | null => {
  const { subscription, operation, quotes, draftId, revision } = change.state
  if (operation !== null) return null
  if (subscription?.kind === "paid" && subscription.pastDue !== null) {
    const isOwed = renewalObligation(subscription) === obligation
    return isOwed ? renewalInFlight(change, subscription, subscription.pastDue.renewal) : null
  }
  const quote = quotes.find(
    (one) => one.proration.chargeCents === amountCents && obligationOf(one, draftId) === obligation,
  )
  return quote === undefined || quote.revision !== revision ? null : confirmedInFlight(change, quote, obligation)
}

/** A success of an obligation that is no longer in flight. */
export const takeLateSuccess = (change: Change, charge: ChargeView): void => {
  const { paid, draftId } = change.state
  if (paid.includes(charge.obligation)) return
  const operation = givenUp(change, charge)
  if (operation !== null) {
    provePayment(change, { ...operation, chargeId: charge.chargeId })
    return
  }
  // Money for something that was given up: what it should buy is for a person to decide. It buys nothing by itself,
  // so the next purchase is another subscription's (R10.1).
  if (charge.obligation === `first:${draftId}`) patch(change, { draftId: null, draftAttempts: 0 })
  openCase(change, charge.chargeId, "this payment succeeded after it had been given up")
}

const paidBefore = (chargeId: string): Failure => ({
  code: "quote_stale",
  detail: "an earlier payment has succeeded meanwhile; this one was not made",
  chargeId,
  isFinal: false,
})

/**
 * How the charge of the obligation in flight stands. Quotes of a first purchase share one obligation: paid may be an
 * earlier attempt, and its money buys what that quote said, not what was confirmed since (R4.4).
 */
export const takeChargeInFlight = (change: Change, current: Operation, charge: ChargeView): void => {
  const { kind, phase, amountCents } = current
  const isOfAnother =
    charge.status === "succeeded" && phase !== "granting" && kind === "purchase" && charge.amountCents !== amountCents
  if (!isOfAnother) {
    takeCharge(change, current, charge)
    return
  }
  // No payment failed: nobody is told so.
  fail(change, { ...current, wasTold: true }, paidBefore(charge.chargeId))
  takeLateSuccess(change, charge)
}
