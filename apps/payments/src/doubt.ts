/**
 * Calls without a definite outcome (field notes A6). *Unknown*: may have been executed. The same key is repeated for an
 * hour, then the processor is only asked, for a day, then a person decides; nothing is ever failed without proof.
 * *Refused*: certainly not executed. It is repeated a while, then the attempt ends as not executed. Pure.
 */
import type { Instant } from "@credits/kernel"
import type { AskedCharge, CallKind, Doubt } from "./charge-state.ts"
import type { IntentSnapshot } from "./intent.ts"
import { verdictOf } from "./intent.ts"
import { decideBy, notExecuted } from "./verdict.ts"
import { idle, plan } from "./work.ts"

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Between repeats under the same key; the last one again and again. */
const SAME_KEY_PAUSES_MS = [5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS]
const SAME_KEY_SPAN_MS = HOUR_MS
const LOOKUP_EVERY_MS = 15 * MINUTE_MS
/** Then a person must look. */
export const DOUBT_SPAN_MS = 24 * HOUR_MS

const REFUSED_FIRST_MS = SECOND_MS
const REFUSED_LONGEST_MS = MINUTE_MS
/** A customer who waits gets an answer; a renewal can wait out a processor's bad hour. */
const REFUSED_SPAN_PRESENT_MS = MINUTE_MS
const REFUSED_SPAN_MS = HOUR_MS

/** Keys whose stored answer is a server error, for one attempt; then we stop asking for more. */
const ROUNDS_MAX = 3

const pauseAfter = (tries: number): number => SAME_KEY_PAUSES_MS[tries - 1] ?? SAME_KEY_PAUSES_MS.at(-1)!

const inDoubt = (
  state: AskedCharge,
  call: Doubt["call"],
  isOver: boolean,
  now: Instant,
): AskedCharge & { doubt: Doubt } => {
  const { since, tries, isOver: wasOver } = state.doubt ?? { since: now, tries: 0, isOver: false }
  return {
    ...state,
    status: "unknown",
    refusals: null,
    doubt: { call, since, tries: tries + 1, isOver: isOver || wasOver },
  }
}

/** The call may have been executed. */
export const doubtful = (state: AskedCharge, call: Doubt["call"], isOver: boolean, now: Instant): AskedCharge => {
  const next = inDoubt(state, call, isOver, now)
  // The key has said all it will ever say.
  if (next.doubt.isOver) return plan(next, "lookup", now, 0)
  const pauseMs = pauseAfter(next.doubt.tries)
  if (now + pauseMs - next.doubt.since <= SAME_KEY_SPAN_MS) return plan(next, call, now, pauseMs)
  return plan(next, "lookup", now, LOOKUP_EVERY_MS)
}

/** The key is of no use: only a look helps. */
export const lookNow = (state: AskedCharge, call: Doubt["call"], now: Instant): AskedCharge =>
  plan(inDoubt(state, call, false, now), "lookup", now, 0)

/** Looked, and it is still open. */
const lookAgain = (state: AskedCharge, doubt: Doubt, now: Instant): AskedCharge => {
  if (now - doubt.since >= DOUBT_SPAN_MS) return { ...idle(state), status: "review" }
  const tries = doubt.tries + 1
  const isEarly = now - doubt.since < SAME_KEY_SPAN_MS
  return plan({ ...state, doubt: { ...doubt, tries } }, "lookup", now, isEarly ? pauseAfter(tries) : LOOKUP_EVERY_MS)
}

/** The processor could not be asked. */
export const lookupFailed = (state: AskedCharge, now: Instant): AskedCharge =>
  state.doubt === null ? state : lookAgain(state, state.doubt, now)

/** The intent as a lookup in doubt showed it. */
export const lookedAt = (state: AskedCharge, doubt: Doubt, shown: IntentSnapshot, now: Instant): AskedCharge => {
  const verdict = verdictOf(shown)
  const decided = decideBy(state, verdict, shown, now)
  if (decided !== null) return decided
  if (verdict.kind !== "unconfirmed") return lookAgain(state, doubt, now)
  if (doubt.isOver) return afresh(state, "confirm", now)
  // Nothing we sent can still be under way; the intent is the proof that nothing was executed.
  if (now - doubt.since >= SAME_KEY_SPAN_MS) return notExecuted(state, "the confirmation never arrived", now)
  return lookAgain(state, doubt, now)
}

/** The processor has no intent of this charge: without one no money can have moved. */
export const noneFound = (state: AskedCharge, doubt: Doubt, now: Instant): AskedCharge => {
  const forgotten = { ...state, rounds: { ...state.rounds, create: state.rounds.create + 1 } }
  if (doubt.isOver && forgotten.rounds.create <= ROUNDS_MAX) {
    return plan({ ...forgotten, status: "submitting", doubt: null }, "create", now, 0)
  }
  return notExecuted(forgotten, "the payment was never created", now)
}

/** An execution has certainly failed: the same call under a new key. */
const afresh = (state: AskedCharge, call: "confirm", now: Instant): AskedCharge => {
  if (state.rounds.confirm >= ROUNDS_MAX) return notExecuted(state, "the processor failed again and again", now)
  const rounds = { ...state.rounds, confirm: state.rounds.confirm + 1 }
  return plan({ ...state, status: "submitting", doubt: null, rounds }, call, now, 0)
}

/** The call was certainly not executed: once more later, under the same key, or never. */
export const refusedAgain = (
  state: AskedCharge,
  call: CallKind,
  refusal: { readonly detail: string; readonly retryAfterMs: number },
  now: Instant,
): AskedCharge => {
  const { since, tries } = state.refusals ?? { since: now, tries: 0 }
  const pauseMs = Math.max(Math.min(REFUSED_FIRST_MS * 2 ** tries, REFUSED_LONGEST_MS), refusal.retryAfterMs)
  const spanMs = state.terms.present ? REFUSED_SPAN_PRESENT_MS : REFUSED_SPAN_MS
  if (now + pauseMs - since > spanMs) return notExecuted(state, refusal.detail, now)
  return plan({ ...state, status: "planned", refusals: { since, tries: tries + 1 } }, call, now, pauseMs)
}
