/**
 * Tables of notifications beside the saga runtime's own, the same for SQLite and Postgres. Owns their shape; the
 * queries are in `store.ts`, `mail-store.ts` and `webhook-store.ts`. Instants of deliveries are real time, all others
 * business time.
 */
import { sagaMigrations } from "@credits/actor/saga"
import type { Dialect, Migration } from "@credits/store"
import { sql, type Generated, type Kysely } from "kysely"

/** Raised with every migration; a database with a newer one is refused (decision 21). */
export const SCHEMA_VERSION = 1

export type DeliveryState = "waiting" | "sent" | "failed"

export interface Tables {
  /** The inbox. `cause` is unique: what makes R11's "exactly once per cause" true. */
  readonly notification: {
    /** Order of writing: what lists are sorted and paged by. */
    readonly seq: Generated<bigint>
    readonly id: string
    readonly cause: string
    readonly account: string
    readonly at: bigint
    readonly kind: string
    /** JSON, as the contract's NotificationData. */
    readonly data: string
    /** 1: the customer does not want this group in the inbox. */
    readonly hidden: number
    readonly read_at: bigint | null
  }
  /** Written with the notification, gone when those who look at the account were told. */
  readonly untold: { readonly seq: bigint }
  readonly contact: {
    readonly account: string
    readonly email: string
    readonly name: string | null
    readonly at: bigint
  }
  /** Only what differs from "everywhere". */
  readonly preference: {
    readonly account: string
    readonly grp: string
    readonly in_app: number
    readonly email: number
  }
  /** The outbox of mails, one row a notification that is to be mailed. */
  readonly mail: {
    readonly notification: string
    readonly state: DeliveryState
    readonly attempts: number
    readonly made_at: bigint
    readonly due_at: bigint
    readonly outcome: string | null
    readonly done_at: bigint | null
  }
  readonly webhook: {
    readonly id: string
    readonly url: string
    readonly description: string
    /** JSON list of kinds; null: all. */
    readonly events: string | null
    /** `whsec_…`: signing needs it, so it cannot be a hash. */
    readonly secret: string
    readonly status: "enabled" | "disabled" | "removed"
    readonly reason: string | null
    readonly created_at: bigint
    readonly failing_since: bigint | null
  }
  /** The outbox of webhooks, one row a notification and endpoint. */
  readonly webhook_delivery: {
    readonly webhook: string
    readonly notification: string
    readonly state: DeliveryState
    readonly attempts: number
    readonly due_at: bigint
    readonly outcome: string | null
    readonly done_at: bigint | null
  }
}

const createTables = async (db: Kysely<unknown>, dialect: Dialect): Promise<void> => {
  const clustered = dialect === "sqlite" ? sql` without rowid` : sql``
  const counted =
    dialect === "sqlite" ? sql`integer primary key autoincrement` : sql`bigint generated always as identity primary key`
  const statements = [
    sql`create table notification (seq ${counted}, id text not null unique, cause text not null unique,
      account text not null, at bigint not null, kind text not null, data text not null, hidden integer not null,
      read_at bigint)`,
    sql`create index notification_account on notification (account, seq)`,
    sql`create index notification_unread on notification (account, seq) where read_at is null and hidden = 0`,
    sql`create table untold (seq bigint primary key)`,
    sql`create table contact (account text primary key, email text not null, name text,
      at bigint not null)${clustered}`,
    sql`create table preference (account text not null, grp text not null, in_app integer not null,
      email integer not null, primary key (account, grp))${clustered}`,
    sql`create table mail (notification text primary key, state text not null, attempts integer not null,
      made_at bigint not null, due_at bigint not null, outcome text, done_at bigint)${clustered}`,
    sql`create index mail_due on mail (due_at) where state = 'waiting'`,
    sql`create table webhook (id text primary key, url text not null, description text not null, events text,
      secret text not null, status text not null, reason text, created_at bigint not null,
      failing_since bigint)${clustered}`,
    sql`create table webhook_delivery (webhook text not null, notification text not null, state text not null,
      attempts integer not null, due_at bigint not null, outcome text, done_at bigint,
      primary key (webhook, notification))${clustered}`,
    sql`create index webhook_delivery_due on webhook_delivery (webhook, due_at) where state = 'waiting'`,
  ]
  for (const statement of statements) await statement.execute(db)
}

export const migrations: Readonly<Record<string, Migration>> = {
  ...sagaMigrations,
  "0001_notifications": { up: createTables },
}
