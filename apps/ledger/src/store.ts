/**
 * The ledger's database, opened for the thread that decides. What is in it belongs to the partition runtime.
 */
import { actorMigrations, PostgresActorStore, type ActorStore } from "@credits/actor"
import { sqliteStoreWithThreads } from "@credits/actor/sqlite-thread"
import { migrateNow, openDatabaseNow } from "@credits/store"

export interface StoreOptions {
  readonly dataDir: string
  readonly databaseUrl: string | null
}

/** The bundle has the thread's program beside it as .js; the sources have .ts. */
const threadUrl = new URL(import.meta.url.endsWith(".ts") ? "./store-thread.ts" : "./store-thread.js", import.meta.url)

export const openStore = async ({ dataDir, databaseUrl }: StoreOptions): Promise<ActorStore> => {
  const url = databaseUrl === null ? {} : { databaseUrl }
  const database = await openDatabaseNow({ service: "ledger", dataDir, ...url })
  await migrateNow(database, actorMigrations(database.dialect), 1)
  return database.sqlite === undefined
    ? new PostgresActorStore(database.pool!)
    : sqliteStoreWithThreads(database.sqlite, threadUrl)
}
