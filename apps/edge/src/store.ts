/**
 * The edge's own tables: who has which account, which API keys exist, which idempotency keys were used for what. No
 * money, no balance, no copy of anything another service owns. SQLite or Postgres, the same migrations.
 */
import { type Database, migrate, type Migration, openDatabase } from "@credits/store"
import { Context, Data, Effect, Layer } from "effect"
import type { Kysely } from "kysely"
import type { KeyScope } from "./api-key.ts"
import { EdgeConfig } from "./config.ts"

interface Tables {
  /** `subject`: "email:<address>" or "<issuer>|<sub>". The first sight of a subject makes its account, for ever. */
  identity: { subject: string; account: string; created_at: number }
  api_key: {
    /** SHA-256 of the key, hex. */
    hash: string
    id: string
    scope: string
    /** The account a control key acts for; null for gateways. */
    account: string | null
    /** What its maker called it. */
    name: string
    created_at: number
    revoked_at: number | null
  }
  /** Binds an Idempotency-Key to the request it was first used with (contract, preamble). */
  idempotency: {
    owner: string
    key: string
    request_hash: string
    created_at: number
    /** The first decided answer, JSON; null while there is none, and where somebody else keeps it. */
    answer: string | null
  }
}

const migrations: Record<string, Migration> = {
  "0001_identities_and_keys": {
    up: async (db) => {
      await db.schema
        .createTable("identity")
        .addColumn("subject", "text", (c) => c.primaryKey())
        .addColumn("account", "text", (c) => c.notNull())
        .addColumn("created_at", "bigint", (c) => c.notNull())
        .execute()
      await db.schema
        .createTable("api_key")
        .addColumn("hash", "text", (c) => c.primaryKey())
        .addColumn("id", "text", (c) => c.notNull())
        .addColumn("scope", "text", (c) => c.notNull())
        .addColumn("account", "text")
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("created_at", "bigint", (c) => c.notNull())
        .addColumn("revoked_at", "bigint")
        .execute()
      await db.schema.createIndex("api_key_account").on("api_key").column("account").execute()
      await db.schema
        .createTable("idempotency")
        .addColumn("owner", "text", (c) => c.notNull())
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("request_hash", "text", (c) => c.notNull())
        .addColumn("created_at", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("idempotency_pk", ["key", "owner"])
        .execute()
    },
  },
  "0002_answers": {
    up: async (db) => {
      await db.schema.alterTable("idempotency").addColumn("answer", "text").execute()
    },
  },
}
const SCHEMA_VERSION = 2

/** The edge's database does not answer: the caller is asked to come back. */
export class EdgeStoreUnavailable extends Data.TaggedError("EdgeStoreUnavailable")<{ readonly detail: string }> {}

export interface StoredKey {
  readonly id: string
  readonly scope: KeyScope
  readonly account: string | null
}

export interface ListedKey {
  readonly id: string
  readonly name: string
  readonly createdAt: number
}

type Answer<A> = Effect.Effect<A, EdgeStoreUnavailable>

export class EdgeStore extends Context.Service<
  EdgeStore,
  {
    /** The account of a subject; `account` becomes it when there is none yet. */
    readonly accountOf: (subject: string, account: string, now: number) => Answer<string>
    readonly addKey: (hash: string, key: StoredKey & { readonly name: string }, now: number) => Answer<void>
    readonly findKey: (hash: string) => Answer<StoredKey | null>
    /** Live keys of an account, newest first. */
    readonly keysOf: (account: string) => Answer<ReadonlyArray<ListedKey>>
    /** False when the account has no such live key. */
    readonly revokeKey: (account: string, id: string, now: number) => Answer<boolean>
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

const run = <A>(query: () => Promise<A>): Answer<A> =>
  Effect.tryPromise({ try: query, catch: (cause) => new EdgeStoreUnavailable({ detail: String(cause) }) })

const keyTable = (db: Kysely<Tables>): Pick<EdgeStore["Service"], "addKey" | "findKey" | "keysOf" | "revokeKey"> => ({
  addKey: (hash, key, now) =>
    run(async () => {
      await db
        .insertInto("api_key")
        .values({ hash, ...key, created_at: now, revoked_at: null })
        .execute()
    }),
  findKey: (hash) =>
    run(async () => {
      const row = await db
        .selectFrom("api_key")
        .select(["id", "scope", "account"])
        .where("hash", "=", hash)
        .where("revoked_at", "is", null)
        .executeTakeFirst()
      return row === undefined ? null : { id: row.id, scope: row.scope as KeyScope, account: row.account }
    }),
  keysOf: (account) =>
    run(async () => {
      const rows = await db
        .selectFrom("api_key")
        .select(["id", "name", "created_at"])
        .where("account", "=", account)
        .where("revoked_at", "is", null)
        .orderBy("id", "desc")
        .execute()
      return rows.map((row) => ({ id: row.id, name: row.name, createdAt: Number(row.created_at) }))
    }),
  revokeKey: (account, id, now) =>
    run(async () => {
      const result = await db
        .updateTable("api_key")
        .set({ revoked_at: now })
        .where("id", "=", id)
        .where("account", "=", account)
        .where("revoked_at", "is", null)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    }),
})

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
