/**
 * The subscription machine: the pure functions of this folder behind the interface of the saga runtime. One row an
 * account. Owns the order of a decision, the steps that follow from a document, and the drawings; the rules are in the
 * files it calls.
 */
import type { SagaAnswer, SagaDecision, SagaMachine } from "@credits/actor/saga"
import type { SubscriptionFact } from "@credits/contracts"
import type { Change, Env } from "./change.ts"
import { decideCommand, replyTo, type Command } from "./command.ts"
import { decodeState, DOCUMENT_VERSION, encodeState } from "./document.ts"
import { nextDue, takeDue } from "./due.ts"
import { factOf } from "./fact.ts"
import { takeNotice, type Notice } from "./payment-notice.ts"
import type { CaseRow } from "./review.ts"
import { stepsOf, takeOutcome, type Outcome, type Step } from "./step.ts"
import { initialState, type State } from "./subscription.ts"
import { phasesOf, TRANSITIONS } from "./phases.ts"
import { viewOf } from "./view.ts"

export type SubscriptionMachine = SagaMachine<State, Command, Step, Outcome, Notice, SubscriptionFact, CaseRow, Env>

const finish = (change: Change, answer: SagaAnswer | null): SagaDecision<State, SubscriptionFact, CaseRow> => {
  const { state, facts, rows, env, now } = change
  const view = facts.length === 0 ? null : viewOf(state, env.catalogues, now)
  return { state, answer, rows, facts: facts.map((happened) => factOf(state, happened, view!, now)) }
}

export const machine: SubscriptionMachine = {
  name: "subscription",
  version: DOCUMENT_VERSION,
  initial: initialState,
  encode: encodeState,
  decode: decodeState,
  decide: (state, input, { now, newId, env }) => {
    const change: Change = { state, now, env, newId, facts: [], rows: [] }
    switch (input.type) {
      case "command":
        return finish(change, decideCommand(change, input.command))
      case "outcome":
        takeOutcome(change, input.step, input.outcome)
        break
      case "notice":
        takeNotice(change, input.notice)
        break
      case "due":
        takeDue(change)
    }
    return finish(change, null)
  },
  reply: replyTo,
  steps: stepsOf,
  nextDue,
  phases: phasesOf,
  transitions: TRANSITIONS,
}
