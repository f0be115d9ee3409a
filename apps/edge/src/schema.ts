/**
 * The edge's own tables: who has which account and how it is called, which sessions and API keys are good, which
 * idempotency keys were used for what. SQLite or Postgres, the same migrations. The queries are in `store.ts`.
 */
import type { Migration } from "@credits/store"

export interface Tables {
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
    /** Refused from then on; null: never. */
    expires_at: number | null
    /** At most a minute behind; null: never used. */
    last_used_at: number | null
    /** How it begins, for people; null for keys from before it was kept. */
    prefix: string | null
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
  /** A browser that signed in. */
  session: {
    /** SHA-256 of what the cookie holds, hex. */
    hash: string
    account: string
    /** When the person proved who they are, last. */
    authenticated_at: number
    /** Ends then, however much it is used. */
    ends_at: number
    /** Ends then when it is not used before; never after `ends_at`. */
    idle_at: number
  }
  /** Who an account belongs to, as told by the last sign-in. */
  person: { account: string; email: string; name: string; told_at: number }
}

export const migrations: Record<string, Migration> = {
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
  "0003_sessions": {
    up: async (db) => {
      await db.schema.alterTable("api_key").addColumn("expires_at", "bigint").execute()
      await db.schema.alterTable("api_key").addColumn("last_used_at", "bigint").execute()
      await db.schema.alterTable("api_key").addColumn("prefix", "text").execute()
      await db.schema
        .createTable("session")
        .addColumn("hash", "text", (c) => c.primaryKey())
        .addColumn("account", "text", (c) => c.notNull())
        .addColumn("authenticated_at", "bigint", (c) => c.notNull())
        .addColumn("ends_at", "bigint", (c) => c.notNull())
        .addColumn("idle_at", "bigint", (c) => c.notNull())
        .execute()
      await db.schema.createIndex("session_idle").on("session").column("idle_at").execute()
      await db.schema
        .createTable("person")
        .addColumn("account", "text", (c) => c.primaryKey())
        .addColumn("email", "text", (c) => c.notNull())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("told_at", "bigint", (c) => c.notNull())
        .execute()
    },
  },
}
/** Raised with every migration; a database with a newer one is refused (decision 21). */
export const SCHEMA_VERSION = 3
