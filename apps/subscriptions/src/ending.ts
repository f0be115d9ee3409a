/**
 * The end of a subscription (R5.1, R5.4): the account is Free from then on; the next one begins a new chain (R2.4).
 * Pure. Owns ending alone; who wants it and when is decided elsewhere.
 */
import { patch, queueWork, revise, tell, type Change } from "./change.ts"
import { endWork } from "./ledger-work.ts"

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
