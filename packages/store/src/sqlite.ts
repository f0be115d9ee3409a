/**
 * SQLite files: opened with the settings that make a commit survive a power loss, asserted because better-sqlite3 is
 * compiled to forget them (field notes, group commit). Plain and synchronous: worker threads open their own handle.
 */
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from "kysely"
import { StoreNotDurable } from "./errors.ts"

export interface SqliteOptions {
  /** For reports and verification beside a running service: no writes, the file must exist. */
  readonly readonly?: boolean
  /** How long a statement waits for another process's transaction before SQLITE_BUSY (ms). */
  readonly busyTimeoutMs?: number
}

const BUSY_TIMEOUT_MS = 5_000
/**
 * A new file's pages. 4 KiB: a commit of a few rows writes a quarter of what it would with 16 KiB (20 % less CPU for 16
 * authorizations a commit); batches of thousands do not tell them apart.
 */
const PAGE_BYTES = 4_096
/** 32 MB of log between checkpoints: fewer stalls than the default 1,000 pages (p99 of a commit). */
const WAL_CHECKPOINT_PAGES = 8_000
/** 64 MiB: holds the idempotency window's hot pages. */
const CACHE_KIB = 64 * 1024
/** PRAGMA synchronous: 2 is FULL. */
const SYNCHRONOUS_FULL = 2

/**
 * Opens (and creates) a database file: WAL, synchronous FULL, foreign keys on.
 * @throws StoreNotDurable when the settings did not hold; the driver's own error when the file cannot be opened.
 */
export const openSqliteFile = (file: string, options: SqliteOptions = {}): BetterSqlite3.Database => {
  if (options.readonly !== true) mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const sqlite = new BetterSqlite3(file, {
    readonly: options.readonly === true,
    fileMustExist: options.readonly === true,
    timeout: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
  })
  try {
    if (options.readonly !== true) {
      sqlite.pragma(`page_size = ${PAGE_BYTES}`)
      sqlite.pragma("journal_mode = WAL")
      sqlite.pragma("synchronous = FULL")
      sqlite.pragma(`wal_autocheckpoint = ${WAL_CHECKPOINT_PAGES}`)
      if (process.platform === "darwin") {
        // On macOS fsync returns before the disk has it.
        sqlite.pragma("fullfsync = ON")
        sqlite.pragma("checkpoint_fullfsync = ON")
      }
      const mode = String(sqlite.pragma("journal_mode", { simple: true }))
      if (mode !== "wal") throw new StoreNotDurable({ database: file, setting: "journal_mode", found: mode })
      const synchronous = sqlite.pragma("synchronous", { simple: true })
      if (synchronous !== SYNCHRONOUS_FULL) {
        throw new StoreNotDurable({ database: file, setting: "synchronous", found: String(synchronous) })
      }
    }
    sqlite.pragma("foreign_keys = ON")
    sqlite.pragma(`cache_size = -${CACHE_KIB}`)
    sqlite.pragma("temp_store = MEMORY")
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

const STATEMENTS_KEPT_MAX = 500
const CHANGES_TABLES = /^\s*(alter|create|drop)\b/i

/**
 * Kysely on a handle that others use too. Gives integers the same types as Postgres does: a column declared `integer`
 * is a number, a column declared `bigint` and every computed integer (`count(*)`, `sum(…)`) a bigint.
 */
export const sqliteDialect = (sqlite: BetterSqlite3.Database): SqliteDialect => {
  const kept = new Map<string, SqliteStatement>()
  const database: SqliteDatabase = {
    // The handle belongs to whoever opened it.
    close: () => undefined,
    prepare: (sql) => {
      // A deferred transaction that reads before it writes fails instead of waiting when another process wrote
      // meanwhile.
      const text = sql === "begin" ? "begin immediate" : sql
      const existing = kept.get(text)
      if (existing !== undefined) return existing
      // A kept `select *` would not know the new columns.
      if (CHANGES_TABLES.test(text)) kept.clear()
      const statement = typedStatement(sqlite, text)
      if (kept.size >= STATEMENTS_KEPT_MAX) kept.clear()
      kept.set(text, statement)
      return statement
    },
  }
  return new SqliteDialect({ database })
}

const typedStatement = (sqlite: BetterSqlite3.Database, sql: string): SqliteStatement => {
  const statement = sqlite.prepare(sql)
  if (!statement.reader) {
    return {
      reader: false,
      all: () => [],
      run: (parameters) => statement.run(...parameters),
      iterate: () => [][Symbol.iterator](),
    }
  }
  statement.safeIntegers(true)
  const rowOf = (row: unknown, numbers: ReadonlyArray<string>): unknown => {
    const record = row as Record<string, unknown>
    for (const name of numbers) if (typeof record[name] === "bigint") record[name] = Number(record[name])
    return record
  }
  let numbers: ReadonlyArray<string> | undefined
  return {
    reader: true,
    all: (parameters) => {
      const rows = statement.all(...parameters)
      numbers ??= numberColumns(statement)
      if (numbers.length > 0) for (const row of rows) rowOf(row, numbers)
      return rows
    },
    run: (parameters) => statement.run(...parameters),
    *iterate(parameters) {
      // A kept statement can have only one open iteration.
      const own = sqlite.prepare(sql).safeIntegers(true)
      const numbers = numberColumns(own)
      for (const row of own.iterate(...parameters)) yield rowOf(row, numbers)
    },
  }
}

const numberColumns = (statement: BetterSqlite3.Statement): ReadonlyArray<string> =>
  statement
    .columns()
    .filter((column) => column.type !== null && /^(integer|int|smallint)$/i.test(column.type))
    .map((column) => column.name)
