/**
 * A saga (decision 15): the durable state machine of one actor of a service, written as pure functions. What a service
 * gives to the saga runtime. Owns shapes only.
 *
 * A saga's state is one row. It changes by deciding one input at a time; the changed row, the facts and the read rows
 * of a decision are committed together, and only then is anybody answered, any fact published, any step begun. What
 * must be under way follows from the state alone (`steps`), so a restart needs no memory of what was being done: it
 * asks the rows. A step's id is the idempotency key of what it asks of others: repeating it is always harmless.
 */
import type { IdPrefix, Instant } from "@credits/kernel"

/** Work that a state wants done outside: a question to another service. Repeated until it has an outcome. */
export interface SagaStep {
  /** Unique for this piece of work for ever; the idempotency key of what is asked. */
  readonly id: string
  readonly kind: string
}

/** What a saga decides on, one at a time. */
export type SagaInput<Command, Outcome, Notice> =
  /** Somebody asks. `id` is the caller's idempotency key; "" when the command needs none. */
  | { readonly type: "command"; readonly id: string; readonly command: Command }
  /** What came of a step that `steps` names. An outcome of a step no longer named is dropped by the runtime. */
  | { readonly type: "outcome"; readonly step: string; readonly outcome: Outcome }
  /** A message of a stream this service reads; it may come more than once and must then change nothing. */
  | { readonly type: "notice"; readonly notice: Notice }
  /** The instant that `nextDue` named has come; `now` is that instant. */
  | { readonly type: "due" }

export interface SagaContext<Env> {
  /** Business time; for due work the instant it was due. Never smaller than at the decision before. */
  readonly now: Instant
  readonly newId: (prefix: IdPrefix) => string
  /** What is data and not state: catalogues, policies. */
  readonly env: Env
}

/**
 * An answer is kept under its command's key, and given again whenever the same command comes again, when it is `ok` or
 * a refusal that says `final`. Any other refusal is not kept: the same command again is decided again and may succeed
 * then. An answer given only because the wait was over is never kept: asked again, `reply` tells what is true by then.
 */
export interface SagaRefusal {
  readonly code: string
  /** One sentence for a person. */
  readonly detail: string
  /** True: the same command will always be refused this way. For the runtime; callers do not see it. */
  readonly final?: boolean
  readonly [extra: string]: unknown
}
export type SagaAnswer = { readonly ok: unknown } | { readonly refused: SagaRefusal }

export interface SagaDecision<State, Fact, Row> {
  /** The same object when nothing changes. */
  readonly state: State
  /** Of a command: null = not decided yet, `reply` will tell. Ignored for other inputs. */
  readonly answer: SagaAnswer | null
  /** Published in order after the commit. */
  readonly facts: ReadonlyArray<Fact>
  /** Written to the service's own read tables in the same transaction. */
  readonly rows: ReadonlyArray<Row>
}

/** One arrow of the drawing; a change of phase that no arrow shows is a defect. */
export interface SagaTransition {
  readonly from: string
  readonly to: string
  /** In words: what makes it happen. */
  readonly on: string
}

export interface SagaMachine<State, Command, Step extends SagaStep, Outcome, Notice, Fact, Row, Env> {
  /** What one row is of: "subscription", "charge", "topup"; the key of its rows beside those of other machines. */
  readonly name: string
  /**
   * Raised when the text form changes, or what `steps`, `nextDue` or `phases` say of a state that is stored: rows of
   * an older one are written anew at the start (`decode` must read them), a newer one is refused (decision 21).
   */
  readonly version: number
  readonly initial: (id: string) => State
  /** Text form; bigints as decimal strings. `decode(encode(s))` equals `s`. */
  readonly encode: (state: State) => string
  readonly decode: (text: string) => State
  readonly decide: (
    state: State,
    input: SagaInput<Command, Outcome, Notice>,
    context: SagaContext<Env>,
  ) => SagaDecision<State, Fact, Row>
  /** The answer to a command that waits, as the state now allows; null: still waiting. `final`: the wait is over. */
  readonly reply: (state: State, command: Command, final: boolean) => SagaAnswer | null
  /** What must be under way in this state; the same state gives the same steps with the same ids. */
  readonly steps: (state: State) => ReadonlyArray<Step>
  /** When to decide `due` next; null: nothing waits for time. */
  readonly nextDue: (state: State) => Instant | null
  /** Drawings: name of a drawing → the phase this state is in. Most machines have one. */
  readonly phases: (state: State) => Readonly<Record<string, string>>
  /** Name of a drawing → its arrows. The first `from` is where it begins. */
  readonly transitions: Readonly<Record<string, ReadonlyArray<SagaTransition>>>
}

// A machine whose type parameters do not matter to who holds it.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnySagaMachine = SagaMachine<any, any, any, any, any, any, any, any>
