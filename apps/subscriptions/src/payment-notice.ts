/**
 * What payments tells on its stream, for one account: outcomes of charges, disputes, refunds, a new card. Pure. Owns
 * which of them concern a subscription and what they lead to; notices repeat and come in any order.
 */
import type { ChargeView, PaymentFact } from "@credits/contracts"
import { patchOperation, patchPaid, type Change } from "./change.ts"
import { endIfRefunded } from "./ending.ts"
import { takeChargeInFlight, takeLateSuccess } from "./late-success.ts"
import { beginRenewal, heardWhileClosing } from "./operation.ts"
import { periodEnd } from "./period.ts"
import { openCase } from "./review.ts"

export type Notice =
  | { readonly type: "charge"; readonly charge: ChargeView }
  | { readonly type: "refunded"; readonly charge: ChargeView }
  | { readonly type: "disputed"; readonly charge: ChargeView }
  | { readonly type: "refund_failed"; readonly charge: ChargeView }
  | { readonly type: "method_saved"; readonly methodId: string | null }

/** Null: nothing of ours. Charges of auto top-up are its own, but for what a person must see (R5.2). */
export const noticeOf = (fact: PaymentFact): Notice | null => {
  if (fact.kind === "method_saved") return { type: "method_saved", methodId: fact.method?.id ?? null }
  const { charge, kind } = fact
  if (charge === null) return null
  if (kind === "charge_disputed") return { type: "disputed", charge }
  if (kind === "charge_refund_failed") return { type: "refund_failed", charge }
  if (charge.kind === "topup" || !kind.startsWith("charge_")) return null
  return { type: kind === "charge_refunded" ? "refunded" : "charge", charge }
}

const takeChargeNotice = (change: Change, charge: ChargeView): void => {
  const { operation } = change.state
  if (operation?.obligation === charge.obligation) takeChargeInFlight(change, operation, charge)
  else if (operation?.closing?.obligation === charge.obligation) heardWhileClosing(change, operation, charge)
  else if (charge.status === "succeeded") takeLateSuccess(change, charge)
}

/** R5.2: the money for the period that runs was given back. */
const takeRefund = (change: Change, charge: ChargeView): void => {
  const { subscription } = change.state
  if (subscription?.kind !== "paid" || subscription.paidBy !== charge.obligation) return
  // A period that is over has no credit left, and what is owed for the next may still be paid.
  if (change.now >= periodEnd(subscription.period)) return
  patchPaid(change, subscription, { isRefunded: true })
  endIfRefunded(change)
}

/** R5.4: a new card is tried at once; one that has been tried already, and did not pay, is left in peace. */
const takeNewCard = (change: Change, methodId: string | null): void => {
  const { subscription, operation } = change.state
  if (subscription?.kind !== "paid") return
  if (methodId !== null && subscription.pastDue?.methodId === methodId) return
  if (operation?.kind === "renewal") {
    // What waits for the customer's authentication is tried anew; what is undecided must be decided first.
    if (operation.phase === "action_required" || operation.phase === "looking")
      beginRenewal(change, subscription, false)
    else if (operation.phase !== "granting")
      patchOperation(change, operation, { cardChanged: true, newMethodId: methodId })
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
    case "refund_failed":
      return void openCase(change, notice.charge.chargeId, "the refund of this payment failed: the money came back")
    case "method_saved":
      return takeNewCard(change, notice.methodId)
  }
}
