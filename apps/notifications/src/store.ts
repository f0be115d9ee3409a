/**
 * Queries on the inbox, contacts and preferences (`schema.ts`). How a notification comes to be is `notice-store.ts`.
 */
import type { NotificationKind } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { inList, type Database } from "@credits/store"
import { sql, type Kysely, type Selectable } from "kysely"
import type { Recorded } from "./attempt.ts"
import type { Preferences, Wanted } from "./preference.ts"
import type { Tables } from "./schema.ts"

export type NotificationsDatabase = Database<Tables>

export interface StoredNotification {
  readonly seq: bigint
  readonly id: string
  readonly account: string
  readonly at: Instant
  readonly kind: NotificationKind
  readonly data: Readonly<Record<string, string | number | null>>
  readonly readAt: Instant | null
}

type Db = Kysely<Tables>

const COLUMNS = ["seq", "id", "account", "at", "kind", "data", "read_at"] as const

/** A row of the inbox as it is read. */
export const stored = (
  row: Pick<Selectable<Tables["notification"]>, (typeof COLUMNS)[number]>,
): StoredNotification => ({
  seq: BigInt(row.seq),
  id: row.id,
  account: row.account,
  at: Number(row.at),
  kind: row.kind as NotificationKind,
  data: JSON.parse(row.data) as StoredNotification["data"],
  readAt: row.read_at === null ? null : Number(row.read_at),
})

/** What an attempt changes in the row of a delivery, a mail's or a webhook's. */
export const attempted = ({ state, dueAt, outcome, at }: Recorded) => ({
  state,
  attempts: sql<number>`attempts + 1`,
  due_at: BigInt(dueAt),
  outcome,
  done_at: state === "waiting" ? null : BigInt(at),
})

export const preferencesOf = async (db: Db, account: string): Promise<Preferences> => {
  const rows = await db.selectFrom("preference").selectAll().where("account", "=", account).execute()
  return new Map(rows.map((row) => [row.grp, { inApp: row.in_app === 1, email: row.email === 1 }]))
}

export interface ListQuery {
  readonly account: string
  readonly limit: number
  readonly before: bigint | null
  readonly unread: boolean
}

/** Newest first. */
export const listNotifications = async (
  { kysely }: NotificationsDatabase,
  { account, limit, before, unread }: ListQuery,
): Promise<ReadonlyArray<StoredNotification>> => {
  let query = kysely.selectFrom("notification").select(COLUMNS).where("account", "=", account).where("hidden", "=", 0)
  if (before !== null) query = query.where("seq", "<", before)
  if (unread) query = query.where("read_at", "is", null)
  const rows = await query.orderBy("seq", "desc").limit(limit).execute()
  return rows.map(stored)
}

/** How many each account has not read; one that has read all is missing. */
export const unreadCounts = async (
  { kysely }: NotificationsDatabase,
  accounts: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, number>> => {
  const rows = await kysely
    .selectFrom("notification")
    .select(["account", sql<bigint>`count(*)`.as("n")])
    .where("account", "in", inList(accounts))
    .where("read_at", "is", null)
    .where("hidden", "=", 0)
    .groupBy("account")
    .execute()
  return new Map(rows.map(({ account, n }) => [account, Number(n)]))
}

export const unreadCount = async (database: NotificationsDatabase, account: string): Promise<number> =>
  (await unreadCounts(database, [account])).get(account) ?? 0

/** False: the account has no such notification. One that was read keeps its first instant. */
export const markRead = async (
  { kysely }: NotificationsDatabase,
  account: string,
  id: string,
  now: Instant,
): Promise<boolean> => {
  const { numUpdatedRows } = await kysely
    .updateTable("notification")
    .set({ read_at: sql`coalesce(read_at, ${BigInt(now)})` })
    .where("id", "=", id)
    .where("account", "=", account)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export const markAllRead = async ({ kysely }: NotificationsDatabase, account: string, now: Instant): Promise<void> => {
  await kysely
    .updateTable("notification")
    .set({ read_at: BigInt(now) })
    .where("account", "=", account)
    .where("read_at", "is", null)
    .execute()
}

export const setPreferences = async (
  { kysely }: NotificationsDatabase,
  account: string,
  groups: ReadonlyArray<readonly [string, Wanted]>,
): Promise<void> => {
  await kysely.transaction().execute(async (transaction) => {
    for (const [grp, { inApp, email }] of groups) {
      const row = { account, grp, in_app: inApp ? 1 : 0, email: email ? 1 : 0 }
      await transaction
        .insertInto("preference")
        .values(row)
        .onConflict((conflict) =>
          conflict.columns(["account", "grp"]).doUpdateSet({ in_app: row.in_app, email: row.email }),
        )
        .execute()
    }
  })
}

export const setContact = async (
  { kysely }: NotificationsDatabase,
  contact: { readonly account: string; readonly email: string; readonly name: string | null },
  now: Instant,
): Promise<void> => {
  const { email, name } = contact
  await kysely
    .insertInto("contact")
    .values({ ...contact, at: BigInt(now) })
    .onConflict((conflict) => conflict.column("account").doUpdateSet({ email, name, at: BigInt(now) }))
    .execute()
}

/** What those who look at an account were not told yet, in order. */
export const readUntold = async (
  { kysely }: NotificationsDatabase,
  limit: number,
): Promise<ReadonlyArray<StoredNotification>> => {
  const rows = await kysely
    .selectFrom("untold")
    .innerJoin("notification", "notification.seq", "untold.seq")
    .select(COLUMNS.map((column) => `notification.${column}` as const))
    .orderBy("untold.seq")
    .limit(limit)
    .execute()
  return rows.map(stored)
}

export const forgetUntold = async ({ kysely }: NotificationsDatabase, upTo: bigint): Promise<void> => {
  await kysely.deleteFrom("untold").where("seq", "<=", upTo).execute()
}
