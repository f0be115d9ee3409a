/**
 * What runs a saga machine, seen from the service around it: what it needs from outside and what it offers. Owns
 * shapes only; `start.ts` is behind them.
 */
import type { BusHandle, RunningClock } from "@credits/bus"
import type { ControlAnswer } from "@credits/contracts"
import type { Database } from "@credits/store"
import type { Transaction } from "kysely"
import type { SagaAnswer, SagaMachine, SagaStep } from "./saga.ts"

/** A stream whose messages this service acts on, read from a cursor that is stored with what came of them. */
export interface SagaStream<Notice> {
  /** Name in STREAMS. */
  readonly stream: string
  readonly filters: ReadonlyArray<string>
  /**
   * A service that never read this stream begins with what is left of it. Only for what may be missed: a system that
   * has run for a while gets a service that tells, and what happened before is not its to tell.
   */
  readonly beginsAtFirst?: true
  /** Who must hear of a message; a message it cannot read throws and becomes a dead letter. */
  readonly route: (text: string) => ReadonlyArray<{ readonly id: string; readonly notice: Notice }>
}

export interface SagaOptions<State, Command, Step extends SagaStep, Outcome, Notice, Fact, Row, Env> {
  readonly machine: SagaMachine<State, Command, Step, Outcome, Notice, Fact, Row, Env>
  readonly bus: BusHandle
  readonly database: Database
  readonly clock: RunningClock
  /** Service name: of dead letters, of the status. */
  readonly service: string
  readonly env: () => Env
  /**
   * Does a step and gives its outcome. A rejection means "no outcome yet": it is tried again after a pause, for ever;
   * anything definite, also a failure, is an outcome. `signal` is aborted when the service stops.
   */
  readonly perform: (step: Step, state: State, signal: AbortSignal) => Promise<Outcome>
  /** Steps of one kind under way at a time; default 64. */
  readonly concurrency?: Readonly<Record<string, number>>
  readonly streams?: ReadonlyArray<SagaStream<Notice>>
  /** Where a fact goes, and its text. Its message id is `<service>.<machine>.<row of the outbox>`. */
  readonly publish?: (fact: Fact) => { readonly subject: string; readonly payload: string }
  readonly write?: (transaction: Transaction<unknown>, rows: ReadonlyArray<Row>) => Promise<void>
  readonly report: (level: "info" | "warning" | "error", message: string) => void
  /** Gives up waiting for the owner before; `startSagas` then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export type AnyOptions = SagaOptions<unknown, unknown, SagaStep, unknown, unknown, unknown, unknown, unknown>

export interface SagaMetrics {
  /** Decisions by input type. */
  readonly decisions: Readonly<Record<string, number>>
  readonly commits: number
  readonly commitMs: number
  readonly deadLettersByReason: Readonly<Record<string, number>>
  /** Decisions that could not be made. */
  readonly defects: number
  readonly stepsDone: number
  readonly stepRetries: number
  readonly stepsRunning: number
  readonly dueRan: number
  readonly factsPublished: number
  readonly factsPending: number
  /** Seconds that the oldest of them has waited. */
  readonly outboxOldestSeconds: number
  /** Drawing → phase → rows now in it. */
  readonly phases: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** How long the oldest due work has been waiting, ms of business time; 0: nothing is late. */
  readonly dueBacklogMs: number
}

export interface RunningSagas<State, Command> {
  /**
   * Decides a command for one actor and answers after the commit; one that waits is answered when `reply` says so, at
   * the latest after `waitMs`. The same `key` and `content` again: the stored first answer (or the same wait); another
   * content: `id_conflict`. Key "": nothing is stored. Everything due on the actor has been decided before.
   */
  readonly command: (
    id: string,
    command: Command,
    options: { readonly key: string; readonly content: string; readonly waitMs?: number },
  ) => Promise<SagaAnswer>
  /** The actor's state after everything due has been decided; `initial` for one that is not stored. */
  readonly state: (id: string) => Promise<State>
  /** Gives an actor a notice from inside the process (another machine's commit). Resolves after the commit. */
  readonly notify: (id: string, notice: unknown) => Promise<void>
  readonly status: () => Promise<ControlAnswer>
  /** Runs everything due ≤ `now` (decision 16); resolves when nothing due is left. */
  readonly runDue: (now: number) => Promise<void>
  readonly metrics: () => Promise<SagaMetrics>
  /** Takes nothing new, commits what was decided, publishes, gives the lease back. */
  readonly stop: () => Promise<void>
  /** Rejects when a defect or a lost lease ended it: the process must end and be seen. */
  readonly ended: Promise<void>
}
