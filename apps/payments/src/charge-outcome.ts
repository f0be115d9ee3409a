/**
 * What came of a call to the processor, by call (R10.2, field notes A1 and A6). Pure.
 */
import type { Instant } from "@credits/kernel"
import type { AskedCharge, ChargeNotice, ChargeOutcome } from "./charge-state.ts"
import { cancelOutcome, refundFailed, refundOutcome } from "./closing.ts"
import { doubtful, lookedAt, lookNow, lookupFailed, noneFound, refusedAgain } from "./doubt.ts"
import { verdictOf, verdictOfError, type IntentSnapshot } from "./intent.ts"
import { cancel, decideBy, intentOf, lookOn, notExecuted, succeed } from "./verdict.ts"
import { run, slotted } from "./turn.ts"
import { idle } from "./work.ts"

type Outcome<K> = Extract<ChargeOutcome, { kind: K }>

export const decideOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  if (outcome.kind === "told") return { ...state, untold: null }
  if (outcome.kind === "slot") return slotted(state, outcome.at, now)
  switch (state.work?.call) {
    case "create":
      return createOutcome(state, outcome, now)
    case "update":
      return updateOutcome(state, outcome, now)
    case "confirm":
      return confirmOutcome(state, outcome, now)
    case "lookup":
      return lookupOutcome(state, outcome, now)
    case "cancel":
      return cancelOutcome(state, outcome, now)
    case "refund":
      return refundOutcome(state, outcome, now)
    case undefined:
      return state
  }
}

/** The intent exists and is known from this commit on: now it can be confirmed (field notes A3). */
const created = (state: AskedCharge, shown: IntentSnapshot, now: Instant): AskedCharge => {
  const intent = intentOf(state, shown)
  const known: AskedCharge = { ...state, intent, doubt: null, refusals: null, status: "submitting" }
  const decided = decideBy(known, verdictOf(shown), shown, now)
  // Only a success counts here: nothing of this attempt has been confirmed yet.
  if (decided?.status === "succeeded" || decided?.status === "canceled") return decided
  // One of an earlier attempt, found late, holds other terms.
  return run(known, shown.attempt === state.terms.attempt ? "confirm" : "update", now)
}

const createOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  switch (outcome.kind) {
    case "intent":
      return created(state, outcome.intent, now)
    case "refused":
      return refused(state, "create", outcome, now)
    case "failed": {
      const rounds = { ...state.rounds, create: state.rounds.create + 1 }
      return notExecuted({ ...state, rounds }, outcome.detail, now)
    }
    case "unknown":
      return doubtful(state, "create", outcome.isOver, now)
    default:
      return lookNow(state, "create", now)
  }
}

/** Moves no money: without a definite answer it is simply repeated. */
const updateOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  switch (outcome.kind) {
    case "intent": {
      const intent = { ...intentOf(state, outcome.intent), terms: state.terms }
      const updated: AskedCharge = { ...state, intent, refusals: null }
      return run(updated, "confirm", now)
    }
    case "failed":
      return failed(state, outcome, now)
    case "refused":
      return refusedAgain(state, "update", outcome, now)
    case "unknown": {
      const confirm = state.rounds.confirm + (outcome.isOver ? 1 : 0)
      const again = { ...state, rounds: { ...state.rounds, confirm } }
      return refusedAgain(again, "update", { detail: outcome.detail, retryAfterMs: 0 }, now)
    }
    default: {
      const again = { ...state, rounds: { ...state.rounds, confirm: state.rounds.confirm + 1 } }
      return refusedAgain(again, "update", { detail: "the key was of no use", retryAfterMs: 0 }, now)
    }
  }
}

const confirmOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  switch (outcome.kind) {
    case "intent":
      return decideBy(state, verdictOf(outcome.intent), outcome.intent, now) ?? lookNow(state, "confirm", now)
    case "card":
      return decideBy(state, verdictOfError(outcome.error), null, now) ?? lookNow(state, "confirm", now)
    case "failed":
      return failed(state, outcome, now)
    case "refused":
      return refused(state, "confirm", outcome, now)
    case "unknown":
      return doubtful(state, "confirm", outcome.isOver, now)
    default:
      return lookNow(state, "confirm", now)
  }
}

/** Not executed this time; an earlier sending of the same key may still have been. */
const refused = (
  state: AskedCharge,
  call: "create" | "confirm",
  outcome: Outcome<"refused">,
  now: Instant,
): AskedCharge => (state.doubt === null ? refusedAgain(state, call, outcome, now) : doubtful(state, call, false, now))

/** The processor did not take the call; the intent as it was looked at afterwards says what that means. */
const failed = (state: AskedCharge, outcome: Outcome<"failed">, now: Instant): AskedCharge => {
  const shown = outcome.intent
  if (shown === null) return lookNow(state, "confirm", now)
  const verdict = verdictOf(shown)
  if (verdict.kind === "succeeded") return succeed(state, shown, now)
  if (verdict.kind === "canceled") return cancel(state, now)
  if (state.doubt !== null) return lookedAt(state, state.doubt, shown, now)
  if (verdict.kind === "undecided") return lookNow(state, "confirm", now)
  return notExecuted(state, outcome.detail, now)
}

const lookupOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  if (state.status === "action_required") return authenticationSeen(state, outcome, now)
  const { doubt } = state
  if (doubt === null) return idle(state)
  switch (outcome.kind) {
    case "intent":
      return doubt.call === "create" ? created(state, outcome.intent, now) : lookedAt(state, doubt, outcome.intent, now)
    case "none":
      return noneFound(state, doubt, now)
    default:
      return lookupFailed(state, now)
  }
}

const authenticationSeen = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  if (outcome.kind !== "intent") return lookOn(state, false, now)
  const verdict = verdictOf(outcome.intent)
  if (verdict.kind === "action_required") return lookOn(state, true, now)
  return decideBy(state, verdict, outcome.intent, now) ?? lookOn(state, true, now)
}

/** The intent as it was fetched because an event named it. It may be late, early or a repeat. */
export const decideNotice = (state: AskedCharge, notice: ChargeNotice, now: Instant): AskedCharge => {
  if (notice.type === "refund_failed") return refundFailed(state, notice)
  const { intent: shown } = notice
  if (state.intent !== null && state.intent.id !== shown.id) return state
  return returned(byVerdict(state, shown, now), shown)
}

/** What was given back or is disputed of a charge that succeeded. */
export const returned = (known: AskedCharge, shown: IntentSnapshot): AskedCharge => {
  if (known.status !== "succeeded") return known
  const refunded = known.refunded || shown.refunded
  const disputed = known.disputed || shown.disputed
  return refunded === known.refunded && disputed === known.disputed ? known : { ...known, refunded, disputed }
}

/** What a snapshot says that may be late, early or a repeat. */
export const byVerdict = (state: AskedCharge, shown: IntentSnapshot, now: Instant): AskedCharge => {
  const verdict = verdictOf(shown)
  if (state.status === "succeeded") return state
  if (verdict.kind === "succeeded") return succeed(state, shown, now)
  if (state.status === "canceled") return state
  if (verdict.kind === "canceled" && state.intent !== null) return cancel(state, now)
  // While a call is under way its own answer decides; and a failure belongs to one attempt only.
  const isOpen = state.status === "unknown" || state.status === "review" || state.status === "action_required"
  if (!isOpen || state.closing !== null || state.intent === null) return state
  if (shown.attempt !== state.terms.attempt) return state
  return decideBy(state, verdict, shown, now) ?? state
}
