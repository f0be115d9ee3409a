/**
 * A charge is asked for: the first attempt of an obligation, a repeat of the question, or a new attempt after a
 * definite failure (R10.1). Freezes the attempt's terms. Pure.
 */
import type { SagaAnswer } from "@credits/actor/saga"
import type { ChargeAnswer } from "@credits/contracts"
import {
  isAsked,
  isDecided,
  viewOf,
  type AskedCharge,
  type ChargeCommand,
  type ChargeContext,
  type ChargeState,
  type Terms,
} from "./charge-state.ts"
import { declineAs } from "./verdict.ts"
import { plan, workDue } from "./work.ts"

export type AskCommand = Extract<ChargeCommand, { op: "charge" }>

export interface Asked {
  readonly state: ChargeState
  readonly answer: SagaAnswer | null
}

const refused = (state: ChargeState, code: string, detail: string): Asked => ({
  state,
  answer: { refused: { code, detail } },
})

/**
 * Nothing is under way, and its next call comes later in business time: at its slot, or after a refusal. Nobody is
 * there to wait for that, and a night of renewals would be as slow as the patience of those who ask.
 */
const isForLater = (state: AskedCharge): boolean =>
  !state.terms.present && state.doubt === null && state.closing === null && workDue(state) !== null

/** The answer as it stands, or null while nothing is decided. */
export const answerOf = (state: AskedCharge, final: boolean): SagaAnswer | null => {
  const isOver = isDecided(state) && state.closing === null
  if (!isOver && !final && !isForLater(state)) return null
  const answer: ChargeAnswer = { status: isOver ? "decided" : "pending", charge: viewOf(state) }
  return { ok: answer }
}

const CLOSED = "the obligation was closed: it is never charged again"

export const ask = (state: ChargeState, command: AskCommand, context: ChargeContext): Asked => {
  if (!isAsked(state)) {
    if (state.status === "canceled") return refused(state, "obligation_closed", CLOSED)
    return begin(state, command, context)
  }
  if (state.account !== command.account || state.kind !== command.kind) {
    return refused(state, "id_conflict", "the obligation belongs to another account or is of another kind")
  }
  if (state.status === "succeeded") return { state, answer: answerOf(state, false) }
  const newest = state.terms.attempt
  if (command.attempt === newest && command.amountCents !== state.terms.amountCents) {
    return refused(state, "id_conflict", `attempt ${newest} was asked with another amount`)
  }
  const isNew = command.attempt > newest
  if (isNew && state.status === "canceled") return refused(state, "obligation_closed", CLOSED)
  // One attempt at a time: while this one is open, whoever asks for another hears of this one.
  if (!isNew || !isDecided(state) || state.closing !== null) return { state, answer: answerOf(state, false) }
  return begin(state, command, context)
}

const begin = (state: ChargeState, command: AskCommand, context: ChargeContext): Asked => {
  const { saved } = command
  if (saved === null) {
    return refused(state, "payment_method_required", "the account has no saved payment method")
  }
  const terms: Terms = {
    attempt: command.attempt,
    amountCents: command.amountCents,
    description: command.description,
    present: command.present,
    customer: saved.customer,
    method: saved.method,
    at: context.now,
  }
  const begun: AskedCharge = {
    ...state,
    chargeId: state.chargeId ?? context.newId("chg"),
    account: command.account,
    kind: command.kind,
    status: "planned",
    terms,
    key: null,
    rounds: { ...state.rounds, confirm: 1 },
    doubt: null,
    refusals: null,
    looks: 0,
    expiresAt: null,
    decline: null,
    failure: null,
    decidedAt: null,
  }
  if (saved.refusal !== null) {
    const declined = declineAs(begun, saved.refusal, context.now)
    return { state: declined, answer: answerOf(declined, false) }
  }
  if (isAsked(state) && wantsCustomer(state, terms)) {
    const waiting: AskedCharge = { ...begun, status: "action_required", decidedAt: context.now }
    return { state: waiting, answer: answerOf(waiting, false) }
  }
  // The one intent of the obligation is brought to the new terms before it is confirmed again.
  return { state: plan(begun, state.intent === null ? "create" : "update", context.now, 0), answer: null }
}

/** The bank has asked for the customer: the same charge without them is never repeated (field notes A5). */
const wantsCustomer = (state: AskedCharge, next: Terms): boolean =>
  state.status === "action_required" &&
  !next.present &&
  next.method.id === state.terms.method.id &&
  next.amountCents === state.terms.amountCents
