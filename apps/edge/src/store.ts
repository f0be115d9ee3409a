/**
 * The edge's own database: identities, sessions, API keys, idempotency keys. No money, no balance, no copy of anything
 * another service owns.
 */
import { type Database, migrate, openDatabase } from "@credits/store"
import { Context, Effect, Layer } from "effect"
import { EdgeConfig } from "./config.ts"
import { keyTable, type KeyTable } from "./key-table.ts"
import { migrations, SCHEMA_VERSION, type Tables } from "./schema.ts"
import { sessionTable, type SessionTable } from "./session-table.ts"
import { type Answer, run } from "./store-answer.ts"

export class EdgeStore extends Context.Service<
  EdgeStore,
  KeyTable &
    SessionTable & {
      /** The account of a subject; `account` becomes it when there is none yet. */
      readonly accountOf: (subject: string, account: string, now: number) => Answer<string>
      /** `isSame` is false when the key was used with another request before; else what was answered, if it is kept. */
      readonly bindIdempotencyKey: (
        owner: string,
        key: string,
        requestHash: string,
        now: number,
      ) => Answer<{ readonly isSame: boolean; readonly answer: string | null }>
      /** The first answer stays. */
      readonly keepAnswer: (owner: string, key: string, answer: string) => Answer<void>
      readonly ping: Answer<void>
    }
>()("edge/EdgeStore") {
  static readonly layer = Layer.effect(
    EdgeStore,
    Effect.gen(function* () {
      const config = yield* EdgeConfig
      const database = yield* openDatabase<Tables>({
        service: "edge",
        dataDir: config.dataDir,
        databaseUrl: config.databaseUrl,
      })
      yield* migrate(database, migrations, SCHEMA_VERSION)
      return makeStore(database)
    }),
  )
}

const makeStore = (database: Database<Tables>) => {
  const db = database.kysely
  return EdgeStore.of({
    accountOf: (subject, account, now) =>
      run(async () => {
        await db
          .insertInto("identity")
          .values({ subject, account, created_at: now })
          .onConflict((c) => c.column("subject").doNothing())
          .execute()
        const row = await db
          .selectFrom("identity")
          .select("account")
          .where("subject", "=", subject)
          .executeTakeFirstOrThrow()
        return row.account
      }),
    ...keyTable(db),
    ...sessionTable(db),
    bindIdempotencyKey: (owner, key, requestHash, now) =>
      run(async () => {
        await db
          .insertInto("idempotency")
          .values({ owner, key, request_hash: requestHash, created_at: now, answer: null })
          .onConflict((c) => c.columns(["key", "owner"]).doNothing())
          .execute()
        const row = await db
          .selectFrom("idempotency")
          .select(["request_hash", "answer"])
          .where("key", "=", key)
          .where("owner", "=", owner)
          .executeTakeFirstOrThrow()
        return { isSame: row.request_hash === requestHash, answer: row.answer }
      }),
    keepAnswer: (owner, key, answer) =>
      run(async () => {
        await db
          .updateTable("idempotency")
          .set({ answer })
          .where("key", "=", key)
          .where("owner", "=", owner)
          .where("answer", "is", null)
          .execute()
      }),
    ping: run(async () => {
      await db.selectFrom("identity").select("subject").limit(1).execute()
    }),
  })
}
