/**
 * Tables of subscriptions beside those of the saga runtime, the same for SQLite and Postgres. Owns their shape; the
 * queries are in `store.ts`. The truth about an account is its saga row; what is here is for lists.
 */
import { sagaMigrations } from "@credits/actor/saga"
import type { Migration } from "@credits/store"
import { sql, type Kysely } from "kysely"

/** Raised with every migration; a database with a newer one is refused (decision 21). */
export const SCHEMA_VERSION = 1

export interface Tables {
  /** Billing cases (R5.2), one row each as it is now. Ids are in the order of opening. */
  readonly review: {
    readonly review_id: string
    readonly account: string
    readonly status: string
    /** ReviewView as JSON. */
    readonly view: string
  }
}

const createTables = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    sql`create table review (review_id text primary key, account text not null, status text not null,
      view text not null)`,
    sql`create index review_account on review (account, review_id)`,
    sql`create index review_status on review (status, review_id)`,
  ]
  for (const statement of statements) await statement.execute(db)
}

export const migrations: Readonly<Record<string, Migration>> = {
  ...sagaMigrations,
  "0001_subscriptions": { up: createTables },
}
