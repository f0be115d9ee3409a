/**
 * Brings a database to the schema of this program: the same list of migrations on both dialects, each once,
 * all in one transaction. Refuses a database that a newer program wrote (decision 21). There is no way back.
 */
import { Effect } from "effect"
import { type Kysely, sql, type Transaction } from "kysely"
import type { Database, Dialect } from "./database.ts"
import { SchemaTooNew, type StoreError, storeErrorOf } from "./errors.ts"
import { unhurriedly } from "./postgres.ts"

// A migration sees the tables as they were at its time, which no type of today describes.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyTables = any

export interface Migration {
  /** Runs inside a transaction; `dialect` only for what SQL itself spells differently. */
  readonly up: (kysely: Kysely<AnyTables>, dialect: Dialect) => Promise<void>
}

export interface MigrationReport {
  /** Names applied now, in order. */
  readonly applied: ReadonlyArray<string>
}

interface SchemaTables {
  readonly schema_migration: { readonly name: string; readonly applied_at: string }
  readonly schema_version: { readonly id: number; readonly version: number }
}

/** How the two dialects spell the column types that differ; `integer`, `bigint` and `text` are the same. */
export const columnTypes = (dialect: Dialect): { readonly bytes: "blob" | "bytea" } => ({
  bytes: dialect === "sqlite" ? "blob" : "bytea",
})

/** Any constant: Postgres advisory lock that lets one of several starting processes migrate at a time. */
const MIGRATION_LOCK = 8_787_001

const createTables = async (kysely: Kysely<SchemaTables>): Promise<void> => {
  await sql`create table if not exists schema_migration (name text primary key, applied_at text not null)`.execute(
    kysely,
  )
  await sql`create table if not exists schema_version (id integer primary key, version integer not null)`.execute(
    kysely,
  )
  await sql`insert into schema_version (id, version) values (1, 0) on conflict do nothing`.execute(kysely)
}

const appliedNames = async (kysely: Kysely<SchemaTables>): Promise<ReadonlyArray<string>> =>
  (await kysely.selectFrom("schema_migration").select("name").orderBy("name").execute()).map((row) => row.name)

/** The promise form of `migrate`. @throws StoreError */
export const migrateNow = async (
  database: Database<AnyTables>,
  migrations: Readonly<Record<string, Migration>>,
  schemaVersion: number,
): Promise<MigrationReport> => {
  const kysely = database.kysely as Kysely<SchemaTables>
  const names = Object.keys(migrations).toSorted()
  const applied: Array<string> = []
  try {
    const run = async (transaction: Transaction<SchemaTables>): Promise<void> => {
      if (database.dialect === "postgres") {
        await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}, hashtext(${database.service}))`.execute(transaction)
      }
      await createTables(transaction)
      const done = await appliedNames(transaction)
      const { version } = await transaction.selectFrom("schema_version").select("version").executeTakeFirstOrThrow()
      const unknown = done.find((name) => !names.includes(name))
      if (version > schemaVersion || unknown !== undefined) {
        const found = unknown === undefined ? String(version) : `${version} (${unknown})`
        throw new SchemaTooNew({ database: database.service, found, known: String(schemaVersion) })
      }
      // One transaction for all of them: DDL is transactional on both, and a half-migrated schema has no name.
      for (const name of names) {
        if (done.includes(name)) continue
        await migrations[name]!.up(transaction, database.dialect)
        await transaction
          .insertInto("schema_migration")
          .values({ name, applied_at: new Date().toISOString() })
          .execute()
        applied.push(name)
      }
      await transaction.updateTable("schema_version").set({ version: schemaVersion }).execute()
    }
    // A table of years takes its time, and who starts beside waits for that.
    await unhurriedly(database.pool, () => kysely.transaction().execute(run))
    return { applied }
  } catch (cause) {
    throw storeErrorOf(database.service, cause)
  }
}

/**
 * Applies what is missing, in the order of the names (`0001_…`). `schemaVersion` grows with every release that
 * migrates.
 */
export const migrate = (
  database: Database<AnyTables>,
  migrations: Readonly<Record<string, Migration>>,
  schemaVersion: number,
): Effect.Effect<MigrationReport, StoreError> =>
  Effect.tryPromise({
    try: () => migrateNow(database, migrations, schemaVersion),
    catch: (cause) => storeErrorOf(database.service, cause),
  })
