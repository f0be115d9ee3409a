/**
 * The tables of notifications on a real SQLite file and a real Postgres, for one behaviour suite over both; without
 * Postgres on the machine that half is reported as skipped.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { migrateNow, openDatabaseNow, type OpenedDatabase } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { afterAll, beforeAll, describe } from "vitest"
import { writeNotices, type Times } from "./notice-store.ts"
import type { Notice } from "./notification.ts"
import { migrations, SCHEMA_VERSION, type Tables } from "./schema.ts"

export interface Given {
  /** Shared by the suite: tests use accounts of their own. */
  readonly database: OpenedDatabase<Tables>
  /** In a transaction, as the runtime does; how many were new. */
  readonly write: (notices: ReadonlyArray<Notice>, times: Times) => Promise<number>
  /** The same, and the process dies before it commits. */
  readonly writeAndDie: (notices: ReadonlyArray<Notice>, times: Times) => Promise<void>
}

class Died extends Error {}

const suiteOver = (dialect: "sqlite" | "postgres", suite: (given: Given) => void): void => {
  let postgres: TestPostgres | undefined
  let folder = ""
  let database: OpenedDatabase<Tables>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "credits-notifications-"))
    if (dialect === "postgres") postgres = await postgresForTests()
    database = await openDatabaseNow<Tables>({ service: "notifications", dataDir: folder, databaseUrl: postgres?.url })
    await migrateNow(database, migrations, SCHEMA_VERSION)
  }, 60_000)
  afterAll(async () => {
    await database.close()
    await postgres?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  suite({
    get database() {
      return database
    },
    write: (notices, times) =>
      database.kysely
        .transaction()
        .execute((transaction) => writeNotices(transaction, database.dialect, notices, times)),
    writeAndDie: async (notices, times) => {
      const dying = database.kysely.transaction().execute(async (transaction) => {
        await writeNotices(transaction, database.dialect, notices, times)
        throw new Died()
      })
      await dying.catch((error: unknown) => {
        if (!(error instanceof Died)) throw error
      })
    },
  })
}

export const overBothDatabases = (name: string, suite: (given: Given) => void): void => {
  describe(`${name} on sqlite`, () => {
    suiteOver("sqlite", suite)
  })
  describe.skipIf(findPostgresBinaries() === undefined)(`${name} on postgres`, () => {
    suiteOver("postgres", suite)
  })
}
