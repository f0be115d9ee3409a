/**
 * What payments tells on its stream, for one account: outcomes of charges, disputes, refunds, a new card. Pure. Owns
 * which of them concern a subscription and what they lead to; notices repeat and come in any order.
 */
import type { ChargeView, PaymentFact } from "@credits/contracts"
import { patchOperation, patchPaid, queueWork, type Change } from "./change.ts"
import { endSubscription } from "./ending.ts"
import { revokeWork } from "./ledger-work.ts"
import { beginRenewal, confirmedInFlight, obligationOf, renewalInFlight, takeCharge, takeClosed } from "./operation.ts"
import { provePayment } from "./paid.ts"
import { openCase } from "./review.ts"
import { renewalObligation, type Operation } from "./subscription.ts"

export type Notice =
  | { readonly type: "charge"; readonly charge: ChargeView }
  | { readonly type: "refunded"; readonly charge: ChargeView }
  | { readonly type: "disputed"; readonly charge: ChargeView }
  | { readonly type: "method_saved" }

/** Null: nothing of ours. Charges of auto top-up are its own, but for a dispute (R5.2). */
export const noticeOf = (fact: PaymentFact): Notice | null => {
  if (fact.kind === "method_saved") return { type: "method_saved" }
  const { charge, kind } = fact
  if (charge === null) return null
  if (kind === "charge_disputed") return { type: "disputed", charge }
  if (charge.kind === "topup" || !kind.startsWith("charge_")) return null
  return { type: kind === "charge_refunded" ? "refunded" : "charge", charge }
}

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
const takeLateSuccess = (change: Change, charge: ChargeView): void => {
  if (change.state.paid.includes(charge.obligation)) return
  const operation = givenUp(change, charge)
  if (operation !== null) {
    provePayment(change, { ...operation, chargeId: charge.chargeId })
    return
  }
  // Money for something that was given up: what it should buy is for a person to decide.
  openCase(change, charge.chargeId, "this payment succeeded after it had been given up")
}

const takeChargeNotice = (change: Change, charge: ChargeView): void => {
  const { operation } = change.state
  if (operation?.obligation === charge.obligation) takeCharge(change, operation, charge)
  else if (charge.status !== "succeeded") return
  else if (operation?.closing?.obligation === charge.obligation) takeClosed(change, operation, "succeeded")
  else takeLateSuccess(change, charge)
}

/** A period whose money was given back does not run: what is left of its credit goes, and no further cycle comes. */
const takeRefund = (change: Change, charge: ChargeView): void => {
  const { subscription, account } = change.state
  if (subscription?.kind !== "paid" || subscription.paidBy !== charge.obligation) return
  const { lot, terms } = subscription
  if (lot.id !== null) queueWork(change, revokeWork(account, charge.obligation, lot.id, terms.creditsPerCycle))
  endSubscription(change, "refunded")
}

/** R5.4: a new card is tried at once. */
const takeNewCard = (change: Change): void => {
  const { subscription, operation } = change.state
  if (subscription?.kind !== "paid") return
  if (operation?.kind === "renewal") {
    // What waits for the customer's authentication is tried anew; what is undecided must be decided first.
    if (operation.phase === "action_required" || operation.phase === "looking")
      beginRenewal(change, subscription, false)
    else if (operation.phase !== "granting") patchOperation(change, operation, { cardChanged: true })
    return
  }
  if (subscription.pastDue === null) return
  if (operation === null) beginRenewal(change, subscription, false)
  else {
    patchPaid(change, subscription, { pastDue: { ...subscription.pastDue, nextAttemptAt: change.now } })
  }
}

export const takeNotice = (change: Change, notice: Notice): void => {
  switch (notice.type) {
    case "charge":
      return takeChargeNotice(change, notice.charge)
    case "refunded":
      return takeRefund(change, notice.charge)
    case "disputed":
      return void openCase(change, notice.charge.chargeId, "the card holder disputes this payment")
    case "method_saved":
      return takeNewCard(change)
  }
}
