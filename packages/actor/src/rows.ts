/**
 * The rows of the partition runtime, and what a store must do with them. One behaviour, two databases.
 * Owns the interface; sqlite-store.ts and postgres-store.ts own the SQL.
 */
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
  /** No account of this partition has an entry outside its snapshot in a block below this one. */
  readonly floor: number
  /** Journal published up to this seq, the last of this block. */
  readonly journaledSeq: number
  readonly journaledId: number
  readonly signalSeq: number
  /** Business time never goes back within a partition. */
  readonly lastAt: number
}

/**
 * The entries one commit adds to a partition, in order: one row. Measured: a row an entry costs 2.4 µs of binding and
 * half the commit's pages.
 */
export interface NewBlock {
  readonly id: number
  readonly partition: number
  /** seq of its first entry. */
  readonly seq: number
  readonly count: number
  /** Hex SHA-256 over the chain before it and its text. */
  readonly chain: string
  /** Entry texts joined by `BLOCK_SEPARATOR`. */
  readonly text: string
}

/** A block as its commit writes it: its text is UTF-8 once and for all, for hash chain, database and journal. */
export type SealedBlock = Omit<NewBlock, "text"> & { readonly text: Uint8Array }

export interface NewReceipt {
  readonly key: string
  readonly account: string
  readonly partition: number
  readonly content: string
  /** Reply text; null for stream commands, which nobody waits for. */
  readonly answer: string | null
  /** Real time, ms; null = kept for ever. */
  readonly expiresAt: number | null
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
  /** Address of the newest entry in it. */
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
  readonly blocks: ReadonlyArray<SealedBlock>
  /** Receipts of stream commands, in the order they were claimed. */
  readonly claims: ReadonlyArray<Claim>
  /** Its first block: what every receipt of it names. */
  readonly claimBlockId: number
  /** Claims of this batch that are given up again. */
  readonly unclaimed: ReadonlyArray<Claim>
  readonly receipts: ReadonlyArray<NewReceipt>
  readonly outbox: ReadonlyArray<NewOutbox>
  readonly outboxDone: ReadonlyArray<number>
  readonly snapshots: ReadonlyArray<NewSnapshot>
}

export interface StoredReceipt {
  readonly content: string
  readonly answer: string | null
  readonly blockId: number
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

/** Keys of a whole commit were claimed before: nothing of it was written. */
export class Repeated extends Error {
  override readonly name = "Repeated"
}

/** Whether a commit happened is not known (a lost connection): memory must be discarded. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown"
}

/** Refusals for the data itself: constraint, range or encoding; anything else is the store's own trouble. */
export const isDataError = (error: unknown): boolean => {
  const code = (error as { code?: unknown }).code
  return typeof code === "string" && (/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)/.test(code) || /^(22|23)/.test(code))
}

/** Commits beside the deciding thread, one at a time: fences, claims and rows in one transaction. */
export interface Writer {
  /** False while its thread starts. */
  readonly isReady: boolean
  /** Answers the partitions it applied. Rejects with Fenced, Repeated or the database's error: nothing was written. */
  commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>>
  close(): void
}

export interface ActorStore {
  /** Undefined: every commit is waited for. */
  readonly writer?: Writer | undefined
  /** The file in which `commit` leaves what is not on the disk yet; undefined: a commit is durable when it returns. */
  readonly unsyncedLog?: string | undefined
  readonly dialect: "sqlite" | "postgres"
  /** The database's clock, ms. */
  now(): Promise<number>
  /** Takes every partition whose lease has run out, was ours, or whose owner has certainly ended; raises its epoch. */
  acquire(owner: string, leaseMs: number, wanted: ReadonlyArray<number>): Promise<ReadonlyArray<PartitionRow>>
  /** Gives the lease back so that the next owner need not wait. */
  release(rows: ReadonlyArray<PartitionRow>): Promise<void>
  /** A run of block ids that nobody else gets: the first of `count`. */
  allocate(count: number): Promise<number>
  snapshotsOf(accounts: ReadonlyArray<string>): Promise<ReadonlyArray<NewSnapshot>>
  /** Blocks from an id on, of some partitions, ascending, at most `limit`. */
  blocksFrom(id: number, partitions: ReadonlyArray<number>, limit: number): Promise<ReadonlyArray<NewBlock>>
  block(id: number): Promise<NewBlock | undefined>
  outboxFrom(partitions: ReadonlyArray<number>, after: number, limit: number): Promise<ReadonlyArray<NewOutbox>>
  /** Accounts whose stored next due instant is ≤ `at`, earliest first; and the earliest of all. */
  dueAccounts(partitions: ReadonlyArray<number>, at: number, limit: number): Promise<ReadonlyArray<string>>
  earliestDue(partitions: ReadonlyArray<number>): Promise<number | null>
  receipts(
    keys: ReadonlyArray<{ readonly key: string; readonly account: string }>,
  ): Promise<ReadonlyArray<StoredReceipt | undefined>>
  /**
   * Starts the batch's transaction where the database needs it open (SQLite) and claims the stream commands' keys;
   * fences are checked here or in `commit`. Answers, by index, what was stored before for keys that are not new.
   */
  begin(
    partitions: ReadonlyArray<PartitionRow>,
    claims: ReadonlyArray<Claim>,
    claimBlockId: number,
    leaseMs: number,
  ): Promise<ReadonlyMap<number, string>>
  /** Commits; answers the ids of the partitions it applied. Throws Fenced or CommitUnknown. */
  commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>>
  /** Gives up what `begin` started. */
  abort(): Promise<void>
  /** Forgets refusals whose 24 h are over; bounded work. */
  forgetExpired(now: number, limit: number): Promise<number>
  close(): Promise<void>
}
