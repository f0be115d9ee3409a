/**
 * Deciding one group of inputs in memory, before its commit: drafts of actors, receipts, what becomes a dead letter.
 * Owns the rules of a decision (everything due first, `now` never back, declared arrows only, a text form that says
 * the same twice). Touches no database: what it leaves is written or thrown away as a whole.
 */
import { randomFillSync } from "node:crypto"
import { makeId, type IdPrefix } from "@credits/kernel"
import type { Receipts } from "./receipts.ts"
import type { SagaRow } from "./store.ts"
import type { SagaAnswer, SagaInput, SagaMachine, SagaStep } from "./saga.ts"
import { TextForm } from "./text-form.ts"
import { unavailable, type Group, type Waiting, type Work } from "./work.ts"

/** A machine as the runtime sees it: what flows through is its own business. */
export type Machine = SagaMachine<unknown, unknown, SagaStep, unknown, unknown, unknown, unknown, unknown>

/** An actor as committed. Never changed in place. */
export interface Actor {
  readonly id: string
  readonly state: unknown
  readonly isStored: boolean
  /** Its text, when the columns of its row say otherwise than the state does today. */
  readonly staleText: string | null
  readonly revision: number
  readonly lastAt: number
  readonly dueAt: number | null
  readonly phases: Readonly<Record<string, string>>
  readonly phasesText: string
  readonly steps: ReadonlyArray<SagaStep>
}

/** An actor as this commit will leave it. */
export interface Draft {
  readonly id: string
  readonly before: Actor
  state: unknown
  lastAt: number
  dueAt: number | null
  phases: Readonly<Record<string, string>>
  phasesText: string
  /** Text of `state`; null while it is as committed. */
  text: string | null
  steps: ReadonlyArray<SagaStep>
  waiting: ReadonlyArray<Waiting>
}

/** A decision that could not be made: the code is wrong, not the world. */
export interface Defect {
  readonly id: string
  readonly type: string
  readonly error: unknown
}

/** Due work that does not come to an end at one instant is a machine that does not look at its clock. */
const DUE_AT_ONE_INSTANT_MAX = 1_000

export interface DecidingOptions {
  readonly machine: Machine
  readonly env: () => unknown
  readonly publish: (fact: unknown) => { readonly subject: string; readonly payload: string }
  /** Of new ids. */
  readonly now: () => number
}

/** What the decisions of one commit leave beside the drafts. */
export class Outcome {
  readonly facts: Array<{ readonly subject: string; readonly payload: string }> = []
  readonly rows: Array<unknown> = []
  readonly defects: Array<Defect> = []
  readonly decisions: Record<string, number> = {}
  /** Given after the commit, in this order. */
  readonly answers: Array<readonly [give: (answer: SagaAnswer) => void, answer: SagaAnswer]> = []
  readonly done: Array<() => void> = []
  /** Waits that are over although nothing could be decided. */
  readonly ended: Array<{ readonly id: string; readonly waiting: Waiting }> = []
  /** Steps whose outcome was decided, or could not be. */
  readonly settled: Array<{ readonly id: string; readonly step: string }> = []
  readonly stuck: Array<string> = []
}

export class Deciding {
  readonly #o: DecidingOptions
  readonly #arrows: ReadonlyMap<string, ReadonlySet<string>>
  readonly #text: TextForm
  readonly #random = new Uint8Array(10)

  constructor(options: DecidingOptions) {
    this.#o = options
    this.#text = new TextForm(options.machine)
    this.#arrows = new Map(
      Object.entries(options.machine.transitions).map(([drawing, arrows]) => [
        drawing,
        new Set(arrows.map(({ from, to }) => `${from}\n${to}`)),
      ]),
    )
  }

  /** As committed, from its row. `isOld`: the row must be written anew. */
  actorOf(row: SagaRow, isOld = false): Actor {
    const { machine } = this.#o
    const state = machine.decode(row.state)
    const phases = machine.phases(state)
    const phasesText = JSON.stringify(phases)
    const steps = machine.steps(state)
    const dueAt = machine.nextDue(state)
    const isStale = isOld || dueAt !== row.dueAt || steps.length > 0 !== row.busy || phasesText !== row.phases
    const staleText = isStale ? machine.encode(state) : null
    const { id, revision, lastAt } = row
    return { id, state, isStored: true, staleText, revision, lastAt, dueAt, phases, phasesText, steps }
  }

  newActor(id: string): Actor {
    const { machine } = this.#o
    const state = machine.initial(id)
    const phases = machine.phases(state)
    const unstored = { isStored: false, staleText: null, revision: 0, lastAt: 0 }
    const derived = { phases, phasesText: JSON.stringify(phases), steps: machine.steps(state) }
    return { id, state, ...unstored, dueAt: machine.nextDue(state), ...derived }
  }

  draftOf(actor: Actor, waiting: ReadonlyArray<Waiting>): Draft {
    const { id, state, lastAt, dueAt, phases, phasesText, staleText: text, steps } = actor
    return { id, before: actor, state, lastAt, dueAt, phases, phasesText, text, steps, waiting }
  }

  rowOf(draft: Draft): SagaRow {
    const { id, lastAt, dueAt } = draft
    return {
      id,
      version: this.#o.machine.version,
      revision: draft.before.revision + 1,
      lastAt,
      dueAt,
      busy: draft.steps.length > 0,
      phases: draft.phasesText,
      state: draft.text!,
    }
  }

  /** Everything due first, then the inputs in order. `dueMax`: how much due work when there are no inputs. */
  decide(group: Group, draft: Draft, receipts: Receipts, now: number, dueMax: number, into: Outcome): void {
    const budget = group.works.length > 0 ? Number.POSITIVE_INFINITY : dueMax
    if (group.poison !== null) return void this.fail(group, "commit", group.poison, into)
    let broken = this.#tryDue(draft, receipts, now, budget, into)
    for (const work of group.works) {
      if (broken === null) {
        try {
          this.#decideWork(draft, work, receipts, now, into)
        } catch (error) {
          into.defects.push({ id: draft.id, type: work.t, error })
          this.#fail(work, error, into)
        }
        // A decision may have made something due at once.
        broken = this.#tryDue(draft, receipts, now, budget, into)
      } else this.#fail(work, broken, into)
    }
    if (broken !== null) into.stuck.push(draft.id)
  }

  /** Nothing of this actor can be decided. */
  fail({ id, works }: Group, type: string, error: Error, into: Outcome): ReadonlyArray<never> {
    into.defects.push({ id, type, error })
    into.stuck.push(id)
    for (const work of works) this.#fail(work, error, into)
    return []
  }

  /** Everything due; null, or why it cannot be decided: then nothing else of this actor can be. */
  #tryDue(draft: Draft, receipts: Receipts, now: number, max: number, into: Outcome): Error | null {
    try {
      this.#decideDue(draft, receipts, now, max, into)
      return null
    } catch (error) {
      into.defects.push({ id: draft.id, type: "due", error })
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #decideDue(draft: Draft, receipts: Receipts, now: number, max: number, into: Outcome): void {
    let count = 0
    let atOneInstant = 0
    while (draft.dueAt !== null && draft.dueAt <= Math.max(now, draft.lastAt)) {
      if (count >= max) return
      const due = draft.dueAt
      const before = draft.state
      this.#step(draft, { type: "due" }, Math.max(due, draft.lastAt), receipts, now, into)
      count++
      atOneInstant = draft.dueAt === due ? atOneInstant + 1 : 0
      if (draft.state === before || atOneInstant >= DUE_AT_ONE_INSTANT_MAX) {
        throw new Error(`due work at ${new Date(due).toISOString()} does not end`)
      }
    }
  }

  #decideWork(draft: Draft, work: Work, receipts: Receipts, now: number, into: Outcome): void {
    const at = Math.max(now, draft.lastAt)
    switch (work.t) {
      case "command":
        return this.#decideCommand(draft, work, receipts, at, into)
      case "outcome":
        into.settled.push({ id: draft.id, step: work.step })
        // No longer wanted: what it asked for was asked under its own id and harms nobody.
        if (!draft.steps.some(({ id }) => id === work.step)) return
        this.#step(draft, { type: "outcome", step: work.step, outcome: work.outcome }, at, receipts, at, into)
        return
      case "notice":
        this.#step(draft, { type: "notice", notice: work.notice }, at, receipts, at, into)
        if (work.done !== null) into.done.push(work.done)
        return
      case "read":
        into.done.push(() => work.give(draft.state))
        return
      case "over":
        return this.#endWait(draft, work.waiting, into)
    }
  }

  #decideCommand(
    draft: Draft,
    work: Extract<Work, { readonly t: "command" }>,
    receipts: Receipts,
    at: number,
    into: Outcome,
  ): void {
    const { waiting } = work
    const known = receipts.of(draft.id, waiting)
    if (known === "conflict") {
      const detail = "this id was used for another request"
      into.answers.push([waiting.give, { refused: { code: "id_conflict", detail } }])
      return
    }
    if (known !== null && known.answer !== null) {
      into.answers.push([waiting.give, known.answer])
      return
    }
    if (known !== null) {
      const answer = this.#o.machine.reply(draft.state, waiting.command, false)
      if (answer === null) draft.waiting = [...draft.waiting, waiting]
      else this.#answer(draft, waiting, answer, receipts, at, into)
      return
    }
    const input = { type: "command", id: waiting.key, command: waiting.command } as const
    const answer = this.#step(draft, input, at, receipts, at, into)
    if (answer !== null) {
      into.answers.push([waiting.give, receipts.settle(draft.id, waiting, answer, at, false)])
      return
    }
    receipts.accept(draft.id, waiting, at)
    draft.waiting = [...draft.waiting, waiting]
  }

  /** Of a command that was accepted before and waited. */
  #answer(draft: Draft, waiting: Waiting, answer: SagaAnswer, receipts: Receipts, at: number, into: Outcome): void {
    into.answers.push([waiting.give, receipts.settle(draft.id, waiting, answer, at, true)])
  }

  #endWait(draft: Draft, waiting: Waiting, into: Outcome): void {
    if (!draft.waiting.includes(waiting)) return
    const answer = this.#o.machine.reply(draft.state, waiting.command, true)
    draft.waiting = draft.waiting.filter((each) => each !== waiting)
    into.answers.push([waiting.give, answer ?? unavailable("not decided in time; ask again")])
  }

  /** One decision, applied to the draft only when all of it holds. */
  #step(
    draft: Draft,
    input: SagaInput<unknown, unknown, unknown>,
    now: number,
    receipts: Receipts,
    answeredAt: number,
    into: Outcome,
  ): SagaAnswer | null {
    const { machine } = this.#o
    const newId = (prefix: IdPrefix): string => makeId(prefix, this.#o.now(), randomFillSync(this.#random))
    const decision = machine.decide(draft.state, input, { now, newId, env: this.#o.env() })
    const facts = decision.facts.map((fact) => this.#o.publish(fact))
    // An answer that cannot be sent is found out before anything changes.
    if (decision.answer !== null) JSON.stringify(decision.answer)
    if (decision.state !== draft.state) this.#change(draft, decision.state)
    draft.lastAt = now
    into.decisions[input.type] = (into.decisions[input.type] ?? 0) + 1
    into.facts.push(...facts)
    into.rows.push(...decision.rows)
    if (draft.waiting.length > 0) this.#askAgain(draft, receipts, answeredAt, into)
    return input.type === "command" ? decision.answer : null
  }

  #change(draft: Draft, state: unknown): void {
    const { machine } = this.#o
    const phases = machine.phases(state)
    for (const drawing in phases) {
      const from = draft.phases[drawing]
      const to = phases[drawing]!
      if (from !== to && this.#arrows.get(drawing)?.has(`${from}\n${to}`) !== true) {
        throw new Error(`${machine.name}: the drawing ${drawing} has no arrow from ${from} to ${to}`)
      }
    }
    const phasesText = JSON.stringify(phases)
    const text = this.#text.of(state, phasesText)
    const steps = machine.steps(state)
    const dueAt = machine.nextDue(state)
    if (dueAt !== null && !Number.isSafeInteger(dueAt)) throw new Error(`${machine.name}: due at ${dueAt}`)
    Object.assign(draft, { state, phases, phasesText, text, steps, dueAt })
  }

  /** Commands that wait are asked after every decision: how decisions share commits must not show in answers. */
  #askAgain(draft: Draft, receipts: Receipts, at: number, into: Outcome): void {
    const still: Array<Waiting> = []
    for (const waiting of draft.waiting) {
      let answer: SagaAnswer | null
      try {
        answer = this.#o.machine.reply(draft.state, waiting.command, false)
      } catch (error) {
        into.defects.push({ id: draft.id, type: "reply", error })
        into.answers.push([waiting.give, unavailable("this command cannot be answered now")])
        continue
      }
      if (answer === null) still.push(waiting)
      else this.#answer(draft, waiting, answer, receipts, at, into)
    }
    draft.waiting = still
  }

  /** Of a decision that was not made. */
  #fail(work: Work, error: unknown, into: Outcome): void {
    switch (work.t) {
      case "command":
        into.answers.push([work.waiting.give, unavailable("this command cannot be decided now")])
        return
      case "over":
        into.ended.push(work)
        into.answers.push([work.waiting.give, unavailable("this command cannot be answered now")])
        return
      case "outcome":
        into.settled.push({ id: work.id, step: work.step })
        return
      case "read":
      case "notice":
        into.done.push(() => work.fail(error))
        if (work.t === "notice" && work.letter !== null) into.facts.push(work.letter(error))
    }
  }
}
