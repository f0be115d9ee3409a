/**
 * The partition runtime's tables on SQLite: prepared multi-row inserts on one handle, `BEGIN IMMEDIATE`, epoch checks
 * in the same transaction (decision 3). Everything is synchronous underneath; the promises of the interface are
 * already resolved.
 */
import type BetterSqlite3 from "better-sqlite3"
import type { Checkpoints } from "./checkpoints.ts"
import {
  Fenced,
  Repeated,
  type ActorStore,
  type Batch,
  type Claim,
  type NewBlock,
  type NewOutbox,
  type NewReceipt,
  type NewSnapshot,
  type PartitionRow,
  type StoredReceipt,
  type Writer,
} from "./rows.ts"

/** 50 rows a statement: measured best for inserts of small rows (234 k rows/s at 1,000 a commit, one by one 143 k). */
const ROWS = 50
/** The same for the rows of commits that answer requests, of which there are fewer. */
const FEW_ROWS = 8

type FillArgs<Row> = (args: Array<unknown>, at: number, row: Row) => void

/** Inserts rows with prepared statements of `rows` and of one; answers how many went in. */
const bulkInsert = <Row>(
  db: BetterSqlite3.Database,
  [into, columns, conflict]: readonly [into: string, columns: number, conflict: string],
  rows: number,
): ((list: ReadonlyArray<Row>, fill: FillArgs<Row>) => number) => {
  const row = `(${Array.from({ length: columns }, () => "?").join(",")})`
  const statement = (count: number) =>
    db.prepare(`INSERT INTO ${into} VALUES ${Array.from({ length: count }, () => row).join(",")} ${conflict}`)
  const [many, one] = [statement(rows), statement(1)]
  // Reused argument arrays: allocation is measurable at 100,000 rows a second.
  const manyArgs: Array<unknown> = Array.from({ length: rows * columns })
  const oneArgs: Array<unknown> = Array.from({ length: columns })
  return (list, fill) => {
    let inserted = 0
    let i = 0
    for (; i + rows <= list.length; i += rows) {
      for (let r = 0; r < rows; r++) fill(manyArgs, r * columns, list[i + r]!)
      inserted += many.run(manyArgs).changes
    }
    for (; i < list.length; i++) {
      fill(oneArgs, 0, list[i]!)
      inserted += one.run(oneArgs).changes
    }
    return inserted
  }
}

const blockArgs: FillArgs<NewBlock> = (args, at, block) => {
  args[at] = block.id
  args[at + 1] = block.partition
  args[at + 2] = block.seq
  args[at + 3] = block.count
  args[at + 4] = block.chain
  args[at + 5] = block.text
}

const receiptArgs: FillArgs<NewReceipt> = (args, at, receipt) => {
  args[at] = receipt.key
  args[at + 1] = receipt.account
  args[at + 2] = receipt.content
  args[at + 3] = receipt.answer
  args[at + 4] = receipt.expiresAt
  args[at + 5] = receipt.blockId
}

const BLOCK_SELECT = "SELECT id, partition, seq, count, chain, text FROM entry_block"

export class SqliteActorStore implements ActorStore {
  readonly dialect = "sqlite" as const
  readonly #db: BetterSqlite3.Database
  readonly #s: ReturnType<typeof prepare>

  readonly #checkpoints: Checkpoints | null

  readonly writer: Writer | undefined

  /** `checkpoints`: in a thread of their own; without it, in the commits, as SQLite does by itself. */
  constructor(db: BetterSqlite3.Database, checkpoints: Checkpoints | null = null, writer?: Writer) {
    this.#db = db
    this.writer = writer
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

  async begin(
    partitions: ReadonlyArray<PartitionRow>,
    claims: ReadonlyArray<Claim>,
    claimBlockId: number,
  ): Promise<ReadonlyMap<number, string>> {
    this.#s.begin.run()
    try {
      this.#checkFences(partitions)
      return this.#claim(claims, claimBlockId)
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  #checkFences(partitions: ReadonlyArray<PartitionRow>): void {
    const epochs = new Map(this.#s.epochs.all() as Array<[number, number]>)
    const lost = partitions.filter(({ id, epoch }) => epochs.get(id) !== epoch)
    if (lost.length > 0) throw new Fenced(lost.map(({ id }) => id))
  }

  /**
   * `begin` and `commit` in one for what was decided as if every key were new. Throws Repeated when one is not.
   */
  async commitWhole(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>> {
    this.#s.begin.run()
    try {
      this.#checkFences(batch.partitions)
      if (this.#insertClaims(batch.claims, batch.claimBlockId) !== batch.claims.length) throw new Repeated()
    } catch (error) {
      this.#rollback()
      throw error
    }
    return this.commit(batch, leaseMs)
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
    return this.#s.claims(claims, (args, at, { key, account, content }) => {
      args[at] = key
      args[at + 1] = account
      args[at + 2] = content
      args[at + 3] = claimBlockId
    })
  }

  async commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>> {
    try {
      this.#s.blocks(batch.blocks, blockArgs)
      for (const c of batch.unclaimed) this.#s.unclaim.run(c.key, c.account)
      this.#s.receipts(batch.receipts, receiptArgs)
      for (const o of batch.outbox) this.#s.newOutbox.run(o.id, o.partition, o.subject, o.payload)
      for (const id of batch.outboxDone) this.#s.outboxDone.run(id)
      for (const s of batch.snapshots) this.#s.newSnapshot.run(s.account, s.partition, s.head, s.nextDue, s.state)
      const leaseUntil = Date.now() + leaseMs
      for (const p of batch.partitions) this.#updatePartition(p, leaseUntil)
      this.#s.commit.run()
    } catch (error) {
      this.#rollback()
      throw error
    }
    this.#checkpoints?.committed(this.#db)
    return batch.partitions.map((partition) => partition.id)
  }

  #updatePartition(p: PartitionRow, leaseUntil: number): void {
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
    if (changes === 0) throw new Fenced([p.id])
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
    epochs: db.prepare("SELECT id, epoch FROM partition").raw(),
    acquire: db.prepare(
      `UPDATE partition SET owner = ?, epoch = epoch + 1, lease_until = ?
       WHERE id = ? AND (owner = ? OR lease_until < ?)`,
    ),
    release: db.prepare("UPDATE partition SET lease_until = 0 WHERE id = ? AND epoch = ?"),
    update: db.prepare(
      `UPDATE partition SET lease_until = ?, incarnation = ?, cursor_seq = ?, cursor_index = ?, seq = ?, chain = ?,
       floor = ?,
       journaled_seq = ?, journaled_id = ?, signal_seq = ?, last_at = ? WHERE id = ? AND epoch = ?`,
    ),
    allocate: db.prepare("UPDATE row_counter SET next = next + ? WHERE name = 'block' RETURNING next"),
    snapshot: db.prepare("SELECT account, partition, head, next_due AS nextDue, state FROM snapshot WHERE account = ?"),
    newSnapshot: db.prepare(
      `INSERT INTO snapshot (account, partition, head, next_due, state) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (account) DO UPDATE SET head = excluded.head, next_due = excluded.next_due, state = excluded.state`,
    ),
    block: db.prepare(`${BLOCK_SELECT} WHERE id = ?`),
    blocks: bulkInsert<NewBlock>(db, ["entry_block (id, partition, seq, count, chain, text)", 6, ""], FEW_ROWS),
    claims: bulkInsert<Claim>(db, ["receipt (key, account, content, block_id)", 4, "ON CONFLICT DO NOTHING"], ROWS),
    receipt: db.prepare("SELECT content, answer, block_id AS blockId FROM receipt WHERE key = ? AND account = ?"),
    receipts: bulkInsert<NewReceipt>(
      db,
      ["receipt (key, account, content, answer, expires_at, block_id)", 6, ""],
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
