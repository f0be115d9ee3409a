/**
 * The ends that people and other services give a charge: an obligation is closed for ever (R4.7, R5.4), money is given
 * back (R5.2), a person decides what nobody could find out (R10.2). Pure.
 */
import type { SagaAnswer } from "@credits/actor/saga"
import type { CloseAnswer } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import {
  isAsked,
  viewOf,
  type AskedCharge,
  type ChargeCommand,
  type ChargeNotice,
  type ChargeOutcome,
  type ChargeState,
} from "./charge-state.ts"
import { verdictOf } from "./intent.ts"
import { cancel, notExecuted, succeed } from "./verdict.ts"
import { idle, plan } from "./work.ts"

type Command<Op> = Extract<ChargeCommand, { op: Op }>

interface Ended {
  readonly state: ChargeState
  readonly answer: SagaAnswer | null
}

const closed = (status: CloseAnswer["status"]): SagaAnswer => ({ ok: { status } satisfies CloseAnswer })
const refused = (code: string, detail: string): SagaAnswer => ({ refused: { code, detail } })
export const NOT_FOUND = refused("not_found", "there is no such charge")

/** Cancelling is repeated until the processor has done it: only then can no success come any more. */
const PAUSES_MS = [5_000, 30_000, 120_000, 600_000, 900_000]
const pauseAfter = (tries: number): number => PAUSES_MS[tries - 1] ?? PAUSES_MS.at(-1)!

export const close = (state: ChargeState, command: Command<"charge-close">, now: Instant): Ended => {
  if (!isAsked(state)) {
    return { state: { ...state, account: command.account, status: "canceled" }, answer: closed("closed") }
  }
  if (state.account !== command.account) return { state, answer: NOT_FOUND }
  const answer = closeAnswerOf(state, false)
  if (answer !== null || state.closing !== null) return { state, answer }
  if (isUndecided(state)) return { state, answer: closed("pending") }
  // Without an intent the processor knows nothing that could still be paid.
  if (state.intent === null) return { state: cancel(state, now), answer: closed("closed") }
  return { state: plan({ ...state, closing: { tries: 0, round: 1 } }, "cancel", now, 0), answer: null }
}

/** Something was sent and nobody knows its end. */
const isUndecided = (state: AskedCharge): boolean =>
  state.status === "submitting" || state.status === "unknown" || state.status === "review"

export const closeAnswerOf = (state: ChargeState, final: boolean): SagaAnswer | null => {
  if (state.status === "succeeded") return closed("succeeded")
  if (state.status === "canceled") return closed("closed")
  return final ? closed("pending") : null
}

export const cancelOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  const { closing } = state
  if (closing === null) return idle(state)
  const shown = outcome.kind === "intent" || outcome.kind === "failed" ? outcome.intent : null
  const verdict = shown === null ? null : verdictOf(shown).kind
  if (shown !== null && verdict === "succeeded") return succeed(state, shown, now)
  if (verdict === "canceled") return cancel(state, now)
  const tries = closing.tries + 1
  const round = closing.round + (isSpent(outcome) ? 1 : 0)
  return plan({ ...state, closing: { tries, round } }, "cancel", now, pauseAfter(tries))
}

/** The key will answer the same for ever. */
const isSpent = (outcome: ChargeOutcome): boolean =>
  outcome.kind === "failed" || (outcome.kind === "unknown" && outcome.isOver)

export const refund = (state: ChargeState, command: Command<"charge-refund">, now: Instant): Ended => {
  if (!isAsked(state)) return { state, answer: NOT_FOUND }
  if (state.refunded) return { state, answer: { ok: viewOf(state) } }
  if (state.status !== "succeeded" || state.intent === null) {
    return { state, answer: refused("not_refundable", `the charge is ${state.status}: there is nothing to give back`) }
  }
  if (state.refund !== null) return { state, answer: null }
  const begun = { by: command.by, reason: command.reason, at: now, tries: 0, round: state.refundRound ?? 1 }
  return { state: plan({ ...state, refund: begun, refundRefused: null }, "refund", now, 0), answer: null }
}

export const refundAnswerOf = (state: ChargeState, final: boolean): SagaAnswer | null => {
  if (!isAsked(state)) return NOT_FOUND
  if (state.refunded) return { ok: viewOf(state) }
  if (state.refundRefused !== null) return refused("not_refundable", state.refundRefused)
  return final ? refused("unavailable", "the refund is under way; ask again") : null
}

export const refundOutcome = (state: AskedCharge, outcome: ChargeOutcome, now: Instant): AskedCharge => {
  const begun = state.refund
  if (begun === null) return idle(state)
  // The key has said what it will ever say; a refund of later is another.
  const ended = { ...idle(state), refund: null, refundRound: begun.round + 1 }
  if (outcome.kind === "refunded") return { ...ended, refunded: true }
  if (outcome.kind === "failed") return { ...ended, refundRefused: outcome.detail }
  const tries = begun.tries + 1
  const round = begun.round + (isSpent(outcome) ? 1 : 0)
  return plan({ ...state, refund: { ...begun, tries, round } }, "refund", now, pauseAfter(tries))
}

/** Banks may send a refund back days later: the money is ours again, and may be given back once more (R5.2). */
export const refundFailed = (
  state: AskedCharge,
  { refund: id, intent: shown }: Extract<ChargeNotice, { type: "refund_failed" }>,
): AskedCharge => {
  const { failedRefunds = [] } = state
  if (!state.refunded || shown.refunded || state.intent?.id !== shown.id || failedRefunds.includes(id)) return state
  return { ...state, refunded: false, failedRefunds: [...failedRefunds, id] }
}

export const resolve = (state: ChargeState, command: Command<"charge-resolve">, now: Instant): Ended => {
  if (!isAsked(state)) return { state, answer: NOT_FOUND }
  if (state.status === command.outcome) return { state, answer: { ok: viewOf(state) } }
  if (state.status !== "review") {
    const detail = `the charge is ${state.status}: only one in review is decided by a person`
    return { state, answer: refused("not_resolvable", detail) }
  }
  const decided = resolved(state, command.outcome, now)
  return { state: decided, answer: { ok: viewOf(decided) } }
}

const resolved = (state: AskedCharge, outcome: "succeeded" | "not_executed", now: Instant): AskedCharge => {
  if (outcome === "not_executed") return notExecuted(state, "decided by a person", now)
  const { terms } = state
  return { ...cancel(state, now), status: "succeeded", taken: terms }
}
