/**
 * The one payment method of an account: its customer at the processor, setting up, saving, replacing and removing a
 * card, a card that is refused for good, and the reminder before one expires. Only what R10.3 allows is kept. Pure; the
 * processor is behind `perform.ts`.
 */
import type { SagaAnswer, SagaMachine, SagaTransition } from "@credits/actor/saga"
import type { PaymentFact } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { DECLINES_SPAN_MS, expiringAt, type Card } from "./card.ts"
import {
  blockOf,
  methodView,
  newMethod,
  type MethodCommand,
  type MethodContext,
  type MethodDecision,
  type MethodNotice,
  type MethodOutcome,
  type MethodState,
  type MethodStep,
  type MethodTask,
  type OwnerRow,
} from "./method-state.ts"

/** A setup's secret is given out again meanwhile: no need for more of them. */
const SETUP_GOOD_MS = 3_600_000
const RESULTS_MAX = 8
const DECLINES_KEPT_MAX = 50
const BLOCKED_KEPT_MAX = 20
/** Saves and setups that may wait at a time: a customer has one form. */
const TASKS_MAX = 16

const PAUSES_MS = [2_000, 5_000, 10_000, 30_000, 60_000, 900_000]
const pauseAfter = (tries: number): number => PAUSES_MS[tries - 1] ?? PAUSES_MS.at(-1)!
/** Then the customer is told to try again; detaching a card goes on for ever. */
const TRIES_MAX = 5

type FactKind = Extract<PaymentFact["kind"], `method_${string}`>

interface Change {
  readonly state: MethodState
  readonly answer?: SagaAnswer | null
  readonly fact?: FactKind | null
}

const refused = (code: string, detail: string): SagaAnswer => ({ refused: { code, detail } })
const BUSY = refused("unavailable", "this payment method is being worked on; ask again")
const NO_ANSWER = refused("unavailable", "the card processor does not answer; try again later")

const addTask = (state: MethodState, kind: MethodTask["kind"], subject: string, request: string): MethodState => {
  const number = state.taskNumber + 1
  const task: MethodTask = { kind, number, subject, request, tries: 0, round: 1, at: null }
  return { ...state, taskNumber: number, tasks: [...state.tasks, task] }
}

/** The one under way. Setups and saves keep their order: the last card that was entered is the one that stays. */
const current = (state: MethodState): MethodTask | undefined => {
  const first = state.tasks.find((task) => task.kind !== "detach")
  return first?.at === null ? first : state.tasks.find((task) => task.kind === "detach" && task.at === null)
}

const without = (state: MethodState, task: MethodTask): MethodState => ({
  ...state,
  tasks: state.tasks.filter((each) => each.number !== task.number),
})

const answered = (state: MethodState, task: MethodTask, answer: SagaAnswer): MethodState => ({
  ...without(state, task),
  results: [...state.results, { request: task.request, answer }].slice(-RESULTS_MAX),
})

const resultOf = (state: MethodState, request: string): SagaAnswer | null =>
  state.results.find((each) => each.request === request)?.answer ?? null

/** Nothing definite: asked again, it is tried again. */
const isUnavailable = (answer: SagaAnswer): boolean => "refused" in answer && answer.refused.code === "unavailable"

const isFull = (state: MethodState): boolean => state.tasks.filter((task) => task.kind !== "detach").length >= TASKS_MAX

const setupAnswer = (state: MethodState): SagaAnswer | null => {
  if (state.tasks.some((task) => task.kind === "setup")) return null
  if (state.setupFailed !== null) return refused("unavailable", state.setupFailed)
  return state.setup === null ? null : { ok: { clientSecret: state.setup.clientSecret } }
}

const decideCommand = (state: MethodState, command: MethodCommand, now: Instant): Change => {
  switch (command.op) {
    case "method-setup": {
      const isGood = state.setup !== null && now - state.setup.at < SETUP_GOOD_MS
      if (isGood || state.tasks.some((task) => task.kind === "setup")) return { state, answer: setupAnswer(state) }
      if (isFull(state)) return { state, answer: BUSY }
      return { state: addTask({ ...state, setup: null, setupFailed: null }, "setup", "", ""), answer: null }
    }
    case "method-save": {
      const known = resultOf(state, command.id)
      const isUnderWay = state.tasks.some((task) => task.request === command.id)
      if (isUnderWay || (known !== null && !isUnavailable(known))) return { state, answer: known }
      if (isFull(state)) return { state, answer: BUSY }
      const forgotten = { ...state, results: state.results.filter((each) => each.request !== command.id) }
      return { state: addTask(forgotten, "save", command.setupToken, command.id), answer: null }
    }
    case "method-remove":
      return remove(state)
  }
}

const remove = (state: MethodState): Change => {
  if (state.card === null) return { state, answer: { ok: null } }
  const removed = addTask(state, "detach", state.card.id, "")
  return { state: { ...removed, card: null, isExpiryTold: false }, answer: { ok: null }, fact: "method_removed" }
}

const decideOutcome = (state: MethodState, outcome: MethodOutcome, now: Instant): Change => {
  if (outcome.kind === "customer") return { state: { ...state, customer: outcome.id } }
  const task = current(state)
  if (task === undefined) return { state }
  switch (outcome.kind) {
    case "setup": {
      const { id, clientSecret } = outcome
      return { state: { ...without(state, task), setup: { id, clientSecret, at: now }, setupFailed: null } }
    }
    case "saved":
      return saved(state, task, outcome.card, now)
    case "refused":
      return { state: answered(state, task, refused(outcome.code, outcome.detail)) }
    case "detached":
      return { state: without(state, task) }
    case "again":
      return again(state, task, outcome, now)
  }
}

const saved = (state: MethodState, task: MethodTask, card: Card, now: Instant): Change => {
  if (blockOf(state, card.fingerprint) !== undefined) {
    const detail = "This card was declined for good before. Please use another card."
    const kept = answered(state, task, refused("card_refused", detail))
    return { state: state.card?.id === card.id ? kept : addTask(kept, "detach", card.id, "") }
  }
  const old = state.card
  // The one before is let go only now that there is another.
  const held = old === null || old.id === card.id ? state : addTask(state, "detach", old.id, "")
  const next: MethodState = { ...held, card, isExpiryTold: false, setup: null }
  return { state: answered(next, task, { ok: methodView(next, now) }), fact: "method_saved" }
}

const again = (
  state: MethodState,
  task: MethodTask,
  outcome: Extract<MethodOutcome, { kind: "again" }>,
  now: Instant,
): Change => {
  const tries = task.tries + 1
  if (task.kind !== "detach" && tries >= TRIES_MAX) {
    const given = task.kind === "save" ? answered(state, task, NO_ANSWER) : without(state, task)
    return { state: task.kind === "setup" ? { ...given, setupFailed: outcome.detail } : given }
  }
  const customerRound = state.customerRound + (outcome.isOver && state.customer === null ? 1 : 0)
  const later = { ...task, tries, round: task.round + (outcome.isOver ? 1 : 0), at: now + pauseAfter(tries) }
  const tasks = state.tasks.map((each) => (each.number === task.number ? later : each))
  return { state: { ...state, customerRound, tasks } }
}

const decideNotice = (state: MethodState, notice: MethodNotice, now: Instant): Change => {
  switch (notice.type) {
    case "declined":
      return declined(state, notice, now)
    case "card": {
      const { card } = state
      if (card === null || card.id !== notice.card.id) return { state }
      const isSame = card.expMonth === notice.card.expMonth && card.expYear === notice.card.expYear
      return { state: { ...state, card: notice.card, isExpiryTold: isSame && state.isExpiryTold } }
    }
    case "detached":
      if (state.card === null || state.card.id !== notice.id) return { state }
      return { state: { ...state, card: null, isExpiryTold: false }, fact: "method_removed" }
  }
}

const declined = (state: MethodState, notice: Extract<MethodNotice, { type: "declined" }>, now: Instant): Change => {
  const { key, fingerprint, code } = notice
  if (state.declines.some((each) => each.key === key)) return { state }
  const lately = state.declines.filter((each) => now - each.at < DECLINES_SPAN_MS)
  const counted = { ...state, declines: [...lately, { key, fingerprint, at: now }].slice(-DECLINES_KEPT_MAX) }
  if (!notice.isFinal || blockOf(state, fingerprint) !== undefined) return { state: counted }
  const blocked = [...state.blocked, { fingerprint, code }].slice(-BLOCKED_KEPT_MAX)
  const fact = state.card?.fingerprint === fingerprint ? "method_blocked" : null
  return { state: { ...counted, blocked }, fact }
}

const decideDue = (state: MethodState, now: Instant): Change => {
  const tasks = state.tasks.map((task) => (task.at !== null && task.at <= now ? { ...task, at: null } : task))
  const woken = { ...state, tasks }
  if (state.card === null || state.isExpiryTold || expiringAt(state.card) > now) return { state: woken }
  return { state: { ...woken, isExpiryTold: true }, fact: "method_expiring" }
}

const decided = (before: MethodState, change: Change, now: Instant): MethodDecision => {
  const kind = change.fact ?? null
  const after = kind === null ? change.state : { ...change.state, facts: change.state.facts + 1 }
  // A removed card is named by the fact that says so.
  const method = kind === "method_removed" ? methodView(before, now) : methodView(after, now)
  const fact = { v: 1, id: `${after.account}.method.${after.facts}`, account: after.account, at: now } as const
  const owned = [
    ...(after.customer === null || after.customer === before.customer ? [] : [after.customer]),
    ...(after.card === null || after.card.id === before.card?.id ? [] : [after.card.id]),
  ]
  return {
    state: after,
    answer: change.answer ?? null,
    facts: kind === null ? [] : [{ ...fact, kind, charge: null, method }],
    rows: owned.map((id) => ({ id, account: after.account })),
  }
}

const nextDue = (state: MethodState): Instant | null => {
  const due = state.tasks.flatMap((task) => (task.at === null ? [] : [task.at]))
  if (state.card !== null && !state.isExpiryTold) due.push(expiringAt(state.card))
  return due.length === 0 ? null : Math.min(...due)
}

const steps = (state: MethodState): ReadonlyArray<MethodStep> => {
  const task = current(state)
  if (task === undefined) return []
  // Only a card that was saved is detached, so a customer is there then.
  if (state.customer === null) return [{ id: `${customerKey(state)}~${task.number}.${task.tries}`, kind: "customer" }]
  return [{ id: `${taskKey(state, task)}~${task.tries}`, kind: task.kind }]
}

const numbered = (text: string, round: number): string => (round === 1 ? text : `${text}:${round}`)

export const customerKey = (state: MethodState): string => numbered(`cus:${state.account}:create`, state.customerRound)

/** Idempotency key of a task; its calls append their own names. */
export const taskKey = (state: MethodState, task: MethodTask): string =>
  numbered(`mth:${state.account}:${task.number}`, task.round)

export const taskUnderWay = (state: MethodState): MethodTask => {
  const task = current(state)
  if (task === undefined) throw new Error(`${state.account}: a step without its task`)
  return task
}

const phaseOf = (state: MethodState): string => {
  if (state.card === null) return "none"
  return blockOf(state, state.card.fingerprint) === undefined ? "saved" : "blocked"
}

const TRANSITIONS: ReadonlyArray<SagaTransition> = [
  { from: "none", to: "saved", on: "a card is saved" },
  { from: "saved", to: "none", on: "removed, here or at the processor" },
  { from: "saved", to: "blocked", on: "its bank refused it for good" },
  { from: "blocked", to: "saved", on: "another card is saved" },
  { from: "blocked", to: "none", on: "removed, here or at the processor" },
]

export type MethodMachine = SagaMachine<
  MethodState,
  MethodCommand,
  MethodStep,
  MethodOutcome,
  MethodNotice,
  PaymentFact,
  OwnerRow,
  unknown
>

const change = (state: MethodState, input: Parameters<MethodMachine["decide"]>[1], now: Instant): Change => {
  switch (input.type) {
    case "command":
      return decideCommand(state, input.command, now)
    case "outcome":
      return decideOutcome(state, input.outcome, now)
    case "notice":
      return decideNotice(state, input.notice, now)
    case "due":
      return decideDue(state, now)
  }
}

export const methodMachine: MethodMachine = {
  name: "method",
  version: 1,
  initial: newMethod,
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as MethodState,
  decide: (state, input, { now }: MethodContext) => decided(state, change(state, input, now), now),
  reply: (state, command, final) => {
    const answer =
      command.op === "method-save"
        ? resultOf(state, command.id)
        : command.op === "method-setup"
          ? setupAnswer(state)
          : ({ ok: null } as const)
    return answer ?? (final ? BUSY : null)
  },
  steps,
  nextDue,
  phases: (state) => ({ method: phaseOf(state) }),
  transitions: { method: TRANSITIONS },
}
