/**
 * The database of one service: a SQLite file under the data folder, or a schema in Postgres. Same queries, same types,
 * same migrations (`migrate.ts`). Owns the connection's life; the rows belong to the service.
 */
import { join } from "node:path"
import type BetterSqlite3 from "better-sqlite3"
import { Effect, Redacted, type Scope } from "effect"
import { Kysely, type Transaction } from "kysely"
import type pg from "pg"
import { type StoreError, storeErrorOf } from "./errors.ts"
import { openPostgresPool, postgresDialect } from "./postgres.ts"
import { openSqliteFile, sqliteDialect } from "./sqlite.ts"

export type Dialect = "sqlite" | "postgres"

export interface Database<DB = unknown> {
  readonly dialect: Dialect
  /** The service's name: file name in SQLite, schema name in Postgres. */
  readonly service: string
  readonly kysely: Kysely<DB>
  /**
   * SQLite only: the handle that `kysely` uses too. Do not write with it while a Kysely transaction is open elsewhere
   * in this thread: it would write inside that transaction.
   */
  readonly sqlite?: BetterSqlite3.Database
  /** SQLite only: where the file is, for worker threads that open their own handle. */
  readonly file?: string
  /** Postgres only. */
  readonly pool?: pg.Pool
}

export interface OpenDatabaseOptions {
  readonly service: string
  readonly dataDir: string
  /** `postgres://…`; unset: SQLite (CREDITS_DATABASE_URL). */
  readonly databaseUrl?: string | Redacted.Redacted<string> | undefined
  readonly connectionsMax?: number
  /** Postgres: after so long without a byte a connection is given up (default 30 s). */
  readonly silenceMaxMs?: number
}

export const databaseFile = (dataDir: string, service: string): string => join(dataDir, `${service}.db`)

export interface OpenedDatabase<DB> extends Database<DB> {
  close(): Promise<void>
}

/** The promise form of `openDatabase`, for workers and tests. @throws StoreError */
export const openDatabaseNow = async <DB = unknown>(options: OpenDatabaseOptions): Promise<OpenedDatabase<DB>> => {
  const { service } = options
  const url = Redacted.isRedacted(options.databaseUrl) ? Redacted.value(options.databaseUrl) : options.databaseUrl
  try {
    if (url !== undefined && url !== "") {
      const pool = await openPostgresPool({
        databaseUrl: url,
        service,
        ...(options.connectionsMax === undefined ? {} : { connectionsMax: options.connectionsMax }),
        ...(options.silenceMaxMs === undefined ? {} : { silenceMaxMs: options.silenceMaxMs }),
      })
      const kysely = new Kysely<DB>({ dialect: postgresDialect(pool) })
      return { dialect: "postgres", service, kysely, pool, close: () => pool.end() }
    }
    const file = databaseFile(options.dataDir, service)
    const sqlite = openSqliteFile(file)
    const kysely = new Kysely<DB>({ dialect: sqliteDialect(sqlite) })
    const close = async (): Promise<void> => void sqlite.close()
    return { dialect: "sqlite", service, kysely, sqlite, file, close }
  } catch (cause) {
    throw storeErrorOf(service, cause)
  }
}

/** Open for the life of the scope. */
export const openDatabase = <DB = unknown>(
  options: OpenDatabaseOptions,
): Effect.Effect<Database<DB>, StoreError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => openDatabaseNow<DB>(options),
      catch: (cause) => storeErrorOf(options.service, cause),
    }),
    (database) => Effect.promise(() => database.close()),
  )

/** A query outside a transaction, as an Effect. */
export const query = <DB, A>(
  database: Database<DB>,
  run: (kysely: Kysely<DB>) => Promise<A>,
): Effect.Effect<A, StoreError> =>
  Effect.tryPromise({
    try: () => run(database.kysely),
    catch: (cause) => storeErrorOf(database.service, cause),
  })

/** All or nothing: rolled back when `run` rejects. SQLite takes the write lock at the start. */
export const transact = <DB, A>(
  database: Database<DB>,
  run: (transaction: Transaction<DB>) => Promise<A>,
): Effect.Effect<A, StoreError> =>
  Effect.tryPromise({
    try: () => database.kysely.transaction().execute(run),
    catch: (cause) => storeErrorOf(database.service, cause),
  })
