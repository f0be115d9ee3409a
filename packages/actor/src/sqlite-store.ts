/**
 * The partition runtime's tables on SQLite: prepared multi-row inserts on one handle, `BEGIN IMMEDIATE`, epoch checks
 * in the same transaction (decision 3). Everything is synchronous underneath; the promises of the interface are
 * already resolved.
 */
import type BetterSqlite3 from "better-sqlite3"
import type { Checkpoints } from "./checkpoints.ts"
import { hasEnded } from "./ended-process.ts"
import { logOf } from "./log-sync.ts"
import {
  BLOCK_COLUMNS,
  CLAIM_COLUMNS,
  packBatch,
  packClaims,
  RECEIPT_COLUMNS,
  type PackedBatch,
} from "./packed-batch.ts"
import {
  Fenced,
  Repeated,
  type ActorStore,
  type Batch,
  type Claim,
  type NewBlock,
  type NewOutbox,
  type NewSnapshot,
  type PartitionRow,
  type StoredReceipt,
  type Writer,
} from "./rows.ts"

/** 50 rows a statement: measured best for inserts of small rows (234 k rows/s at 1,000 a commit, one by one 143 k). */
const ROWS = 50
/** The same for the rows of commits that answer requests, of which there are fewer. */
const FEW_ROWS = 8

interface Insert {
  /** `INSERT OR …`: no default ABORT, for which SQLite would first copy every page that a statement changes. */
  readonly into: string
  /** Values of a row, as the statement takes them. */
  readonly columns: ReadonlyArray<string>
  /** Whether one more value, the same for all, follows them. */
  readonly shared: boolean
}

/** Inserts rows, given as their values in a row, with prepared statements of `rows` and of one; answers how many. */
const bulkInsert = (
  db: BetterSqlite3.Database,
  { into, columns: taken, shared }: Insert,
  rows: number,
): ((values: ReadonlyArray<unknown>, sharedValue?: unknown) => number) => {
  const columns = taken.length
  const width = columns + (shared ? 1 : 0)
  const row = `(${(shared ? [...taken, "?"] : taken).join(",")})`
  const statement = (count: number) =>
    db.prepare(`${into} VALUES ${Array.from({ length: count }, () => row).join(",")}`)
  const [many, one] = [statement(rows), statement(1)]
  // Reused argument arrays: allocation is measurable at 100,000 rows a second.
  const manyArgs: Array<unknown> = Array.from({ length: rows * width })
  const oneArgs: Array<unknown> = Array.from({ length: width })
  return (values, sharedValue) => {
    let at = 0
    const fill = (args: Array<unknown>, count: number): Array<unknown> => {
      for (let i = 0; i < count * width; i += width) {
        for (let column = 0; column < columns; column++) args[i + column] = values[at++]
        if (shared) args[i + columns] = sharedValue
      }
      return args
    }
    let inserted = 0
    while (at + rows * columns <= values.length) inserted += many.run(fill(manyArgs, rows)).changes
    while (at < values.length) inserted += one.run(fill(oneArgs, 1)).changes
    return inserted
  }
}

const BLOCK_SELECT = "SELECT id, partition, seq, count, chain, text FROM entry_block"

export class SqliteActorStore implements ActorStore {
  readonly dialect = "sqlite" as const
  readonly #db: BetterSqlite3.Database
  readonly #s: ReturnType<typeof prepare>

  readonly #checkpoints: Checkpoints | null

  readonly writer: Writer | undefined
  readonly unsyncedLog: string | undefined

  /** `checkpoints`: in a thread of their own; without it, in the commits, as SQLite does by itself. */
  constructor(db: BetterSqlite3.Database, checkpoints: Checkpoints | null = null, writer?: Writer) {
    this.#db = db
    this.writer = writer
    // 1 is NORMAL: the log is synced before a checkpoint, and by whoever must know that a commit is durable.
    this.unsyncedLog = db.pragma("synchronous", { simple: true }) === 1 ? logOf(db.name) : undefined
    this.#checkpoints = checkpoints
    checkpoints?.own(db)
    this.#s = prepare(db)
  }

  async now(): Promise<number> {
    return Date.now()
  }

  async acquire(owner: string, leaseMs: number, wanted: ReadonlyArray<number>): Promise<ReadonlyArray<PartitionRow>> {
    const taken: Array<PartitionRow> = []
    this.#s.begin.run()
    try {
      const now = Date.now()
      const owners = this.#s.owners.all() as ReadonlyArray<{ owner: string }>
      const ended = owners.map((row) => row.owner).filter((each) => each !== owner && hasEnded(each))
      for (const each of ended) this.#s.end.run(each)
      for (const id of wanted) {
        if (this.#s.acquire.run(owner, now + leaseMs, id, owner, now).changes === 1)
          taken.push(this.#s.partition.get(id) as PartitionRow)
      }
      this.#s.commit.run()
    } catch (error) {
      this.#rollback()
      throw error
    }
    return taken
  }

  async release(rows: ReadonlyArray<PartitionRow>): Promise<void> {
    for (const row of rows) this.#s.release.run(row.id, row.epoch)
  }

  async allocate(count: number): Promise<number> {
    return (this.#s.allocate.get(count) as { next: number }).next - count
  }

  async snapshotsOf(accounts: ReadonlyArray<string>): Promise<ReadonlyArray<NewSnapshot>> {
    const found: Array<NewSnapshot> = []
    for (const account of accounts) {
      const row = this.#s.snapshot.get(account) as NewSnapshot | undefined
      if (row !== undefined) found.push(row)
    }
    return found
  }

  async blocksFrom(id: number, partitions: ReadonlyArray<number>, limit: number): Promise<ReadonlyArray<NewBlock>> {
    const list = partitions.join(",")
    return this.#db
      .prepare(`${BLOCK_SELECT} WHERE id >= ? AND partition IN (${list}) ORDER BY id LIMIT ?`)
      .all(id, limit) as Array<NewBlock>
  }

  async block(id: number): Promise<NewBlock | undefined> {
    return this.#s.block.get(id) as NewBlock | undefined
  }

  async outboxFrom(partitions: ReadonlyArray<number>, after: number, limit: number): Promise<ReadonlyArray<NewOutbox>> {
    const list = partitions.join(",")
    return this.#db
      .prepare(
        `SELECT id, partition, subject, payload FROM outbox
         WHERE id > ? AND partition IN (${list}) ORDER BY id LIMIT ?`,
      )
      .all(after, limit) as Array<NewOutbox>
  }

  async dueAccounts(partitions: ReadonlyArray<number>, at: number, limit: number): Promise<ReadonlyArray<string>> {
    const list = partitions.join(",")
    const rows = this.#db
      .prepare(`SELECT account FROM snapshot WHERE next_due <= ? AND partition IN (${list}) ORDER BY next_due LIMIT ?`)
      .all(at, limit) as Array<{ account: string }>
    return rows.map((row) => row.account)
  }

  async earliestDue(partitions: ReadonlyArray<number>): Promise<number | null> {
    const list = partitions.join(",")
    const row = this.#db
      .prepare(
        `SELECT next_due FROM snapshot WHERE next_due IS NOT NULL AND partition IN (${list}) ORDER BY next_due LIMIT 1`,
      )
      .get() as { next_due: number } | undefined
    return row === undefined ? null : row.next_due
  }

  async receipts(
    keys: ReadonlyArray<{ readonly key: string; readonly account: string }>,
  ): Promise<ReadonlyArray<StoredReceipt | undefined>> {
    return keys.map(({ key, account }) => this.#s.receipt.get(key, account) as StoredReceipt | undefined)
  }

  /** Fences are checked where the partitions are written: in the same transaction, so nobody can come in between. */
  async begin(
    _partitions: ReadonlyArray<PartitionRow>,
    claims: ReadonlyArray<Claim>,
    claimBlockId: number,
  ): Promise<ReadonlyMap<number, string>> {
    this.#s.begin.run()
    try {
      return this.#claim(claims, claimBlockId)
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  /**
   * `begin` and `commit` in one for what was decided as if every key were new. Throws Repeated when one is not.
   */
  commitWhole(batch: PackedBatch, leaseMs: number): ReadonlyArray<number> {
    this.#s.begin.run()
    try {
      const { claims, claimBlockId } = batch
      if (this.#s.claims(claims, claimBlockId) * CLAIM_COLUMNS.length !== claims.length) throw new Repeated()
      return this.#write(batch, leaseMs)
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  /** Optimistic: insert all, and only when the count is short find out which keys are not new. */
  #claim(claims: ReadonlyArray<Claim>, claimBlockId: number): ReadonlyMap<number, string> {
    if (claims.length === 0) return new Map()
    this.#s.savepoint.run()
    if (this.#insertClaims(claims, claimBlockId) === claims.length) {
      this.#s.releaseSavepoint.run()
      return new Map()
    }
    this.#s.rollbackTo.run()
    this.#s.releaseSavepoint.run()
    const known = new Map<number, string>()
    const fresh: Array<Claim> = []
    const seen = new Map<string, string>()
    claims.forEach((claim, index) => {
      const name = `${claim.key} ${claim.account}`
      const before =
        seen.get(name) ?? (this.#s.receipt.get(claim.key, claim.account) as StoredReceipt | undefined)?.content
      if (before !== undefined) known.set(index, before)
      else {
        seen.set(name, claim.content)
        fresh.push(claim)
      }
    })
    if (this.#insertClaims(fresh, claimBlockId) !== fresh.length)
      throw new Error("a claimed key was taken inside its own transaction")
    return known
  }

  #insertClaims(claims: ReadonlyArray<Claim>, claimBlockId: number): number {
    return this.#s.claims(packClaims(claims), claimBlockId)
  }

  async commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>> {
    try {
      return this.#write(packBatch(batch), leaseMs)
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  #write(batch: PackedBatch, leaseMs: number): ReadonlyArray<number> {
    this.#s.blocks(batch.blocks)
    for (const c of batch.unclaimed) this.#s.unclaim.run(c.key, c.account)
    this.#s.receipts(batch.receipts, batch.claimBlockId)
    for (const o of batch.outbox) this.#s.newOutbox.run(o.id, o.partition, o.subject, o.payload)
    for (const id of batch.outboxDone) this.#s.outboxDone.run(id)
    for (const s of batch.snapshots) this.#s.newSnapshot.run(s.account, s.partition, s.head, s.nextDue, s.state)
    const leaseUntil = Date.now() + leaseMs
    const lost = batch.partitions.filter((partition) => !this.#updatePartition(partition, leaseUntil))
    if (lost.length > 0) throw new Fenced(lost.map(({ id }) => id))
    this.#s.commit.run()
    this.#checkpoints?.committed(this.#db)
    return batch.partitions.map((partition) => partition.id)
  }

  /** False: another owner has it. */
  #updatePartition(p: PartitionRow, leaseUntil: number): boolean {
    const { changes } = this.#s.update.run(
      leaseUntil,
      p.incarnation,
      p.cursor,
      p.cursorIndex,
      p.seq,
      p.chain,
      p.floor,
      p.journaledSeq,
      p.journaledId,
      p.signalSeq,
      p.lastAt,
      p.id,
      p.epoch,
    )
    return changes === 1
  }

  async abort(): Promise<void> {
    this.#rollback()
  }

  #rollback(): void {
    if (this.#db.inTransaction) this.#s.rollback.run()
  }

  async forgetExpired(now: number, limit: number): Promise<number> {
    return this.#s.forget.run(now, limit).changes
  }

  async close(): Promise<void> {
    this.writer?.close()
    this.#checkpoints?.close()
    this.#db.close()
  }
}

const PARTITION_SELECT = `SELECT id, epoch, incarnation, cursor_seq AS cursor, cursor_index AS cursorIndex, seq, chain,
  floor,  journaled_seq AS journaledSeq, journaled_id AS journaledId,
  signal_seq AS signalSeq, last_at AS lastAt FROM partition`

const prepare = (db: BetterSqlite3.Database) => {
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    rollback: db.prepare("ROLLBACK"),
    savepoint: db.prepare("SAVEPOINT claim"),
    rollbackTo: db.prepare("ROLLBACK TO claim"),
    releaseSavepoint: db.prepare("RELEASE claim"),
    partition: db.prepare(`${PARTITION_SELECT} WHERE id = ?`),
    acquire: db.prepare(
      `UPDATE partition SET owner = ?, epoch = epoch + 1, lease_until = ?
       WHERE id = ? AND (owner = ? OR lease_until < ?)`,
    ),
    owners: db.prepare("SELECT DISTINCT owner FROM partition"),
    end: db.prepare("UPDATE partition SET lease_until = 0 WHERE owner = ?"),
    release: db.prepare("UPDATE partition SET lease_until = 0 WHERE id = ? AND epoch = ?"),
    update: db.prepare(
      `UPDATE partition SET lease_until = ?, incarnation = ?, cursor_seq = ?, cursor_index = ?, seq = ?, chain = ?,
       floor = ?,
       journaled_seq = ?, journaled_id = ?, signal_seq = ?, last_at = ? WHERE id = ? AND epoch = ?`,
    ),
    allocate: db.prepare("UPDATE row_counter SET next = next + ? WHERE name = 'block' RETURNING next"),
    snapshot: db.prepare("SELECT account, partition, head, next_due AS nextDue, state FROM snapshot WHERE account = ?"),
    newSnapshot: db.prepare(
      `INSERT OR ROLLBACK INTO snapshot (account, partition, head, next_due, state) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (account) DO UPDATE SET head = excluded.head, next_due = excluded.next_due, state = excluded.state`,
    ),
    block: db.prepare(`${BLOCK_SELECT} WHERE id = ?`),
    blocks: bulkInsert(
      db,
      {
        into: "INSERT OR ROLLBACK INTO entry_block (id, partition, seq, count, chain, text)",
        columns: BLOCK_COLUMNS,
        shared: false,
      },
      FEW_ROWS,
    ),
    claims: bulkInsert(
      db,
      {
        into: "INSERT OR IGNORE INTO receipt (key, account, content, block_id)",
        columns: CLAIM_COLUMNS,
        shared: true,
      },
      ROWS,
    ),
    receipt: db.prepare("SELECT content, answer, block_id AS blockId FROM receipt WHERE key = ? AND account = ?"),
    receipts: bulkInsert(
      db,
      {
        into: "INSERT OR ROLLBACK INTO receipt (key, account, content, answer, expires_at, block_id)",
        columns: RECEIPT_COLUMNS,
        shared: true,
      },
      FEW_ROWS,
    ),
    unclaim: db.prepare("DELETE FROM receipt WHERE key = ? AND account = ?"),
    newOutbox: db.prepare("INSERT INTO outbox (id, partition, subject, payload) VALUES (?, ?, ?, ?)"),
    outboxDone: db.prepare("DELETE FROM outbox WHERE id = ?"),
    forget: db.prepare(
      "DELETE FROM receipt WHERE (key, account) IN (SELECT key, account FROM receipt WHERE expires_at < ? LIMIT ?)",
    ),
  }
}
