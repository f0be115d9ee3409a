/**
 * The charge of one obligation (R10.1): at most one successful charge for ever (I6). Its state says what has to be
 * under way at the processor; every amount, method and idempotency key is in it before it is sent, so that a restart at
 * any point repeats and never doubles. Pure; the processor is behind `perform.ts`.
 */
import type { SagaMachine, SagaTransition } from "@credits/actor/saga"
import type { ChargeStatus, PaymentFact } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { answerOf, ask } from "./attempt.ts"
import { decideNotice, decideOutcome } from "./charge-outcome.ts"
import {
  isAsked,
  newCharge,
  rowOf,
  viewOf,
  type AskedCharge,
  type ChargeCommand,
  type ChargeContext,
  type ChargeDecision,
  type ChargeInput,
  type ChargeNotice,
  type ChargeOutcome,
  type ChargeRow,
  type ChargeState,
  type ChargeStep,
} from "./charge-state.ts"
import { close, closeAnswerOf, NOT_FOUND, refund, refundAnswerOf, resolve } from "./closing.ts"
import { lookUp } from "./look-up.ts"
import { runDueWork } from "./turn.ts"
import { stepsOf, workDue } from "./work.ts"

const FACT_OF: Readonly<Record<ChargeStatus, PaymentFact["kind"] | null>> = {
  planned: null,
  submitting: null,
  succeeded: "charge_succeeded",
  declined: "charge_declined",
  action_required: "charge_action_required",
  not_executed: "charge_not_executed",
  unknown: "charge_unknown",
  review: null,
  canceled: "charge_canceled",
}

/** What the others must hear of this change. */
const factKinds = (before: ChargeState, after: AskedCharge): ReadonlyArray<PaymentFact["kind"]> => {
  const isNews = before.status !== after.status || before.terms?.attempt !== after.terms.attempt
  const kind = isNews ? FACT_OF[after.status] : null
  return [
    ...(kind === null ? [] : [kind]),
    ...(after.refunded && !before.refunded ? (["charge_refunded"] as const) : []),
    ...(before.refunded && !after.refunded ? (["charge_refund_failed"] as const) : []),
    ...(after.disputed && !before.disputed ? (["charge_disputed"] as const) : []),
  ]
}

const decided = (
  before: ChargeState,
  after: ChargeState,
  answer: ChargeDecision["answer"],
  now: Instant,
  action: ChargeRow["action"],
): ChargeDecision => {
  if (after === before || !isAsked(after)) return { state: after, answer, facts: [], rows: [] }
  const kinds = factKinds(before, after)
  const state: AskedCharge = { ...after, facts: after.facts + kinds.length }
  const facts = kinds.map((kind, index): PaymentFact => ({
    v: 1,
    id: `${state.chargeId}.${after.facts + index + 1}`,
    kind,
    account: state.account,
    at: now,
    charge: viewOf(state),
    method: null,
  }))
  return { state, answer, facts, rows: [rowOf(state, action)] }
}

const command = (state: ChargeState, given: ChargeCommand, context: ChargeContext): ChargeDecision => {
  const { now } = context
  switch (given.op) {
    case "charge": {
      const { state: after, answer } = ask(state, given, context)
      return decided(state, after, answer, now, null)
    }
    case "charge-close": {
      const { state: after, answer } = close(state, given, now)
      return decided(state, after, answer, now, null)
    }
    case "charge-look-up": {
      if (!isAsked(state)) return decided(state, state, NOT_FOUND, now, null)
      const after = lookUp(state, given.shown, now)
      const what = `look-up ${after.status}`
      return decided(state, after, { ok: viewOf(after) }, now, { at: now, what, by: given.by, reason: given.reason })
    }
    case "charge-refund":
    case "charge-resolve": {
      const { state: after, answer } =
        given.op === "charge-refund" ? refund(state, given, now) : resolve(state, given, now)
      const what = given.op === "charge-refund" ? "refund" : `resolve ${given.outcome}`
      return decided(state, after, answer, now, { at: now, what, by: given.by, reason: given.reason })
    }
  }
}

const input = (state: AskedCharge, given: Exclude<ChargeInput, { type: "command" }>, now: Instant): AskedCharge => {
  switch (given.type) {
    case "outcome":
      return decideOutcome(state, given.outcome, now)
    case "notice":
      return decideNotice(state, given.notice, now)
    case "due":
      return runDueWork(state, now)
  }
}

const reply = (state: ChargeState, given: ChargeCommand, final: boolean): ReturnType<typeof answerOf> => {
  switch (given.op) {
    case "charge":
      return isAsked(state) ? answerOf(state, final) : null
    case "charge-close":
      return closeAnswerOf(state, final)
    case "charge-refund":
      return refundAnswerOf(state, final)
    case "charge-look-up":
    case "charge-resolve":
      return isAsked(state) ? { ok: viewOf(state) } : null
  }
}

const from = (source: string, arrows: Readonly<Partial<Record<ChargeStatus, string>>>): ReadonlyArray<SagaTransition> =>
  Object.entries(arrows).map(([to, on]) => ({ from: source, to, on }))

const LATE = "the processor shows a success after all"
const CLOSED = "closed, and the intent is canceled"
const AGAIN = "a new attempt"
const BLOCKED = "a new attempt with a card that is not to be charged"

/** Every change of status there is; any other is a defect. */
const TRANSITIONS: ReadonlyArray<SagaTransition> = [
  ...from("new", {
    planned: "asked for",
    declined: "asked for, with a card that is not to be charged",
    canceled: "closed before it was asked for",
  }),
  ...from("planned", {
    submitting: "its turn has come",
    not_executed: "refused for too long",
    canceled: CLOSED,
    succeeded: LATE,
  }),
  ...from("submitting", {
    planned: "certainly not executed: once more later",
    succeeded: "charged",
    declined: "the card's no",
    action_required: "the customer must authenticate",
    not_executed: "the processor does not take it",
    unknown: "no definite answer",
    canceled: "the intent was canceled at the processor",
  }),
  ...from("unknown", {
    submitting: "proven not executed: on with it",
    succeeded: "found charged",
    declined: "found declined",
    action_required: "found waiting for the customer",
    not_executed: "found never executed",
    canceled: "found canceled",
    review: "24 h without an answer",
  }),
  ...from("review", {
    succeeded: "a person, or the processor, says so",
    not_executed: "a person, or the processor, says so",
    declined: "the processor says so",
    action_required: "the processor says so",
    canceled: "the processor says so",
  }),
  ...from("declined", { planned: AGAIN, canceled: CLOSED, succeeded: LATE }),
  ...from("action_required", {
    planned: AGAIN,
    succeeded: "the customer has authenticated",
    declined: "not authenticated, or not in time",
    canceled: CLOSED,
  }),
  ...from("not_executed", { planned: AGAIN, declined: BLOCKED, canceled: CLOSED, succeeded: LATE }),
  ...from("canceled", { succeeded: LATE }),
]

export type ChargeMachine = SagaMachine<
  ChargeState,
  ChargeCommand,
  ChargeStep,
  ChargeOutcome,
  ChargeNotice,
  PaymentFact,
  ChargeRow,
  unknown
>

export const chargeMachine: ChargeMachine = {
  name: "charge",
  version: 1,
  initial: newCharge,
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as ChargeState,
  decide: (state, given, context) => {
    if (given.type === "command") return command(state, given.command, context)
    // Events and steps are of charges that exist.
    if (!isAsked(state)) return { state, answer: null, facts: [], rows: [] }
    return decided(state, input(state, given, context.now), null, context.now, null)
  },
  reply,
  steps: (state) => (isAsked(state) ? stepsOf(state) : []),
  nextDue: workDue,
  phases: (state) => ({ charge: state.status ?? "new" }),
  transitions: { charge: TRANSITIONS },
}
