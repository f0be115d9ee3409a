/**
 * Queries on the outbox of mails: what is due, and what came of it. Real time; a row is written with its notification
 * (`store.ts`) and ends `sent` or `failed` once.
 */
import { sql } from "kysely"
import type { Recorded } from "./attempt.ts"
import { attempted, stored, type NotificationsDatabase, type StoredNotification } from "./store.ts"

export interface DueMail {
  readonly notification: StoredNotification
  readonly email: string
  readonly name: string | null
  readonly attempts: number
  readonly madeAt: number
}

export const dueMails = async (
  { kysely }: NotificationsDatabase,
  now: number,
  limit: number,
): Promise<ReadonlyArray<DueMail>> => {
  const rows = await kysely
    .selectFrom("mail")
    .innerJoin("notification", "notification.id", "mail.notification")
    .innerJoin("contact", "contact.account", "notification.account")
    .select(["seq", "id", "notification.account", "notification.at", "kind", "data", "read_at"])
    .select(["contact.email", "contact.name", "mail.attempts", "mail.made_at"])
    .where("mail.state", "=", "waiting")
    .where("mail.due_at", "<=", BigInt(now))
    .orderBy("mail.due_at")
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    notification: stored(row),
    email: row.email,
    name: row.name,
    attempts: row.attempts,
    madeAt: Number(row.made_at),
  }))
}

/** A mail and what came of it. */
export interface MailRecord {
  readonly notification: string
  readonly recorded: Recorded
}

/** In one commit. A row that is no longer waiting was recorded before: nothing changes. */
export const recordMails = async (
  { kysely }: NotificationsDatabase,
  records: ReadonlyArray<MailRecord>,
): Promise<void> => {
  await kysely.transaction().execute(async (transaction) => {
    for (const { notification, recorded } of records) {
      await transaction
        .updateTable("mail")
        .set(attempted(recorded))
        .where("notification", "=", notification)
        .where("state", "=", "waiting")
        .execute()
    }
  })
}

export const countMails = async ({ kysely }: NotificationsDatabase): Promise<Readonly<Record<string, number>>> => {
  const { n } = await kysely
    .selectFrom("mail")
    .select(sql<bigint>`count(*)`.as("n"))
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow()
  return { waiting: Number(n) }
}
