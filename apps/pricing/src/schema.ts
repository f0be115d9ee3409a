/**
 * Tables of pricing, the same for SQLite and Postgres. Owns their shape; the queries are in `store.ts`.
 * What grows with traffic is keyed by what comes in time order: the event id (BYOK), the day (rollup), the place in the
 * stream (dead letters); never by account alone (decision 8).
 */
import { sql, type Kysely } from "kysely"
import type { Dialect, Migration } from "@credits/store"

/** Raised with every migration; a database with a newer one is refused (decision 21). */
export const SCHEMA_VERSION = 3

export interface Tables {
  /** Price books and catalogues; immutable rows. `ordinal` is the order of publication. */
  readonly version: {
    readonly kind: "book" | "catalogue"
    readonly version: string
    readonly ordinal: number
    readonly effective_at: bigint
    readonly published_at: bigint
    readonly published_by: string
    readonly reason: string
    readonly data: string
  }
  /** How far a stream has been applied, in the same transaction as what came of it (decision 2). */
  readonly cursor: { readonly stream: string; readonly incarnation: string; readonly seq: bigint }
  /** Last journal entry counted per partition of the ledger (decision 9). */
  readonly journal_position: { readonly partition: number; readonly seq: bigint }
  /** Calls with the customer's own key: recorded, never charged (R8.1). */
  readonly byok_call: {
    readonly id: string
    readonly account: string
    readonly hash: string
    readonly at: bigint
    readonly provider: string
    readonly model: string
    readonly status: string
    readonly input_tokens: bigint
    readonly output_tokens: bigint
  }
  readonly dead_letter: {
    readonly id: string
    readonly reason: string
    readonly at: bigint
    /** The dead letter as published, JSON. */
    readonly body: string
    readonly published: number
  }
  readonly usage_rollup: RollupTable
  readonly account_total: TotalTable
  /** The same while they are counted anew beside the live ones (`rebuild.ts`); empty otherwise. */
  readonly usage_rollup_shadow: RollupTable
  readonly account_total_shadow: TotalTable
  readonly journal_position_shadow: { readonly partition: number; readonly seq: bigint }
  /** A row while the shadow tables belong to a rebuild that has begun and not ended. */
  readonly projection_rebuild: { readonly name: string; readonly began_at: bigint }
}

interface RollupTable {
  readonly day: string
  readonly account: string
  readonly model: string
  readonly calls: bigint
  readonly input_tokens: bigint
  readonly output_tokens: bigint
  readonly cache_read_tokens: bigint
  readonly cache_write_tokens: bigint
  readonly reasoning_tokens: bigint
  /** Nano-USD. */
  readonly cost: bigint
  readonly byok_calls: bigint
  readonly byok_input_tokens: bigint
  readonly byok_output_tokens: bigint
}

/** One row an account, so that a total of its life is one seek. */
interface TotalTable {
  readonly account: string
  readonly calls: bigint
  readonly recharges: bigint
  /** Nano-USD. */
  readonly recharged: bigint
}

const clusteredIn = (dialect: Dialect) => (dialect === "sqlite" ? sql` without rowid` : sql``)

const createTables = async (db: Kysely<unknown>, dialect: Dialect): Promise<void> => {
  const clustered = clusteredIn(dialect)
  const statements = [
    sql`create table version (kind text not null, version text not null, ordinal integer not null,
      effective_at bigint not null, published_at bigint not null, published_by text not null, reason text not null,
      data text not null,
      primary key (kind, version))`,
    sql`create unique index version_ordinal on version (kind, ordinal)`,
    sql`create table cursor (stream text primary key, incarnation text not null, seq bigint not null)`,
    sql`create table journal_position (partition integer primary key, seq bigint not null)`,
    sql`create table byok_call (id text not null, account text not null, hash text not null, at bigint not null,
      provider text not null, model text not null, status text not null, input_tokens bigint not null,
      output_tokens bigint not null, primary key (id, account))${clustered}`,
    sql`create table dead_letter (id text primary key, reason text not null, at bigint not null, body text not null,
      published integer not null)`,
    sql`create index dead_letter_pending on dead_letter (id) where published = 0`,
    sql`create table usage_rollup (day text not null, account text not null, model text not null, calls bigint not null,
      input_tokens bigint not null, output_tokens bigint not null, cache_read_tokens bigint not null,
      cache_write_tokens bigint not null, reasoning_tokens bigint not null, cost bigint not null,
      byok_calls bigint not null, byok_input_tokens bigint not null, byok_output_tokens bigint not null,
      primary key (day, account, model))${clustered}`,
  ]
  for (const statement of statements) await statement.execute(db)
}

/**
 * Totals cannot be made from the rollup, which never knew of grants: the journal is counted again from its beginning.
 * The ledger answers what the stream no longer has; usage tables fill up again meanwhile, BYOK calls stay counted.
 */
const countAgain = async (db: Kysely<unknown>, dialect: Dialect): Promise<void> => {
  const clustered = clusteredIn(dialect)
  const statements = [
    sql`create table account_total (account text primary key, calls bigint not null, recharges bigint not null,
      recharged bigint not null)${clustered}`,
    sql`delete from journal_position`,
    sql`delete from usage_rollup where byok_calls = 0`,
    sql`update usage_rollup set calls = 0, input_tokens = 0, output_tokens = 0, cache_read_tokens = 0,
      cache_write_tokens = 0, reasoning_tokens = 0, cost = 0`,
  ]
  for (const statement of statements) await statement.execute(db)
}

const createShadow = async (db: Kysely<unknown>, dialect: Dialect): Promise<void> => {
  const clustered = clusteredIn(dialect)
  const statements = [
    sql`create table usage_rollup_shadow (day text not null, account text not null, model text not null,
      calls bigint not null, input_tokens bigint not null, output_tokens bigint not null,
      cache_read_tokens bigint not null, cache_write_tokens bigint not null, reasoning_tokens bigint not null,
      cost bigint not null, byok_calls bigint not null, byok_input_tokens bigint not null,
      byok_output_tokens bigint not null, primary key (day, account, model))${clustered}`,
    sql`create table account_total_shadow (account text primary key, calls bigint not null, recharges bigint not null,
      recharged bigint not null)${clustered}`,
    sql`create table journal_position_shadow (partition integer primary key, seq bigint not null)`,
    sql`create table projection_rebuild (name text primary key, began_at bigint not null)`,
  ]
  for (const statement of statements) await statement.execute(db)
}

export const migrations: Readonly<Record<string, Migration>> = {
  "0001_pricing": { up: createTables },
  "0002_account_totals": { up: countAgain },
  "0003_shadow": { up: createShadow },
}
