/**
 * The saga runtime's queries, over SQLite and Postgres alike. Owns the lease and the fence: every commit checks the
 * epoch in its own transaction and renews the lease with the same statement. Many rows share a statement, so a commit
 * is a handful of them whatever its size.
 */
import { insertRows, StoreFailed, storeErrorOf, type Database, type StoreError, type Target } from "@credits/store"
import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely"
import type { SagaTables } from "./migrations.ts"

/** A dead owner is waited for this long (real time); a live one renews with every commit, at least every second. */
export const LEASE_MS = 5_000

/** Another process owns the machine now: nothing was written, and this process must end. */
export class FenceLost extends Error {
  override readonly name = "FenceLost"
}

export interface SagaRow {
  readonly id: string
  readonly version: number
  readonly revision: number
  readonly lastAt: number
  readonly dueAt: number | null
  readonly busy: boolean
  readonly phases: string
  readonly state: string
}
export interface SagaReceipt {
  readonly id: string
  readonly key: string
  readonly hash: string
  readonly answer: string | null
}
export interface StoredFact {
  readonly seq: number
  readonly subject: string
  readonly payload: string
}
export interface SagaCursor {
  readonly stream: string
  readonly incarnation: string
  readonly seq: number
}
/** Everything one commit writes. */
export interface SagaCommit {
  readonly rows: ReadonlyArray<SagaRow>
  readonly receipts: ReadonlyArray<SagaReceipt & { readonly at: number }>
  readonly forgotten: ReadonlyArray<{ readonly id: string; readonly key: string }>
  readonly facts: ReadonlyArray<{ readonly subject: string; readonly payload: string }>
  readonly cursors: ReadonlyArray<SagaCursor>
  /** Facts up to this one are published: their rows go. */
  readonly publishedTo: number
  readonly write: ((transaction: Transaction<unknown>) => Promise<void>) | null
}

/** A place in the order of due work. */
export interface DuePlace {
  readonly dueAt: number
  readonly id: string
}

type Db = Kysely<SagaTables>

const text = (index: number): RawBuilder<unknown> => sql`value ->> ${sql.lit(index)}`

const ROWS: Target = {
  table: "saga",
  columns: ["machine", "id", "version", "revision", "last_at", "due_at", "busy", "phases", "state"],
  conflict: `on conflict (machine, id) do update set version = excluded.version, revision = excluded.revision,
    last_at = excluded.last_at, due_at = excluded.due_at, busy = excluded.busy, phases = excluded.phases,
    state = excluded.state`,
}
const RECEIPTS: Target = {
  table: "saga_receipt",
  columns: ["key", "machine", "id", "content_hash", "answer", "at"],
  conflict: "on conflict (key, machine, id) do update set answer = excluded.answer",
}
const FACTS: Target = { table: "saga_outbox", columns: ["machine", "subject", "payload"], conflict: "" }

export class SagaStore {
  readonly #database: Database<SagaTables>
  readonly #db: Db
  readonly #machine: string
  #owner = ""
  #epoch = -1

  constructor(database: Database, machine: string) {
    this.#database = database as Database<SagaTables>
    this.#db = this.#database.kysely
    this.#machine = machine
  }

  /** What an error of a query means. A lost fence stays what it is. */
  errorOf(cause: unknown): FenceLost | StoreError {
    return cause instanceof FenceLost ? cause : storeErrorOf(this.#database.service, cause)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Real time as the database's other clients see it: SQLite is on this machine, Postgres need not be. */
  get #now(): RawBuilder<bigint> {
    return this.#database.dialect === "sqlite"
      ? sql`${BigInt(Date.now())}`
      : sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`
  }

  /** Postgres: its own clock, ms. */
  async now(): Promise<number> {
    const { rows } = await sql<{ now: bigint }>`select ${this.#now} as now`.execute(this.#db)
    return Number(rows[0]!.now)
  }

  /** Rows of a JSON array, each as `value`, in the order of `key`. */
  #given(rows: ReadonlyArray<unknown>): RawBuilder<unknown> {
    const json = JSON.stringify(rows)
    return this.#database.dialect === "sqlite"
      ? sql`json_each(${json}) as given`
      : sql`jsonb_array_elements(${json}::jsonb) with ordinality as given(value, key)`
  }

  /**
   * Takes the machine when nobody has it: a free or expired lease, or an owner that `hasEnded` knows to have ended (one
   * look at the machine's processes; safe also when it errs, because the epoch fences).
   */
  async acquire(owner: string, hasEnded: (owner: string) => boolean): Promise<boolean> {
    const machine = this.#machine
    return this.#db.transaction().execute(async (db) => {
      await sql`insert into saga_owner (machine, owner, epoch, lease_until) values (${machine}, '', 0, 0)
        on conflict do nothing`.execute(db)
      const { rows } = await sql<{ owner: string; free: bigint | number }>`select owner,
        case when lease_until < ${this.#now} then 1 else 0 end as free from saga_owner
        where machine = ${machine} ${this.#database.dialect === "postgres" ? sql`for update` : sql``}`.execute(db)
      const [row] = rows
      if (row === undefined || (Number(row.free) === 0 && !hasEnded(row.owner))) return false
      const taken = await sql<{ epoch: bigint }>`update saga_owner set owner = ${owner}, epoch = epoch + 1,
        lease_until = ${this.#now} + ${LEASE_MS} where machine = ${machine} returning epoch`.execute(db)
      this.#epoch = Number(taken.rows[0]!.epoch)
      this.#owner = owner
      return true
    })
  }

  /**
   * The same owner goes on under a new epoch. A commit that nobody has heard of may still be on its way (Postgres): it
   * ends before this does, or it comes to nothing. What is read afterwards is what there is. @throws FenceLost
   */
  async renew(): Promise<void> {
    const { rows } = await sql<{ epoch: bigint }>`update saga_owner set epoch = epoch + 1,
      lease_until = ${this.#now} + ${LEASE_MS} where machine = ${this.#machine} and owner = ${this.#owner}
      returning epoch`.execute(this.#db)
    if (rows[0] === undefined) throw new FenceLost(`another process owns ${this.#machine} now`)
    this.#epoch = Number(rows[0].epoch)
  }

  /** Gives the lease back: the next owner need not wait, nor publish again what was published. */
  async release(publishedTo: number): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const released = await sql`update saga_owner set lease_until = 0 where machine = ${this.#machine}
        and epoch = ${BigInt(this.#epoch)}`.execute(db)
      if (released.numAffectedRows === 1n) await this.#deleteFacts(db, publishedTo)
    })
  }

  /** All or nothing, under the epoch; renews the lease. @throws FenceLost | whatever the database says */
  async commit(work: SagaCommit): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const fenced = await sql`update saga_owner set lease_until = ${this.#now} + ${LEASE_MS}
        where machine = ${this.#machine} and epoch = ${BigInt(this.#epoch)}`.execute(db)
      if (fenced.numAffectedRows !== 1n) throw new FenceLost(`another process owns ${this.#machine} now`)
      await this.#writeRows(db, work.rows)
      await this.#writeReceipts(db, work)
      await this.#writeFacts(db, work)
      await this.#writeCursors(db, work.cursors)
      if (work.write !== null) await work.write(db as unknown as Transaction<unknown>)
    })
  }

  async #writeRows(db: Db, rows: ReadonlyArray<SagaRow>): Promise<void> {
    if (rows.length === 0) return
    const values = rows.map((row) => [
      this.#machine,
      row.id,
      row.version,
      BigInt(row.revision),
      BigInt(row.lastAt),
      row.dueAt === null ? null : BigInt(row.dueAt),
      row.busy ? 1 : 0,
      row.phases,
      row.state,
    ])
    await insertRows(db, this.#database.dialect, ROWS, values)
  }

  async #writeReceipts(db: Db, { receipts, forgotten }: SagaCommit): Promise<void> {
    if (receipts.length > 0) {
      const values = receipts.map((r) => [r.key, this.#machine, r.id, r.hash, r.answer, BigInt(r.at)])
      await insertRows(db, this.#database.dialect, RECEIPTS, values)
    }
    for (const { key, id } of forgotten) {
      await sql`delete from saga_receipt where key = ${key} and machine = ${this.#machine} and id = ${id}`.execute(db)
    }
  }

  async #writeFacts(db: Db, { facts, publishedTo }: SagaCommit): Promise<void> {
    if (facts.length > 0) {
      const values = facts.map(({ subject, payload }) => [this.#machine, subject, payload])
      await insertRows(db, this.#database.dialect, FACTS, values)
    }
    if (publishedTo > 0) await this.#deleteFacts(db, publishedTo)
  }

  async #deleteFacts(db: Db, upTo: number): Promise<void> {
    await sql`delete from saga_outbox where machine = ${this.#machine} and seq <= ${BigInt(upTo)}`.execute(db)
  }

  async #writeCursors(db: Db, cursors: ReadonlyArray<SagaCursor>): Promise<void> {
    for (const { stream, incarnation, seq } of cursors) {
      await sql`insert into saga_cursor (machine, stream, incarnation, seq)
        values (${this.#machine}, ${stream}, ${incarnation}, ${BigInt(seq)})
        on conflict (machine, stream) do update set incarnation = excluded.incarnation, seq = excluded.seq`.execute(db)
    }
  }

  /** The stored actors among these. SQLite goes through a cross join as written: one look-up for each given row. */
  async load(ids: ReadonlyArray<string>): Promise<ReadonlyArray<SagaRow>> {
    if (ids.length === 0) return []
    const { rows } = await sql<SagaTables["saga"]>`select saga.* from ${this.#given(ids.map((id) => [id]))}
      cross join saga where saga.machine = ${this.#machine} and saga.id = ${text(0)}`.execute(this.#db)
    return rows.map(rowOf)
  }

  async receipts(
    keys: ReadonlyArray<{ readonly key: string; readonly id: string }>,
  ): Promise<ReadonlyArray<SagaReceipt>> {
    if (keys.length === 0) return []
    const { rows } = await sql<SagaTables["saga_receipt"]>`select r.* from
      ${this.#given(keys.map(({ key, id }) => [key, id]))}
      cross join saga_receipt r where r.key = ${text(0)} and r.machine = ${this.#machine}
        and r.id = ${text(1)}`.execute(this.#db)
    return rows.map((row) => ({ key: row.key, id: row.id, hash: row.content_hash, answer: row.answer }))
  }

  /** Actors due up to an instant, in order, behind a place. */
  async duePage(upTo: number, after: DuePlace | null, limit: number): Promise<ReadonlyArray<DuePlace>> {
    const behind = after === null ? sql`` : sql`and (due_at, id) > (${BigInt(after.dueAt)}, ${after.id})`
    const { rows } = await sql<{ id: string; due_at: bigint }>`select id, due_at from saga
      where machine = ${this.#machine} and due_at <= ${BigInt(upTo)} ${behind}
      order by due_at, id limit ${limit}`.execute(this.#db)
    return rows.map((row) => ({ id: row.id, dueAt: Number(row.due_at) }))
  }

  /** The earliest due instant after `after` (default: of all), or null. */
  async earliestDue(after: number | null): Promise<number | null> {
    const { rows } = await sql<{ due_at: bigint }>`select due_at from saga where machine = ${this.#machine}
      and due_at > ${BigInt(after ?? Number.MIN_SAFE_INTEGER)} order by due_at limit 1`.execute(this.#db)
    return rows[0] === undefined ? null : Number(rows[0].due_at)
  }

  /** Actors that name steps, by id. */
  async busyPage(after: string, limit: number): Promise<ReadonlyArray<SagaRow>> {
    const { rows } = await sql<SagaTables["saga"]>`select * from saga
      where machine = ${this.#machine} and busy = 1 and id > ${after} order by id limit ${limit}`.execute(this.#db)
    return rows.map(rowOf)
  }

  /** Rows of an older form, by id. */
  async olderPage(version: number, after: string, limit: number): Promise<ReadonlyArray<SagaRow>> {
    const { rows } = await sql<SagaTables["saga"]>`select * from saga
      where machine = ${this.#machine} and version < ${version} and id > ${after}
      order by id limit ${limit}`.execute(this.#db)
    return rows.map(rowOf)
  }

  async phaseCounts(): Promise<ReadonlyArray<{ readonly phases: string; readonly count: number }>> {
    const { rows } = await sql<{ phases: string; count: bigint }>`select phases, count(*) as count from saga
      where machine = ${this.#machine} group by phases`.execute(this.#db)
    return rows.map((row) => ({ phases: row.phases, count: Number(row.count) }))
  }

  /** @throws StoreFailed when a newer program wrote rows of this machine (decision 21). */
  async refuseNewer(version: number): Promise<void> {
    const { rows } = await sql<{ version: number | bigint | null }>`select max(version) as version from saga
      where machine = ${this.#machine}`.execute(this.#db)
    const found = Number(rows[0]?.version ?? 0)
    if (found <= version) return
    const detail = `a newer program wrote ${this.#machine} in form ${found}; this one knows ${version}`
    throw new StoreFailed({ database: this.#database.service, detail })
  }

  async cursor(stream: string): Promise<SagaCursor | null> {
    const row = await this.#db
      .selectFrom("saga_cursor")
      .select(["incarnation", "seq"])
      .where("machine", "=", this.#machine)
      .where("stream", "=", stream)
      .executeTakeFirst()
    return row === undefined ? null : { stream, incarnation: row.incarnation, seq: Number(row.seq) }
  }

  async factsAfter(seq: number, limit: number): Promise<ReadonlyArray<StoredFact>> {
    const rows = await this.#db
      .selectFrom("saga_outbox")
      .select(["seq", "subject", "payload"])
      .where("machine", "=", this.#machine)
      .where("seq", ">", BigInt(seq))
      .orderBy("seq")
      .limit(limit)
      .execute()
    return rows.map((row) => ({ ...row, seq: Number(row.seq) }))
  }

  async factCount(after: number): Promise<number> {
    const { count } = await this.#db
      .selectFrom("saga_outbox")
      .select(({ fn }) => fn.countAll<bigint>().as("count"))
      .where("machine", "=", this.#machine)
      .where("seq", ">", BigInt(after))
      .executeTakeFirstOrThrow()
    return Number(count)
  }
}

const rowOf = (row: SagaTables["saga"]): SagaRow => ({
  id: row.id,
  version: row.version,
  revision: Number(row.revision),
  lastAt: Number(row.last_at),
  dueAt: row.due_at === null ? null : Number(row.due_at),
  busy: row.busy === 1,
  phases: row.phases,
  state: row.state,
})
