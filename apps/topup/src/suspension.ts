/**
 * Standing still until the customer acts (R9.6, R5.2). Pure. Owns when it begins and what ends it; each cause is told
 * once.
 */
import type { Suspension } from "./topup-state.ts"
import type { Turn } from "./turn.ts"

export interface SuspensionCause {
  /** A stable word: the decline's code, `payment_method_required`, `disputed`, an operator's reason. */
  readonly reason: string
  readonly lifts: Suspension["lifts"]
  /** Of the consent's record. */
  readonly source: string
  /** The top-up that failed. */
  readonly of?: { readonly obligation: string; readonly amountCents: number }
}

/** False: it is off, or stands still already for as strong a reason. */
export const suspend = (turn: Turn, { reason, lifts, source, of }: SuspensionCause): boolean => {
  const { consent, suspension } = turn.state
  if (consent === null) return false
  if (suspension !== null && (suspension.lifts === lifts || suspension.lifts === "consent")) return false
  turn.change({ suspension: { reason, lifts, at: turn.now }, isWanted: false })
  turn.record("suspended", source)
  turn.tell("suspended", { reason, failures: turn.state.failures, source, ...of })
  return true
}

/** The customer has acted: what failed before does not count any more. */
export const lift = (turn: Turn): void => {
  if (turn.state.suspension === null) return
  turn.change({ suspension: null, failures: 0 })
}
