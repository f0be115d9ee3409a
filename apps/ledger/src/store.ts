/**
 * The ledger's database, opened. What is in it belongs to the partition runtime.
 */
import { actorMigrations, PostgresActorStore, type ActorStore } from "@credits/actor"
import { sqliteStoreWithThreads } from "@credits/actor/sqlite-thread"
import { migrateNow, openDatabaseNow, type OpenedDatabase } from "@credits/store"

export interface StoreOptions {
  readonly dataDir: string
  readonly databaseUrl: string | null
}

/** The bundle has the thread's program beside it as .js; the sources have .ts. */
const threadUrl = new URL(import.meta.url.endsWith(".ts") ? "./store-thread.ts" : "./store-thread.js", import.meta.url)

/**
 * Its database with today's tables: whoever opens it first makes them, the others wait for that.
 * @throws StoreError
 */
export const openTables = async (options: StoreOptions, connectionsMax?: number): Promise<OpenedDatabase<unknown>> => {
  const { dataDir, databaseUrl } = options
  const database = await openDatabaseNow({
    service: "ledger",
    dataDir,
    ...(databaseUrl !== null && { databaseUrl }),
    ...(connectionsMax !== undefined && { connectionsMax }),
  })
  try {
    await migrateNow(database, actorMigrations(database.dialect), 1)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

export const openStore = async (options: StoreOptions): Promise<ActorStore> => {
  const database = await openTables(options)
  return database.sqlite === undefined
    ? new PostgresActorStore(database.pool!)
    : sqliteStoreWithThreads(database.sqlite, threadUrl)
}
