/**
 * The end of a subscription (R5.1, R5.4): the account is Free from then on; the next one begins a new chain (R2.4).
 * Pure. Owns ending alone; who wants it and when is decided elsewhere.
 */
import { patch, queueWork, revise, tell, type Change } from "./change.ts"
import { endWork, revokeWork } from "./ledger-work.ts"
import type { PaidSubscription } from "./subscription.ts"

export type EndReason = "canceled" | "lapsed" | "refunded" | "complimentary_ended"

export const endSubscription = (change: Change, reason: EndReason): void => {
  const { subscription, account } = change.state
  if (subscription === null) return
  revise(change, null)
  patch(change, { operation: null })
  const { revision } = change.state
  queueWork(change, endWork(account, subscription.id, revision, change.now))
  tell(change, "ended", `${subscription.id}:${revision}`, {
    subscriptionId: subscription.id,
    plan: subscription.kind === "paid" ? subscription.terms.plan : subscription.plan,
    reason,
  })
}

/** R5.2: the money for the period was given back: what is left of its credit goes. */
export const takeRefundedCredit = (change: Change, { lot, terms, paidBy }: PaidSubscription): void => {
  const { account } = change.state
  if (lot.id !== null) queueWork(change, revokeWork(account, paidBy, lot.id, terms.creditsPerCycle))
}

/** A period whose money was given back does not run: no further cycle comes. */
export const endRefunded = (change: Change, subscription: PaidSubscription): void => {
  takeRefundedCredit(change, subscription)
  endSubscription(change, "refunded")
}

/** Credit that is on its way can only be taken back once it is there; a payment in flight is decided first (R4.6). */
export const endIfRefunded = (change: Change): void => {
  const { subscription, operation, work } = change.state
  if (subscription?.kind !== "paid" || subscription.isRefunded !== true || operation !== null) return
  if (!work.some(({ lot }) => lot === subscription.lot.cause)) endRefunded(change, subscription)
}
