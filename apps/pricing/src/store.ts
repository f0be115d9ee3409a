/**
 * Pricing's queries, over SQLite and Postgres alike. Owns no rule: what is stored was decided by pure code.
 * Rows of an intake commit go in as one JSON parameter, which both dialects unpack, so a batch is a handful of
 * statements; those of the projection, which are many more, as bound values.
 */
import type { DeadLetter } from "@credits/contracts"
import { insertRows, type Database, type Dialect, type Target } from "@credits/store"
import { sql, type Kysely, type RawBuilder } from "kysely"
import type { ByokRecord } from "./call.ts"
import type { Positions, RollupDelta, TotalDelta } from "./rollup.ts"
import { Rollup } from "./rollup.ts"
import type { Tables } from "./schema.ts"

export type PricingDatabase = Database<Tables>
type Db = Kysely<Tables>

export interface Cursor {
  readonly incarnation: string
  readonly seq: number
}

/** Somebody else moved the cursor since we read it: what we hold is stale and must be read again. */
export class CursorMoved extends Error {
  constructor(stream: string) {
    super(`the cursor of ${stream} was moved by another process`)
  }
}

/** Rows of a JSON array of arrays, each as `value`. */
const rowsOf = (database: PricingDatabase, rows: ReadonlyArray<ReadonlyArray<unknown>>): RawBuilder<unknown> => {
  const json = JSON.stringify(rows)
  return database.dialect === "sqlite"
    ? sql`json_each(${json}) as given`
    : sql`jsonb_array_elements(${json}::jsonb) as given(value)`
}
const text = (index: number): RawBuilder<unknown> => sql`value ->> ${sql.lit(index)}`
const whole = (index: number): RawBuilder<unknown> => sql`cast(value ->> ${sql.lit(index)} as bigint)`
const columns = (...list: ReadonlyArray<RawBuilder<unknown>>): RawBuilder<unknown> => sql.join(list)

export const readCursor = async (database: PricingDatabase, stream: string): Promise<Cursor | null> => {
  const row = await database.kysely
    .selectFrom("cursor")
    .select(["incarnation", "seq"])
    .where("stream", "=", stream)
    .executeTakeFirst()
  return row === undefined ? null : { incarnation: row.incarnation, seq: Number(row.seq) }
}

/** Notes which stream a cursor will count in, before anything of it was applied. */
export const rememberStream = async (database: PricingDatabase, stream: string, incarnation: string): Promise<void> => {
  await database.kysely
    .insertInto("cursor")
    .values({ stream, incarnation, seq: 0n })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/**
 * Moves a cursor from where we read it to `to`; the first commit of a stream creates it. Creating it may wait for
 * somebody who does so at the same moment (Postgres): one who only noted the stream has left it where we read it.
 * @throws CursorMoved
 */
const moveCursor = async (db: Db, stream: string, incarnation: string, from: number, to: number): Promise<void> => {
  const move = async (): Promise<boolean> => {
    const moved = await db
      .updateTable("cursor")
      .set({ seq: BigInt(to) })
      .where("stream", "=", stream)
      .where("incarnation", "=", incarnation)
      .where("seq", "=", BigInt(from))
      .executeTakeFirst()
    return moved.numUpdatedRows > 0n
  }
  if (await move()) return
  if (from !== 0) throw new CursorMoved(stream)
  const created = await db
    .insertInto("cursor")
    .values({ stream, incarnation, seq: BigInt(to) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if ((created.numInsertedOrUpdatedRows ?? 0n) === 0n && !(await move())) throw new CursorMoved(stream)
}

/** Records new BYOK calls; answers the ones that were new and the ones whose id is taken by another body (R6.6). */
const insertByok = async (
  database: PricingDatabase,
  db: Db,
  records: ReadonlyArray<ByokRecord>,
): Promise<{ readonly fresh: ReadonlyArray<ByokRecord>; readonly conflicts: ReadonlyArray<ByokRecord> }> => {
  const rows = records.map((r) => [
    r.id,
    r.account,
    r.hash,
    r.at,
    r.provider,
    r.model,
    r.status,
    r.inputTokens,
    r.outputTokens,
  ])
  const values = columns(text(0), text(1), text(2), whole(3), text(4), text(5), text(6), whole(7), whole(8))
  const inserted = await sql<{ id: string; account: string }>`insert into byok_call
    (id, account, hash, at, provider, model, status, input_tokens, output_tokens)
    select ${values} from ${rowsOf(database, rows)} where true
    on conflict do nothing returning id, account`.execute(db)
  const isNew = new Set(inserted.rows.map((row) => `${row.id} ${row.account}`))
  // The first record of a key in this batch is the one that went in.
  const fresh: Array<ByokRecord> = []
  const repeated: Array<ByokRecord> = []
  for (const record of records) {
    ;(isNew.delete(`${record.id} ${record.account}`) ? fresh : repeated).push(record)
  }
  if (repeated.length === 0) return { fresh, conflicts: [] }
  const known = await sql<{
    id: string
    account: string
    hash: string
  }>`select byok_call.id, byok_call.account, byok_call.hash
    from ${rowsOf(
      database,
      repeated.map((r) => [r.id, r.account]),
    )} join byok_call on byok_call.id = ${text(0)} and byok_call.account = ${text(1)}`.execute(db)
  const hashes = new Map(known.rows.map((row) => [`${row.id} ${row.account}`, row.hash]))
  return { fresh, conflicts: repeated.filter((r) => hashes.get(`${r.id} ${r.account}`) !== r.hash) }
}

const insertDeadLetters = async (
  database: PricingDatabase,
  db: Db,
  letters: ReadonlyArray<DeadLetter>,
): Promise<void> => {
  if (letters.length === 0) return
  const rows = letters.map((letter) => [letter.id, letter.reason, letter.at, JSON.stringify(letter)])
  await sql`insert into dead_letter (id, reason, at, body, published)
    select ${columns(text(0), text(1), whole(2), text(3), sql`0`)} from ${rowsOf(database, rows)} where true
    on conflict do nothing`.execute(db)
}

export const ROLLUP_SUMS = [
  "calls",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "reasoning_tokens",
  "cost",
  "byok_calls",
  "byok_input_tokens",
  "byok_output_tokens",
] as const

const rollupRow = (d: RollupDelta): ReadonlyArray<string | number | bigint> => [
  d.day,
  d.account,
  d.model,
  d.calls,
  d.inputTokens,
  d.outputTokens,
  d.cacheReadTokens,
  d.cacheWriteTokens,
  d.reasoningTokens,
  d.cost,
  d.byokCalls,
  d.byokInputTokens,
  d.byokOutputTokens,
]

const totalRow = ({ account, calls, recharges, recharged }: TotalDelta): ReadonlyArray<string | number | bigint> => [
  account,
  calls,
  recharges,
  recharged,
]

const sumsOf = (table: string, names: ReadonlyArray<string>): string =>
  names.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(", ")

const rollupTarget = (table: string): Target => ({
  table,
  columns: ["day", "account", "model", ...ROLLUP_SUMS],
  conflict: `on conflict (day, account, model) do update set ${sumsOf(table, ROLLUP_SUMS)}`,
})
const ROLLUPS = {
  usage_rollup: rollupTarget("usage_rollup"),
  usage_rollup_shadow: rollupTarget("usage_rollup_shadow"),
} as const

const TOTAL_SUMS = ["calls", "recharges", "recharged"] as const
const totalTarget = (table: string): Target => ({
  table,
  columns: ["account", ...TOTAL_SUMS],
  conflict: `on conflict (account) do update set ${sumsOf(table, TOTAL_SUMS)}`,
})
const TOTALS = {
  account_total: totalTarget("account_total"),
  account_total_shadow: totalTarget("account_total_shadow"),
} as const

/** Some 5 ms of work over SQLite, which is done in this thread. */
const ROWS_AT_ONCE = 1_024

/** What else happens in the process goes on in between. */
const addRows = async (
  dialect: Dialect,
  db: Db,
  target: Target,
  rows: ReadonlyArray<ReadonlyArray<unknown>>,
): Promise<void> => {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve))
    await insertRows(db, dialect, target, rows.slice(at, at + ROWS_AT_ONCE))
  }
}

/** Into the live table or its shadow. */
export const addRollup = (
  { dialect }: PricingDatabase,
  db: Db,
  deltas: ReadonlyArray<RollupDelta>,
  into: keyof typeof ROLLUPS = "usage_rollup",
): Promise<void> => addRows(dialect, db, ROLLUPS[into], deltas.map(rollupRow))

export const addTotals = (
  { dialect }: PricingDatabase,
  db: Db,
  deltas: ReadonlyArray<TotalDelta>,
  into: keyof typeof TOTALS = "account_total",
): Promise<void> => addRows(dialect, db, TOTALS[into], deltas.map(totalRow))

export interface IntakeCommit {
  readonly stream: string
  readonly incarnation: string
  readonly from: number
  readonly to: number
  readonly byok: ReadonlyArray<ByokRecord>
  readonly deadLetters: ReadonlyArray<DeadLetter>
  /** Makes the dead letter of a BYOK call whose id is taken by another body. */
  readonly conflictOf: (record: ByokRecord) => DeadLetter
}
export interface IntakeCommitted {
  readonly byokRecorded: number
  readonly deadLetters: ReadonlyArray<DeadLetter>
}

/** What came of a batch of usage messages, and the cursor, in one transaction. @throws CursorMoved */
export const commitIntake = (database: PricingDatabase, batch: IntakeCommit): Promise<IntakeCommitted> =>
  database.kysely.transaction().execute(async (db) => {
    await moveCursor(db, batch.stream, batch.incarnation, batch.from, batch.to)
    let letters = batch.deadLetters
    let byokRecorded = 0
    if (batch.byok.length > 0) {
      const { fresh, conflicts } = await insertByok(database, db, batch.byok)
      letters = [...letters, ...conflicts.map(batch.conflictOf)]
      byokRecorded = fresh.length
      const rollup = new Rollup()
      for (const record of fresh) rollup.addByok(record)
      await addRollup(database, db, rollup.rows)
    }
    await insertDeadLetters(database, db, letters)
    return { byokRecorded, deadLetters: letters }
  })

export const readPositions = async (database: PricingDatabase): Promise<Positions> => {
  const rows = await database.kysely.selectFrom("journal_position").selectAll().execute()
  return new Map(rows.map((row) => [row.partition, Number(row.seq)]))
}

export interface ProjectionCommit {
  readonly stream: string
  readonly incarnation: string
  readonly from: number
  readonly to: number
  readonly rollup: Rollup
  /** As they were when counting began, and as they are after it. */
  readonly before: Positions
  readonly positions: Positions
  /** Of messages nobody could read. */
  readonly letters?: ReadonlyArray<DeadLetter>
}

/**
 * What the ledger was asked for moves positions and no cursor: another process that counts is known by the positions.
 *
 * @throws CursorMoved
 */
const expectPositions = async (db: Db, stream: string, expected: ReadonlyMap<number, number>): Promise<void> => {
  const rows = await db
    .selectFrom("journal_position")
    .selectAll()
    .where("partition", "in", [...expected.keys()])
    .execute()
  const found = new Map(rows.map((row) => [row.partition, Number(row.seq)]))
  for (const [partition, seq] of expected) if ((found.get(partition) ?? 0) !== seq) throw new CursorMoved(stream)
}

/** Rollup, totals, positions and cursor in one transaction: counted exactly once. @throws CursorMoved */
export const commitProjection = (database: PricingDatabase, batch: ProjectionCommit): Promise<void> =>
  database.kysely.transaction().execute(async (db) => {
    await moveCursor(db, batch.stream, batch.incarnation, batch.from, batch.to)
    await insertDeadLetters(database, db, batch.letters ?? [])
    const rows = [...batch.positions].filter(([partition, seq]) => seq !== (batch.before.get(partition) ?? 0))
    if (rows.length === 0) return
    // The cursor's row is ours by now: nobody moves a position between this look and the commit.
    await expectPositions(db, batch.stream, new Map(rows.map(([id]) => [id, batch.before.get(id) ?? 0])))
    await addRollup(database, db, batch.rollup.rows)
    await addTotals(database, db, batch.rollup.totals)
    await sql`insert into journal_position (partition, seq)
      select ${columns(sql`cast(value ->> 0 as integer)`, whole(1))} from ${rowsOf(database, rows)} where true
      on conflict (partition) do update set seq = excluded.seq`.execute(db)
  })

/**
 * Reads a stream that no longer fits the cursor from its beginning, as it is now: what was counted is known by the
 * positions. @throws CursorMoved
 */
export const startOver = async (
  database: PricingDatabase,
  stream: string,
  before: Cursor,
  incarnation: string,
  seq: number,
): Promise<void> => {
  await rememberStream(database, stream, before.incarnation)
  const moved = await database.kysely
    .updateTable("cursor")
    .set({ incarnation, seq: BigInt(seq) })
    .where("stream", "=", stream)
    .where("incarnation", "=", before.incarnation)
    .where("seq", "=", BigInt(before.seq))
    .executeTakeFirst()
  if (moved.numUpdatedRows === 0n) throw new CursorMoved(stream)
}

export interface PendingLetter {
  readonly id: string
  readonly body: string
}

/** Dead letters not published yet, oldest place in the stream first. */
export const pendingLetters = (database: PricingDatabase, limit: number): Promise<ReadonlyArray<PendingLetter>> =>
  database.kysely
    .selectFrom("dead_letter")
    .select(["id", "body"])
    .where("published", "=", sql.lit(0))
    .orderBy("id")
    .limit(limit)
    .execute()

export const markLettersPublished = async (database: PricingDatabase, ids: ReadonlyArray<string>): Promise<void> => {
  await database.kysely
    .updateTable("dead_letter")
    .set({ published: 1 })
    .where("id", "in", [...ids])
    .execute()
}

export const countPendingLetters = async (database: PricingDatabase): Promise<number> => {
  const { count } = await database.kysely
    .selectFrom("dead_letter")
    .select((select) => select.fn.countAll<bigint>().as("count"))
    .where("published", "=", sql.lit(0))
    .executeTakeFirstOrThrow()
  return Number(count)
}
