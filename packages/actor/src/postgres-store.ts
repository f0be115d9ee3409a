/**
 * The partition runtime's tables on Postgres: one statement a batch in which every insert joins the fence, so a
 * partition that has another owner gets nothing and the others commit (decision 3). Partitions are locked in id order.
 */
import type pg from "pg"
import {
  CommitUnknown,
  type ActorStore,
  type Batch,
  type Claim,
  type NewBlock,
  type NewOutbox,
  type NewSnapshot,
  type PartitionRow,
  type StoredReceipt,
} from "./rows.ts"

const PARTITION_COLUMNS = `id, epoch, incarnation, cursor_seq AS cursor, cursor_index AS "cursorIndex", seq, chain,
  floor,  journaled_seq AS "journaledSeq", journaled_id AS "journaledId",
  signal_seq AS "signalSeq", last_at AS "lastAt"`
const BLOCK_SELECT = "SELECT id, partition, seq, count, chain, text FROM entry_block"
const NOW_MS = "(extract(epoch from clock_timestamp()) * 1000)::bigint"

/** All columns here are far below 2^53; the pool gives int8 as bigint. */
const numbers = <A>(row: Record<string, unknown>, ...columns: ReadonlyArray<string>): A => {
  for (const column of columns) if (typeof row[column] === "bigint") row[column] = Number(row[column])
  return row as A
}
const partitionOf = (row: Record<string, unknown>): PartitionRow =>
  numbers(row, "epoch", "cursor", "cursorIndex", "seq", "floor", "journaledSeq", "journaledId", "signalSeq", "lastAt")
const blockOf = (row: Record<string, unknown>): NewBlock => numbers(row, "id", "seq")

/**
 * Errors after which the statement may or may not have committed: everything that is not the database's own refusal.
 */
const isRefusal = (error: unknown): boolean =>
  typeof (error as { code?: unknown }).code === "string" &&
  /^[0-9A-Z]{5}$/.test((error as { code: string }).code) &&
  !/^(08|57P)/.test((error as { code: string }).code)

const COMMIT = `
WITH wanted AS (
  SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
    $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
    AS w(id, epoch, incarnation, cursor_seq, cursor_index, seq, chain, floor, journaled_seq,
      journaled_id, signal_seq, last_at)
), locked AS (
  SELECT p.id FROM partition p JOIN wanted w ON w.id = p.id AND w.epoch = p.epoch ORDER BY p.id FOR UPDATE OF p
), fence AS (
  UPDATE partition p SET lease_until = ${NOW_MS} + $13::bigint, incarnation = w.incarnation, cursor_seq = w.cursor_seq,
    cursor_index = w.cursor_index, seq = w.seq, chain = w.chain, floor = w.floor, journaled_seq = w.journaled_seq,
    journaled_id = w.journaled_id, signal_seq = w.signal_seq, last_at = w.last_at
  FROM wanted w, locked l WHERE p.id = w.id AND l.id = w.id AND p.epoch = w.epoch RETURNING p.id
), new_block AS (
  INSERT INTO entry_block (id, partition, seq, count, chain, text)
  SELECT b.* FROM unnest($14::bigint[], $15::int[], $16::bigint[], $17::int[], $18::text[], $19::text[])
    AS b(id, partition, seq, count, chain, text) JOIN fence f ON f.id = b.partition
), new_receipt AS (
  INSERT INTO receipt (key, account, content, answer, expires_at, block_id)
  SELECT r.key, r.account, r.content, r.answer, r.expires_at, r.block_id
  FROM unnest($20::text[], $21::text[], $22::text[], $23::text[], $24::bigint[], $25::bigint[], $26::int[])
    AS r(key, account, content, answer, expires_at, block_id, partition) JOIN fence f ON f.id = r.partition
), new_outbox AS (
  INSERT INTO outbox (id, partition, subject, payload)
  SELECT o.id, o.partition, o.subject, o.payload FROM unnest($27::bigint[], $28::int[], $29::text[], $30::text[])
    AS o(id, partition, subject, payload) JOIN fence f ON f.id = o.partition
), outbox_done AS (
  DELETE FROM outbox o USING fence f WHERE o.id = ANY($31::bigint[]) AND o.partition = f.id
), new_snapshot AS (
  INSERT INTO snapshot (account, partition, head, next_due, state)
  SELECT s.account, s.partition, s.head, s.next_due, s.state
  FROM unnest($32::text[], $33::int[], $34::bigint[], $35::bigint[], $36::text[])
    AS s(account, partition, head, next_due, state)
    JOIN fence f ON f.id = s.partition
  ON CONFLICT (account) DO UPDATE SET head = excluded.head, next_due = excluded.next_due, state = excluded.state
)
SELECT id FROM fence`

export class PostgresActorStore implements ActorStore {
  readonly dialect = "postgres" as const
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async #rows(text: string, params: ReadonlyArray<unknown>): Promise<Array<Record<string, unknown>>> {
    return (await this.#pool.query(text, params as Array<unknown>)).rows
  }

  async now(): Promise<number> {
    return Number((await this.#rows(`SELECT ${NOW_MS} AS now`, []))[0]!.now)
  }

  async acquire(owner: string, leaseMs: number, wanted: ReadonlyArray<number>): Promise<ReadonlyArray<PartitionRow>> {
    const rows = await this.#rows(
      `WITH free AS (
         SELECT id FROM partition WHERE id = ANY($1::int[]) AND (owner = $2 OR lease_until < ${NOW_MS})
         ORDER BY id FOR UPDATE SKIP LOCKED
       ) UPDATE partition p SET owner = $2, epoch = p.epoch + 1, lease_until = ${NOW_MS} + $3::bigint
       FROM free WHERE p.id = free.id
       RETURNING ${PARTITION_COLUMNS.replace(/^id/, "p.id")}`,
      [wanted, owner, leaseMs],
    )
    return rows.map(partitionOf).sort((a, b) => a.id - b.id)
  }

  async release(rows: ReadonlyArray<PartitionRow>): Promise<void> {
    for (const { id, epoch } of rows)
      await this.#rows("UPDATE partition SET lease_until = 0 WHERE id = $1 AND epoch = $2", [id, epoch])
  }

  async allocate(count: number): Promise<number> {
    const rows = await this.#rows("UPDATE row_counter SET next = next + $1 WHERE name = 'block' RETURNING next", [
      count,
    ])
    return Number(rows[0]!.next) - count
  }

  async snapshotsOf(accounts: ReadonlyArray<string>): Promise<ReadonlyArray<NewSnapshot>> {
    if (accounts.length === 0) return []
    const rows = await this.#rows(
      `SELECT account, partition, head, next_due AS "nextDue", state FROM snapshot WHERE account = ANY($1::text[])`,
      [accounts],
    )
    return rows.map((row) => numbers<NewSnapshot>(row, "head", "nextDue"))
  }

  async blocksFrom(id: number, partitions: ReadonlyArray<number>, limit: number): Promise<ReadonlyArray<NewBlock>> {
    return (
      await this.#rows(`${BLOCK_SELECT} WHERE id >= $1 AND partition = ANY($2::int[]) ORDER BY id LIMIT $3`, [
        id,
        partitions,
        limit,
      ])
    ).map(blockOf)
  }

  async block(id: number): Promise<NewBlock | undefined> {
    return (await this.#rows(`${BLOCK_SELECT} WHERE id = $1`, [id])).map(blockOf)[0]
  }

  async outboxFrom(partitions: ReadonlyArray<number>, after: number, limit: number): Promise<ReadonlyArray<NewOutbox>> {
    const rows = await this.#rows(
      `SELECT id, partition, subject, payload FROM outbox WHERE id > $1 AND partition = ANY($2::int[])
       ORDER BY id LIMIT $3`,
      [after, partitions, limit],
    )
    return rows.map((row) => numbers<NewOutbox>(row, "id"))
  }

  async dueAccounts(partitions: ReadonlyArray<number>, at: number, limit: number): Promise<ReadonlyArray<string>> {
    const rows = await this.#rows(
      "SELECT account FROM snapshot WHERE next_due <= $1 AND partition = ANY($2::int[]) ORDER BY next_due LIMIT $3",
      [at, partitions, limit],
    )
    return rows.map((row) => row.account as string)
  }

  async earliestDue(partitions: ReadonlyArray<number>): Promise<number | null> {
    const rows = await this.#rows(
      "SELECT min(next_due) AS due FROM snapshot WHERE next_due IS NOT NULL AND partition = ANY($1::int[])",
      [partitions],
    )
    return rows[0]!.due === null ? null : Number(rows[0]!.due)
  }

  async receipts(
    keys: ReadonlyArray<{ readonly key: string; readonly account: string }>,
  ): Promise<ReadonlyArray<StoredReceipt | undefined>> {
    if (keys.length === 0) return []
    const rows = await this.#rows(
      `SELECT r.key, r.account, r.content, r.answer, r.block_id AS "blockId"
       FROM unnest($1::text[], $2::text[]) AS w(key, account)
       JOIN receipt r ON r.key = w.key AND r.account = w.account`,
      [keys.map((k) => k.key), keys.map((k) => k.account)],
    )
    const found = new Map(
      rows.map((row) => [`${row.key as string} ${row.account as string}`, numbers<StoredReceipt>(row, "blockId")]),
    )
    return keys.map(({ key, account }) => found.get(`${key} ${account}`))
  }

  /**
   * Only the owner of an account's partition writes its receipts, so looking first is enough; the fence guards the
   * rest.
   */
  async begin(
    _partitions: ReadonlyArray<PartitionRow>,
    claims: ReadonlyArray<Claim>,
  ): Promise<ReadonlyMap<number, string>> {
    const stored = await this.receipts(claims)
    const known = new Map<number, string>()
    const seen = new Map<string, string>()
    claims.forEach((claim, index) => {
      const name = `${claim.key} ${claim.account}`
      const before = seen.get(name) ?? stored[index]?.content
      if (before === undefined) seen.set(name, claim.content)
      else known.set(index, before)
    })
    return known
  }

  async commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>> {
    try {
      return (await this.#rows(COMMIT, commitParams(batch, leaseMs))).map((row) => row.id as number)
    } catch (error) {
      if (isRefusal(error)) throw error
      throw new CommitUnknown(`the outcome of a commit is not known: ${(error as Error).message}`, { cause: error })
    }
  }

  async abort(): Promise<void> {
    return undefined
  }

  async forgetExpired(now: number, limit: number): Promise<number> {
    const result = await this.#pool.query(
      "DELETE FROM receipt WHERE (key, account) IN (SELECT key, account FROM receipt WHERE expires_at < $1 LIMIT $2)",
      [now, limit],
    )
    return result.rowCount ?? 0
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

const decoder = new TextDecoder()

const commitParams = (batch: Batch, leaseMs: number): Array<unknown> => {
  const { partitions: p, blocks: b, outbox: o, snapshots: s } = batch
  const unclaimed = new Set(batch.unclaimed)
  const claims = batch.claims.filter((c) => !unclaimed.has(c)).map((c) => ({ ...c, answer: null, expiresAt: null }))
  const r = [...claims, ...batch.receipts]
  return [
    p.map((x) => x.id),
    p.map((x) => x.epoch),
    p.map((x) => x.incarnation),
    p.map((x) => x.cursor),
    p.map((x) => x.cursorIndex),
    p.map((x) => x.seq),
    p.map((x) => x.chain),
    p.map((x) => x.floor),
    p.map((x) => x.journaledSeq),
    p.map((x) => x.journaledId),
    p.map((x) => x.signalSeq),
    p.map((x) => x.lastAt),
    leaseMs,
    b.map((x) => x.id),
    b.map((x) => x.partition),
    b.map((x) => x.seq),
    b.map((x) => x.count),
    b.map((x) => x.chain),
    b.map((x) => decoder.decode(x.text)),
    r.map((x) => x.key),
    r.map((x) => x.account),
    r.map((x) => x.content),
    r.map((x) => x.answer),
    r.map((x) => x.expiresAt),
    r.map(() => batch.claimBlockId),
    r.map((x) => x.partition),
    o.map((x) => x.id),
    o.map((x) => x.partition),
    o.map((x) => x.subject),
    o.map((x) => x.payload),
    batch.outboxDone,
    s.map((x) => x.account),
    s.map((x) => x.partition),
    s.map((x) => x.head),
    s.map((x) => x.nextDue),
    s.map((x) => x.state),
  ]
}
