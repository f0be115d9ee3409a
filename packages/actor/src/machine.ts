/**
 * What a service gives to the partition runtime: its pure decisions and the text forms of its state and entries.
 * Owns nothing at run time. Everything here is synchronous; time and ids come in through `DecisionContext`.
 */

/** Inputs of a decision that are not state. One `now` for a whole batch (decision 11). */
export interface DecisionContext {
  readonly now: number
  /** False after a takeover until the owner has applied the stream end it saw then (decision 11). */
  readonly holdsMayExpire: boolean
  readonly newLotId: () => string
  readonly newHoldId: (actorId: string) => string
}

/** Effects of one decision, recorded in order. `Entry` is the service's own type. */
export interface EntryHead {
  readonly kind: string
  /** Business time, ms: when it happened (due work: when it was due). */
  readonly at: number
}

export type Decision =
  | { readonly _tag: "answered"; readonly answer: unknown }
  | { readonly _tag: "refused"; readonly refusal: { readonly code: string } }
  | { readonly _tag: "review"; readonly reason: string; readonly detail: string }

/** A request as the border decoded it. */
export interface Request {
  /** Actor (account) id; its partition must be the one the request came to. */
  readonly account: string
  /** `<op>:<caller's id>`: the idempotency key; "" for reads, which leave nothing behind. */
  readonly key: string
  /** Canonical content: a repeat with another one is a conflict. */
  readonly content: string
}

/** A command from the stream, one of the many of a message. */
export interface StreamCommand {
  readonly id: string
  readonly account: string
  readonly hash: string
  /** `traceparent` of whoever caused it, for the few that are traced. Decides nothing. */
  readonly trace?: string
}

/** What a statement or a reversal reads back, newest first, along an actor's chain of entries. */
export interface StoredEntry {
  /** Address: its block and its place in it. Grows within a partition. */
  readonly id: number
  readonly partition: number
  readonly seq: number
  readonly account: string
  /** Number within its account. */
  readonly n: number
  /** Address of the account's entry before this one; 0 for the first. */
  readonly prev: number
  readonly at: number
  /** When it was written, business time. */
  readonly recordedAt: number
  readonly kind: string
  /** The body as the service encoded it, parsed. */
  readonly body: unknown
}

/** Reading back, synchronous for SQLite and prefetched for Postgres. */
export interface History {
  /** Address of the account's newest entry, 0 when it has none. */
  readonly head: number
  /** The actor's own entry at an address; undefined for any other address. */
  readonly entry: (id: number) => Promise<StoredEntry | undefined>
  /**
   * The account's entry of this kind and with `"cause"` as its body says, of the commit that recorded a receipt: of a
   * stream command (`c:<id>`) or of a request (its key). Undefined: no such receipt, or it recorded no such entry.
   */
  readonly recorded: (key: string, kind: string, cause: string) => Promise<StoredEntry | undefined>
}

/** A notice for whoever must act; derived from state before and after, never stored as an entry (decision 9). */
export interface Notice {
  readonly kind: string
  readonly at: number
  readonly text: string
}

export interface Machine<State, Entry extends EntryHead, Req extends Request, Command extends StreamCommand> {
  readonly empty: (id: string) => State
  readonly encodeSnapshot: (state: State) => string
  readonly decodeSnapshot: (id: string, text: string) => State
  readonly decodeEntry: (kind: string, at: number, body: unknown) => Entry
  /** The body as JSON text. */
  readonly encodeEntry: (entry: Entry) => string
  readonly evolve: (state: State, entry: Entry) => void
  /** How many entries the state is made of. */
  readonly numberOf: (state: State) => number
  readonly nextDue: (state: State) => number
  /** Reads what decisions read of an actor, and changes nothing; answers anything that depends on all of it. */
  readonly warm?: (state: State) => number
  readonly applyDue: (state: State, now: number, holdsMayExpire: boolean, entries: Array<Entry>) => number

  /**
   * Decodes a request; answers the reply text for one that is invalid. `restricted`: it came in on the gateways'
   * subject.
   */
  readonly decodeRequest: (text: string, partition: number, restricted: boolean) => Req | { readonly invalid: string }
  /** Decodes a stream message; commands that cannot be used come back with a reason, the others count (decision 5). */
  readonly decodeMessage: (payload: Uint8Array, partition: number) => ReadonlyArray<Command | BadCommand> | BadCommand

  readonly decideCommand: (state: State, command: Command, ctx: DecisionContext, entries: Array<Entry>) => Decision
  readonly decideRequest: (
    state: State,
    request: Req,
    ctx: DecisionContext,
    entries: Array<Entry>,
    prepared: unknown,
  ) => Decision
  /** Reads that need history before a request can be decided (a reversal needs the charge); undefined for most. */
  readonly prepare: (request: Req) => ((history: History) => Promise<unknown>) | undefined
  /** Partition an actor belongs to. */
  readonly partitionOf: (account: string) => number
  /** Reads: answered from state and history, leave nothing behind. */
  readonly read: (state: State, request: Req, now: number, history: History) => unknown

  /** Whether a refusal is an answer to keep (24 h) or only "ask again". */
  readonly keepsRefusal: (decision: Decision) => boolean
  /** The service's own shape of a refusal the runtime has to give. */
  readonly refusal: (
    code: "unavailable" | "id_conflict" | "account_frozen" | "overloaded",
    detail: string,
  ) => { readonly code: string }

  /** What is worth remembering before decisions, to derive notices after them. */
  readonly mark: (state: State) => unknown
  readonly notices: (
    before: unknown,
    state: State,
    decision: Decision | null,
    entries: ReadonlyArray<Entry>,
    now: number,
  ) => ReadonlyArray<Notice>
  /** Balance a notice reports, as text. */
  readonly balance: (state: State) => string
  /** Compact newest figures for ticks: a JSON array's text. */
  readonly tick: (state: State) => string
  /** What operators are shown of open holds; null: the actor has none, or the machine knows no holds. */
  readonly openHolds?: (state: State) => OpenHolds | null
}

/** Holds that wait to be settled or released. */
export interface OpenHolds {
  readonly count: number
  /** When the first of them lapses by itself, ms: the one that has been open longest. */
  readonly firstExpiry: number
}

/** A command nobody can use: becomes a dead letter with its reason. */
export interface BadCommand {
  readonly bad: string
  readonly detail: string
  readonly payload: string
}

export const isBad = (value: object): value is BadCommand => "bad" in value
