/** API keys in the edge's database: only hashes of them. Owns the queries; what a key looks like is the kernel's. */
import type { KeyScope } from "@credits/kernel"
import type { Kysely, Selectable } from "kysely"
import type { Tables } from "./schema.ts"
import { type Answer, run } from "./store-answer.ts"

export interface StoredKey {
  readonly id: string
  readonly scope: KeyScope
  readonly account: string | null
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null
}

/** A key as it is found by its hash. */
export interface FoundKey extends StoredKey {
  readonly lastUsedAt: number | null
}

export interface NewKey extends StoredKey {
  readonly name: string
  /** How it begins (`keyPrefixOf`). */
  readonly prefix: string
}

export interface ListedKey {
  readonly id: string
  readonly name: string
  /** Null for keys from before it was kept. */
  readonly prefix: string | null
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
}

export interface KeyTable {
  /** Once: the same key again changes nothing. */
  readonly addKey: (hash: string, key: NewKey, now: number) => Answer<void>
  /** A key that was not revoked; whether it has expired is for the caller to see. */
  readonly findKey: (hash: string) => Answer<FoundKey | null>
  readonly keyUsed: (hash: string, now: number) => Answer<void>
  /** Keys of an account that were not revoked, newest first. */
  readonly keysOf: (account: string) => Answer<ReadonlyArray<ListedKey>>
  /** Gateways' keys that were not revoked, newest first. */
  readonly gatewayKeys: Answer<ReadonlyArray<ListedKey>>
  readonly revokeGatewayKey: (id: string, now: number) => Answer<void>
  /** False when the account has no such live key. */
  readonly revokeKey: (account: string, id: string, now: number) => Answer<boolean>
}

const instantOf = (value: number | null): number | null => (value === null ? null : Number(value))

const LISTED = ["id", "name", "prefix", "created_at", "expires_at", "last_used_at"] as const

const listed = (row: Pick<Selectable<Tables["api_key"]>, (typeof LISTED)[number]>): ListedKey => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  createdAt: Number(row.created_at),
  expiresAt: instantOf(row.expires_at),
  lastUsedAt: instantOf(row.last_used_at),
})

const gatewayKeyTable = (db: Kysely<Tables>): Pick<KeyTable, "gatewayKeys" | "revokeGatewayKey"> => ({
  gatewayKeys: run(async () => {
    const rows = await db
      .selectFrom("api_key")
      .select(LISTED)
      .where("scope", "=", "gateway")
      .where("revoked_at", "is", null)
      .orderBy("id", "desc")
      .execute()
    return rows.map(listed)
  }),
  revokeGatewayKey: (id, now) =>
    run(async () => {
      await db
        .updateTable("api_key")
        .set({ revoked_at: now })
        .where("id", "=", id)
        .where("scope", "=", "gateway")
        .where("revoked_at", "is", null)
        .execute()
    }),
})

export const keyTable = (db: Kysely<Tables>): KeyTable => ({
  addKey: (hash, { expiresAt, ...key }, now) =>
    run(async () => {
      await db
        .insertInto("api_key")
        .values({ hash, ...key, created_at: now, revoked_at: null, expires_at: expiresAt, last_used_at: null })
        .onConflict((c) => c.column("hash").doNothing())
        .execute()
    }),
  findKey: (hash) =>
    run(async () => {
      const row = await db
        .selectFrom("api_key")
        .select(["id", "scope", "account", "expires_at", "last_used_at"])
        .where("hash", "=", hash)
        .where("revoked_at", "is", null)
        .executeTakeFirst()
      if (row === undefined) return null
      return {
        id: row.id,
        scope: row.scope as KeyScope,
        account: row.account,
        expiresAt: instantOf(row.expires_at),
        lastUsedAt: instantOf(row.last_used_at),
      }
    }),
  keyUsed: (hash, now) =>
    run(async () => {
      await db.updateTable("api_key").set({ last_used_at: now }).where("hash", "=", hash).execute()
    }),
  keysOf: (account) =>
    run(async () => {
      const rows = await db
        .selectFrom("api_key")
        .select(LISTED)
        .where("account", "=", account)
        .where("revoked_at", "is", null)
        .orderBy("id", "desc")
        .execute()
      return rows.map(listed)
    }),
  ...gatewayKeyTable(db),
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
