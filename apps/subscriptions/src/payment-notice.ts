/**
 * What payments tells on its stream, for one account: outcomes of charges, disputes, refunds, a new card. Pure. Owns
 * which of them concern a subscription and what they lead to; notices repeat and come in any order.
 */
import type { ChargeView, PaymentFact } from "@credits/contracts"
import { patchOperation, patchPaid, queueWork, type Change } from "./change.ts"
import { endSubscription } from "./ending.ts"
import { revokeWork } from "./ledger-work.ts"
import { beginRenewal, renewalInFlight, takeCharge, takeClosed } from "./operation.ts"
import { provePayment } from "./paid.ts"
import { openCase } from "./review.ts"
import { renewalObligation } from "./subscription.ts"

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

/** A success of an obligation that is no longer in flight. */
const takeLateSuccess = (change: Change, charge: ChargeView): void => {
  const { state } = change
  if (state.paid.includes(charge.obligation)) return
  const { subscription, operation } = state
  if (
    operation === null &&
    subscription?.kind === "paid" &&
    subscription.pastDue !== null &&
    renewalObligation(subscription) === charge.obligation
  ) {
    const renewal = renewalInFlight(change, subscription, subscription.pastDue.renewal)
    provePayment(change, { ...renewal, chargeId: charge.chargeId })
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
    if (operation.phase !== "granting") patchOperation(change, operation, { cardChanged: true })
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
