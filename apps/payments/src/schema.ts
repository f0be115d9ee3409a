/**
 * Tables of payments beside those of the saga runtime, the same for SQLite and Postgres. Owns their shape; the queries
 * are in `store.ts`. The truth about a charge is its saga row; what is here is for lists, look-ups and findings.
 */
import { sagaMigrations } from "@credits/actor/saga"
import type { Migration } from "@credits/store"
import { sql, type Kysely } from "kysely"

/** Raised with every migration; a database with a newer one is refused (decision 21). */
export const SCHEMA_VERSION = 2

export interface Tables {
  /** A row a restore of this database. */
  readonly restored: {
    /** Business time; 0 until the first start after it. */
    readonly at: bigint
  }
  /** One row a charge, as it is now. Ids are in the order of making. */
  readonly charge: {
    readonly charge_id: string
    readonly account: string
    readonly obligation: string
    readonly status: string
    /** The processor's intent; null: none yet. */
    readonly processor_id: string | null
    readonly at: bigint
    readonly decided_at: bigint | null
    /** ChargeView as JSON. */
    readonly view: string
  }
  /** What operators decided, append-only. */
  readonly charge_action: {
    readonly charge_id: string
    readonly at: bigint
    readonly what: string
    readonly by: string
    readonly reason: string
  }
  /** Whose a customer or card of the processor is. */
  readonly owner: { readonly id: string; readonly account: string }
  /** Events that were acted on; one that comes again changes nothing. */
  readonly processor_event: {
    readonly id: string
    readonly type: string
    /** Real time. */
    readonly taken_at: bigint
  }
  /** How far the processor's events were read, by its own time. */
  readonly event_mark: { readonly id: number; readonly created: bigint }
  /** What reconciliation found (R10.4). Rows stay: `cleared_at` says since when it is not so any more. */
  readonly finding: {
    readonly kind: string
    /** The charge or intent it is about. */
    readonly subject: string
    /** When the money moved or should have. */
    readonly subject_at: bigint
    readonly found_at: bigint
    readonly seen_at: bigint
    readonly cleared_at: bigint | null
    /** Finding as JSON. */
    readonly body: string
  }
}

const createTables = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    sql`create table charge (charge_id text primary key, account text not null, obligation text not null unique,
      status text not null, processor_id text, at bigint not null, decided_at bigint, view text not null)`,
    sql`create index charge_account on charge (account, charge_id)`,
    sql`create index charge_status on charge (status, charge_id)`,
    sql`create index charge_processor on charge (processor_id)`,
    sql`create index charge_decided on charge (decided_at)`,
    sql`create table charge_action (charge_id text not null, at bigint not null, what text not null, by text not null,
      reason text not null)`,
    sql`create index charge_action_charge on charge_action (charge_id)`,
    sql`create table owner (id text primary key, account text not null)`,
    sql`create table processor_event (id text primary key, type text not null, taken_at bigint not null)`,
    sql`create index processor_event_taken on processor_event (taken_at)`,
    sql`create table event_mark (id integer primary key, created bigint not null)`,
    sql`create table finding (kind text not null, subject text not null, subject_at bigint not null,
      found_at bigint not null, seen_at bigint not null, cleared_at bigint, body text not null,
      primary key (kind, subject))`,
    sql`create index finding_open on finding (subject_at) where cleared_at is null`,
  ]
  for (const statement of statements) await statement.execute(db)
}

export const migrations: Readonly<Record<string, Migration>> = {
  ...sagaMigrations,
  "0001_payments": { up: createTables },
  // A row a restore from a backup, written by whoever restores (apps/ops).
  "0002_restored": { up: async (db) => void (await sql`create table restored (at bigint not null)`.execute(db)) },
}
