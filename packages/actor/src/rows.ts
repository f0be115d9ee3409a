/**
 * The rows of the partition runtime, and what a store must do with them. One behaviour, two databases.
 * Owns the interface; sqlite-store.ts and postgres-store.ts own the SQL.
 */
import type { StoredEntry } from "./machine.ts"

/** A partition as its owner knows it. */
export interface PartitionRow {
  readonly id: number
  readonly epoch: number
  /** Incarnation of the command stream the cursor belongs to; "" before the first message. */
  readonly incarnation: string
  /** Stream sequence of the message the cursor stands in. */
  readonly cursor: number
  /** Commands of that message already applied; -1 = all of it. */
  readonly cursorIndex: number
  /** Number of the partition's last entry. */
  readonly seq: number
  /** Hash chain head, hex. */
  readonly chain: string
  /** No account of this partition has an unsnapshotted entry with a smaller row id. */
  readonly floor: number
  /** Journal published up to this seq, which is the entry with this row id. */
  readonly journaledSeq: number
  readonly journaledId: number
  readonly signalSeq: number
  /** Business time never goes back within a partition. */
  readonly lastAt: number
}

export interface NewEntry extends StoredEntry {
  /** Chain hash on the last entry of a partition's batch, "" on the others. */
  chain: string
}

export interface NewReceipt {
  readonly key: string
  readonly account: string
  readonly partition: number
  readonly content: string
  /** Reply text; null for stream commands, which nobody waits for. */
  readonly answer: string | null
  /** Real time, ms; null = kept for ever. */
  readonly expiresAt: number | null
  /** Row id of the first entry of the commit it belongs to. */
  readonly entryId: number
}

/** What goes to a stream from this commit besides entries: signals and dead letters (few). */
export interface NewOutbox {
  readonly id: number
  readonly partition: number
  readonly subject: string
  readonly payload: string
}

export interface NewSnapshot {
  readonly account: string
  readonly partition: number
  /** Row id of the newest entry in it. */
  readonly head: number
  readonly nextDue: number | null
  readonly state: string
}

export interface Claim {
  readonly key: string
  readonly account: string
  readonly partition: number
  readonly content: string
}

/** Everything one transaction writes. */
export interface Batch {
  readonly partitions: ReadonlyArray<PartitionRow>
  readonly entries: ReadonlyArray<NewEntry>
  /** Receipts of stream commands, in the order they were claimed. */
  readonly claims: ReadonlyArray<Claim>
  readonly claimEntryId: number
  readonly receipts: ReadonlyArray<NewReceipt>
  readonly outbox: ReadonlyArray<NewOutbox>
  readonly outboxDone: ReadonlyArray<number>
  readonly snapshots: ReadonlyArray<NewSnapshot>
}

export interface StoredReceipt {
  readonly content: string
  readonly answer: string | null
  readonly entryId: number
}

/** The epoch check failed: another owner has the partition. Nothing of it was written. */
export class Fenced extends Error {
  override readonly name = "Fenced"
  readonly partitions: ReadonlyArray<number>
  constructor(partitions: ReadonlyArray<number>) {
    super(`partitions ${partitions.join(", ")} belong to another owner`)
    this.partitions = partitions
  }
}

/** Whether a commit happened is not known (a lost connection): memory must be discarded. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown"
}

export interface ActorStore {
  readonly dialect: "sqlite" | "postgres"
  /** The database's clock, ms. */
  now(): Promise<number>
  /** Takes every partition whose lease has run out (or was ours), raising its epoch. */
  acquire(owner: string, leaseMs: number, wanted: ReadonlyArray<number>): Promise<ReadonlyArray<PartitionRow>>
  /** Gives the lease back so that the next owner need not wait. */
  release(rows: ReadonlyArray<PartitionRow>): Promise<void>
  /** A block of row ids that nobody else gets: the first of `count`. */
  allocate(count: number): Promise<number>
  snapshotsOf(accounts: ReadonlyArray<string>): Promise<ReadonlyArray<NewSnapshot>>
  /** Entries from a row id on, of some partitions, ascending, at most `limit`. */
  entriesFrom(id: number, partitions: ReadonlyArray<number>, limit: number): Promise<ReadonlyArray<StoredEntry>>
  entry(id: number): Promise<StoredEntry | undefined>
  /** Entries of one account within [from, to] row ids. */
  entriesOf(account: string, from: number, to: number): Promise<ReadonlyArray<StoredEntry>>
  outboxFrom(partitions: ReadonlyArray<number>, after: number, limit: number): Promise<ReadonlyArray<NewOutbox>>
  /** Accounts whose stored next due instant is ≤ `at`, earliest first; and the earliest of all. */
  dueAccounts(partitions: ReadonlyArray<number>, at: number, limit: number): Promise<ReadonlyArray<string>>
  earliestDue(partitions: ReadonlyArray<number>): Promise<number | null>
  receipts(keys: ReadonlyArray<{ readonly key: string; readonly account: string }>): Promise<ReadonlyArray<StoredReceipt | undefined>>
  /**
   * Starts the batch's transaction where the database needs it open (SQLite), checks the fences and claims the stream commands'
   * keys. Answers, by index, what was stored before for keys that are not new.
   */
  begin(partitions: ReadonlyArray<PartitionRow>, claims: ReadonlyArray<Claim>, claimEntryId: number, leaseMs: number): Promise<ReadonlyMap<number, string>>
  /** Commits; answers the ids of the partitions it applied. Throws Fenced or CommitUnknown. */
  commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>>
  /** Gives up what `begin` started. */
  abort(): Promise<void>
  /** Forgets refusals whose 24 h are over; bounded work. */
  forgetExpired(now: number, limit: number): Promise<number>
  close(): Promise<void>
}
