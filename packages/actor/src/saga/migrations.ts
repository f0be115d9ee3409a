/**
 * Tables of the saga runtime, the same for SQLite and Postgres. Several machines of one service share them: every row
 * carries its machine's name. A service merges `sagaMigrations` into its own.
 */
import type { Migration } from "@credits/store"
import { type Generated, type Kysely, sql } from "kysely"

/** What the runtime reads and writes through Kysely. */
export interface SagaTables {
  readonly saga: {
    readonly machine: string
    readonly id: string
    /** Of the text form, as the machine counts it. */
    readonly version: number
    /** Counts the changes of this row. */
    readonly revision: bigint
    /** `now` of the last decision that changed it. */
    readonly last_at: bigint
    readonly due_at: bigint | null
    /** 1 while the state names steps. */
    readonly busy: number
    /** Drawing → phase, as JSON: for counting without reading states. */
    readonly phases: string
    readonly state: string
  }
  readonly saga_receipt: {
    readonly key: string
    readonly machine: string
    readonly id: string
    readonly content_hash: string
    /** Null: accepted, not answered for good yet. */
    readonly answer: string | null
    readonly at: bigint
  }
  readonly saga_outbox: {
    readonly seq: Generated<bigint>
    readonly machine: string
    readonly subject: string
    readonly payload: string
  }
  readonly saga_cursor: {
    readonly machine: string
    readonly stream: string
    readonly incarnation: string
    readonly seq: bigint
  }
  readonly saga_owner: {
    readonly machine: string
    readonly owner: string
    readonly epoch: bigint
    /** Real time. */
    readonly lease_until: bigint
  }
}

const createTables: Migration["up"] = async (db: Kysely<unknown>, dialect) => {
  const withoutRowid = dialect === "sqlite" ? sql` without rowid` : sql``
  // A number given once is never given again, also after its row is gone: message ids are made of it.
  const counted =
    dialect === "sqlite" ? sql`integer primary key autoincrement` : sql`bigint generated always as identity primary key`
  const statements = [
    sql`create table saga (machine text not null, id text not null, version integer not null, revision bigint not null,
      last_at bigint not null, due_at bigint, busy integer not null, phases text not null, state text not null,
      primary key (machine, id))`,
    sql`create index saga_due on saga (machine, due_at, id) where due_at is not null`,
    sql`create index saga_busy on saga (machine, id) where busy = 1`,
    sql`create table saga_receipt (key text not null, machine text not null, id text not null,
      content_hash text not null, answer text, at bigint not null, primary key (key, machine, id))${withoutRowid}`,
    sql`create table saga_outbox (seq ${counted}, machine text not null, subject text not null, payload text not null)`,
    sql`create index saga_outbox_machine on saga_outbox (machine, seq)`,
    sql`create table saga_cursor (machine text not null, stream text not null, incarnation text not null,
      seq bigint not null, primary key (machine, stream))`,
    sql`create table saga_owner (machine text primary key, owner text not null, epoch bigint not null,
      lease_until bigint not null)`,
  ]
  for (const statement of statements) await statement.execute(db)
}

/** For `migrate` of @credits/store, beside the service's own: sorts before `0001_…`. */
export const sagaMigrations: Readonly<Record<string, Migration>> = {
  "0000_saga_runtime": { up: createTables },
}
