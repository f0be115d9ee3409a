/**
 * A person has the processor asked about a charge now (R10.2): what it shows is believed as what an event shows, and in
 * review as what the charge's own looks would have found. The schedule of those looks stays as it is. Pure.
 */
import type { Instant } from "@credits/kernel"
import type { AskedCharge } from "./charge-state.ts"
import { byVerdict, returned } from "./charge-outcome.ts"
import { verdictOf, type IntentSnapshot } from "./intent.ts"
import { decideBy, intentOf, notExecuted } from "./verdict.ts"

/** `shown` null: the processor has no intent of this charge. */
export const lookUp = (state: AskedCharge, shown: IntentSnapshot | null, now: Instant): AskedCharge => {
  const isInReview = state.status === "review"
  if (shown === null) return isInReview ? neverCreated(state, now) : state
  return returned(isInReview ? reviewed(state, shown, now) : byVerdict(state, shown, now), shown)
}

/** A repeat must not find the creation that was never executed under the same key. */
const neverCreated = (state: AskedCharge, now: Instant): AskedCharge => {
  const rounds = { ...state.rounds, create: state.rounds.create + 1 }
  return notExecuted({ ...state, rounds }, "the payment was never created", now)
}

/** Nothing was sent for most of a day: what is not confirmed by now was never executed, and the intent is the proof. */
const reviewed = (state: AskedCharge, shown: IntentSnapshot, now: Instant): AskedCharge => {
  const verdict = verdictOf(shown)
  if (verdict.kind === "undecided") return state
  const known = { ...state, intent: intentOf(state, shown) }
  if (verdict.kind === "unconfirmed") return notExecuted(known, "the confirmation never arrived", now)
  return decideBy(known, verdict, shown, now) ?? state
}
