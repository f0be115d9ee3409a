/**
 * What the host (NATS, Effect, main thread) and the partition worker (decisions, database, worker thread) say to each
 * other. Structured-clone messages; bulk goes in arrays so that one message carries what one turn of the loop
 * collected.
 */
import type { ControlAnswer } from "@credits/contracts"
import type { HistogramData, SpanRecord } from "@credits/telemetry"

export interface ClockText {
  readonly offset: number
  readonly frozenAt: number | null
}

export type ToWorker =
  | {
      readonly t: "requests"
      readonly partitions: ReadonlyArray<number>
      readonly restricted: ReadonlyArray<boolean>
      readonly replies: ReadonlyArray<string>
      readonly texts: ReadonlyArray<string>
      /** Of the few that carry a trace: their place in the arrays, and their `traceparent`. */
      readonly traces?: ReadonlyArray<readonly [index: number, trace: string]>
    }
  | {
      readonly t: "messages"
      readonly generation: number
      readonly partitions: ReadonlyArray<number>
      readonly seqs: ReadonlyArray<number>
      readonly payloads: ReadonlyArray<Uint8Array>
      /** Each message's headers as JSON, for its dead letters; "": it has none. */
      readonly headers: ReadonlyArray<string>
    }
  /** The reader (re)created its consumer: incarnation, and the stream's end then. */
  | { readonly t: "stream"; readonly incarnation: string; readonly last: number }
  | { readonly t: "gap"; readonly detail: string }
  | { readonly t: "clock"; readonly clock: ClockText }
  | {
      readonly t: "journaled"
      readonly items: ReadonlyArray<readonly [partition: number, seq: number, id: number]>
      readonly bytes: number
    }
  | { readonly t: "outboxed"; readonly ids: ReadonlyArray<number> }
  | { readonly t: "interest"; readonly until: number }
  | { readonly t: "control"; readonly token: number; readonly run: number | null }
  | { readonly t: "stop" }

/** A block of one partition as the journal publishes it, at most `JOURNAL_BYTES_MAX`. */
export interface JournalItem {
  readonly partition: number
  readonly after: number
  readonly lastSeq: number
  readonly lastId: number
  /** Entry texts joined by `BLOCK_SEPARATOR`, in UTF-8. */
  readonly text: Uint8Array
}

export interface OutboxItem {
  readonly id: number
  readonly subject: string
  readonly payload: string
}

/** Account → `traceparent`; nearly always empty. */
export type TickTraces = ReadonlyArray<readonly [account: string, trace: string]>

/** What follows is of a commit that is in SQLite's log and not yet on the disk (`log-sync.ts`). */
export interface Unsynced {
  readonly t: "unsynced"
  readonly log: string
}

export type FromWorker =
  /** Owned and loaded: subscribe to these partitions and read the stream from `cursor + 1`. */
  | {
      readonly t: "owned"
      readonly generation: number
      readonly partitions: ReadonlyArray<number>
      readonly cursor: number
      readonly incarnation: string
    }
  | { readonly t: "lost"; readonly partitions: ReadonlyArray<number>; readonly why: string }
  | { readonly t: "replies"; readonly replies: ReadonlyArray<string>; readonly texts: ReadonlyArray<string> }
  /** So many requests get no answer from here: their partitions, or the time of a lease, were lost meanwhile. */
  | { readonly t: "unanswered"; readonly count: number }
  | { readonly t: "journal"; readonly items: ReadonlyArray<JournalItem> }
  | { readonly t: "outbox"; readonly items: ReadonlyArray<OutboxItem> }
  | {
      readonly t: "ticks"
      readonly items: ReadonlyArray<readonly [partition: number, accounts: ReadonlyArray<string>, traces: TickTraces]>
    }
  /** Of traced items and the commits they were in. */
  | { readonly t: "spans"; readonly spans: ReadonlyArray<SpanRecord> }
  /** Stream messages whose commands were all applied (or skipped): room for more. */
  | { readonly t: "consumed"; readonly messages: number; readonly bytes: number }
  | { readonly t: "control"; readonly token: number; readonly answer: ControlAnswer }
  | {
      readonly t: "log"
      readonly level: "info" | "warning" | "error"
      readonly message: string
      readonly detail: Readonly<Record<string, unknown>>
    }
  | { readonly t: "metrics"; readonly metrics: WorkerMetrics }
  | { readonly t: "stopped" }

/** The worker's way to its host. `given`: buffers that the host may have; here they are empty afterwards. */
export type ToHost = (message: FromWorker, given?: ReadonlyArray<ArrayBuffer>) => void

/** Counters since the start and gauges of now; published once a second. */
export interface WorkerMetrics {
  readonly commits: number
  readonly entries: number
  readonly commitMs: number
  readonly requests: number
  readonly commands: number
  readonly duplicates: number
  readonly refusals: number
  readonly deadLetters: number
  readonly deadLettersByReason: Readonly<Record<string, number>>
  readonly fenceLosses: number
  readonly snapshots: number
  readonly slots: number
  readonly dirty: number
  readonly queuedCommands: number
  readonly queuedRequests: number
  readonly journalPendingBytes: number
  readonly owned: number
  readonly oldestDueMs: number
  /** Accounts whose books did not close (I1), refused until a person has looked. */
  readonly brokenAccounts: number
  /** Seconds from a batch's first decision to its commit. */
  readonly commitSeconds: HistogramData
  /** Entries a commit. */
  readonly commitEntries: HistogramData
}

/** Journal messages stay below the bus limit of 512 KiB with room for the envelope (decision 4). */
export const JOURNAL_BYTES_MAX = 480 * 1024
