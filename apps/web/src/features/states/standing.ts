/** How a wallet stands, in one word. Pure. */
import type { Subscription, Wallet } from "@credits/contracts/http"
import { nanoOf } from "../../format/money.ts"

export type Standing = "free" | "zero" | "low" | "fine"

/** Below this share of the cycle's grant the customer is told (R11: 20 %). */
const LOW_PERCENT = 20n

export const standingOf = (wallet: Wallet, subscription: Subscription): Standing => {
  if (subscription.status === "free") return "free"
  const available = nanoOf(wallet.availableUsd)
  // Held credit comes back or was spent on purpose: what is not spendable now is still not "nothing left".
  if (available === 0n && nanoOf(wallet.heldUsd) === 0n) return "zero"
  const plan = wallet.lots.filter((lot) => lot.kind === "plan").reduce((sum, lot) => sum + nanoOf(lot.grantedUsd), 0n)
  const threshold = wallet.autoTopUp?.thresholdUsd ?? null
  const low = threshold === null ? (plan * LOW_PERCENT) / 100n : nanoOf(threshold)
  return available < low ? "low" : "fine"
}
