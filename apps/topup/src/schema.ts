/**
 * Tables of auto top-up beside the saga runtime's own, the same for SQLite and Postgres. Owns their shape; the queries
 * are in `store.ts`.
 */
import { sagaMigrations } from "@credits/actor/saga"
import type { Dialect, Migration } from "@credits/store"
import { sql, type Kysely } from "kysely"

/** Raised with every migration; a database with a newer one is refused (decision 21). */
export const SCHEMA_VERSION = 1

export interface Tables {
  /** The consent's log (R9.1): rows are added, never changed or removed. */
  readonly consent: {
    readonly account: string
    readonly n: number
    readonly at: bigint
    readonly action: string
    readonly text_version: string | null
    readonly cap_cents: number | null
    readonly source: string
  }
  /** Accounts that are on: who is looked at again when the service starts. */
  readonly enabled_account: { readonly account: string }
}

const createTables = async (db: Kysely<unknown>, dialect: Dialect): Promise<void> => {
  const clustered = dialect === "sqlite" ? sql` without rowid` : sql``
  const statements = [
    sql`create table consent (account text not null, n integer not null, at bigint not null, action text not null,
      text_version text, cap_cents integer, source text not null, primary key (account, n))${clustered}`,
    sql`create table enabled_account (account text primary key)${clustered}`,
  ]
  for (const statement of statements) await statement.execute(db)
}

export const migrations: Readonly<Record<string, Migration>> = {
  ...sagaMigrations,
  "0001_topup": { up: createTables },
}
