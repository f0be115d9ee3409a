/**
 * Queries on the inbox, contacts and preferences (`schema.ts`). Owns the one insert that makes a notification: it and
 * what is to be sent of it go into the transaction that moves the streams' cursors, and a cause that is there already
 * changes nothing.
 */
import { NOTIFICATION_KINDS, type NotificationKind } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import type { Database } from "@credits/store"
import { sql, type Kysely, type Selectable, type Transaction } from "kysely"
import { notificationId, type Notice } from "./notification.ts"
import { wantedOf, type Preferences, type Wanted } from "./preference.ts"
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

/** What happened longer ago than this is written down and not sent: a stream that is read again mails nobody anew. */
export const SENT_WITHIN_MS = 3 * 86_400_000

/** Clocks beside a commit: the business's, and real time for what is sent. */
export interface Times {
  readonly business: Instant
  readonly real: number
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

export const preferencesOf = async (db: Db, account: string): Promise<Preferences> => {
  const rows = await db.selectFrom("preference").selectAll().where("account", "=", account).execute()
  return new Map(rows.map((row) => [row.grp, { inApp: row.in_app === 1, email: row.email === 1 }]))
}

const mailTo = async (db: Db, account: string, notification: string, now: bigint): Promise<void> => {
  const contact = await db.selectFrom("contact").select("account").where("account", "=", account).executeTakeFirst()
  if (contact === undefined) return
  const mail = { notification, state: "waiting" as const, attempts: 0, made_at: now, due_at: now }
  await db
    .insertInto("mail")
    .values({ ...mail, outcome: null, done_at: null })
    .execute()
}

const hookTo = async (db: Db, kind: string, notification: string, now: bigint): Promise<void> => {
  const endpoints = await db.selectFrom("webhook").select(["id", "events"]).where("status", "=", "enabled").execute()
  const wanting = endpoints.filter(({ events }) => events === null || (JSON.parse(events) as string[]).includes(kind))
  const delivery = { notification, state: "waiting" as const, attempts: 0, due_at: now, outcome: null, done_at: null }
  for (const { id } of wanting)
    await db
      .insertInto("webhook_delivery")
      .values({ ...delivery, webhook: id })
      .execute()
}

/** False: its cause was told before. */
const writeOne = async (db: Db, notice: Notice, times: Times): Promise<boolean> => {
  const { kind, account, at, cause, data } = notice
  const wanted = wantedOf(await preferencesOf(db, account), NOTIFICATION_KINDS[kind])
  const id = notificationId(notice)
  const hidden = wanted.inApp ? 0 : 1
  const row = { id, cause, account, at: BigInt(at), kind, data: JSON.stringify(data), hidden, read_at: null }
  const written = await db
    .insertInto("notification")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning("seq")
    .executeTakeFirst()
  if (written === undefined) return false
  if (wanted.inApp)
    await db
      .insertInto("untold")
      .values({ seq: BigInt(written.seq) })
      .execute()
  if (times.business - at > SENT_WITHIN_MS) return true
  const now = BigInt(times.real)
  if (wanted.email) await mailTo(db, account, id, now)
  await hookTo(db, kind, id, now)
  return true
}

/** In the transaction that moves the cursors. Answers how many were new. */
export const writeNotices = async (
  transaction: Transaction<Tables>,
  notices: ReadonlyArray<Notice>,
  times: Times,
): Promise<number> => {
  let written = 0
  for (const notice of notices) if (await writeOne(transaction, notice, times)) written++
  return written
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

export const unreadCount = async ({ kysely }: NotificationsDatabase, account: string): Promise<number> => {
  const { n } = await kysely
    .selectFrom("notification")
    .select(sql<bigint>`count(*)`.as("n"))
    .where("account", "=", account)
    .where("read_at", "is", null)
    .where("hidden", "=", 0)
    .executeTakeFirstOrThrow()
  return Number(n)
}

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
