/** Sessions and the people behind accounts in the edge's database. Owns the queries only. */
import type { Kysely } from "kysely"
import type { Tables } from "./schema.ts"
import { type Answer, run } from "./store-answer.ts"

/** Instants are milliseconds since 1970, real time. */
export interface StoredSession {
  readonly account: string
  readonly authenticatedAt: number
  readonly endsAt: number
  readonly idleAt: number
}

export interface Person {
  readonly email: string
  readonly name: string
}

export interface SessionTable {
  /** Adds a session in place of `before`, and forgets those that ended. */
  readonly addSession: (hash: string, session: StoredSession, before: string | null, now: number) => Answer<void>
  /** A session that has not ended by `now`. */
  readonly findSession: (hash: string, now: number) => Answer<StoredSession | null>
  readonly sessionUsed: (hash: string, idleAt: number) => Answer<void>
  readonly endSession: (hash: string) => Answer<void>
  /** Those that have not ended by `now`, newest first. */
  readonly sessionsOf: (account: string, now: number) => Answer<ReadonlyArray<StoredSession>>
  readonly endSessionsOf: (account: string) => Answer<void>
  readonly tellPerson: (account: string, person: Person, now: number) => Answer<void>
  readonly personOf: (account: string) => Answer<Person | null>
}

const storedOf = (
  row: Pick<Tables["session"], "account" | "authenticated_at" | "ends_at" | "idle_at">,
): StoredSession => ({
  account: row.account,
  authenticatedAt: Number(row.authenticated_at),
  endsAt: Number(row.ends_at),
  idleAt: Number(row.idle_at),
})

export const sessionTable = (db: Kysely<Tables>): SessionTable => ({
  addSession: (hash, { account, authenticatedAt, endsAt, idleAt }, before, now) =>
    run(() =>
      db.transaction().execute(async (changes) => {
        await changes.deleteFrom("session").where("idle_at", "<=", now).execute()
        if (before !== null) await changes.deleteFrom("session").where("hash", "=", before).execute()
        await changes
          .insertInto("session")
          .values({ hash, account, authenticated_at: authenticatedAt, ends_at: endsAt, idle_at: idleAt })
          .execute()
      }),
    ),
  findSession: (hash, now) =>
    run(async () => {
      const row = await db
        .selectFrom("session")
        .select(["account", "authenticated_at", "ends_at", "idle_at"])
        .where("hash", "=", hash)
        .where("idle_at", ">", now)
        .executeTakeFirst()
      return row === undefined ? null : storedOf(row)
    }),
  sessionUsed: (hash, idleAt) =>
    run(async () => {
      await db.updateTable("session").set({ idle_at: idleAt }).where("hash", "=", hash).execute()
    }),
  endSession: (hash) =>
    run(async () => {
      await db.deleteFrom("session").where("hash", "=", hash).execute()
    }),
  sessionsOf: (account, now) =>
    run(async () => {
      const rows = await db
        .selectFrom("session")
        .select(["account", "authenticated_at", "ends_at", "idle_at"])
        .where("account", "=", account)
        .where("idle_at", ">", now)
        .orderBy("authenticated_at", "desc")
        .execute()
      return rows.map(storedOf)
    }),
  endSessionsOf: (account) =>
    run(async () => {
      await db.deleteFrom("session").where("account", "=", account).execute()
    }),
  tellPerson: (account, { email, name }, now) =>
    run(async () => {
      await db
        .insertInto("person")
        .values({ account, email, name, told_at: now })
        .onConflict((c) => c.column("account").doUpdateSet({ email, name, told_at: now }))
        .execute()
    }),
  personOf: (account) =>
    run(async () => {
      const row = await db
        .selectFrom("person")
        .select(["email", "name"])
        .where("account", "=", account)
        .executeTakeFirst()
      return row ?? null
    }),
})
