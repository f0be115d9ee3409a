/**
 * One behaviour suite over both databases: real nats-server, real SQLite file, real Postgres; without Postgres on the
 * machine that half is reported as skipped.
 */
import type { OpenedDatabase } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import type { RawBuilder } from "kysely"
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest"
import { startErrands, startParts, testClock, type Errands, type Parts, type TestClock } from "./parts.fixture.ts"

/** Where a test's business clock stands at its start. */
export const T0 = 1_000_000

export interface Given {
  readonly dialect: "sqlite" | "postgres"
  readonly parts: Parts
  /** Fresh for each test, with the tables. */
  readonly database: OpenedDatabase<unknown>
  /** Frozen at `T0`. */
  readonly clock: TestClock
  /** Starts the machine; the last one started is stopped after the test. */
  readonly start: (change?: Parameters<typeof startErrands>[3]) => Promise<Errands>
  readonly rowsOf: <A>(query: RawBuilder<A>) => Promise<ReadonlyArray<A>>
}

export const overBothDatabases = (name: string, suite: (given: Given) => void): void => {
  let parts: Parts
  let postgres: TestPostgres | undefined
  beforeAll(async () => {
    parts = await startParts()
    postgres = await postgresForTests()
  })
  afterAll(async () => {
    await parts.stop()
    await postgres?.stop()
  })
  const suiteOver = (dialect: "sqlite" | "postgres"): void => {
    let database: OpenedDatabase<unknown>
    let clock: TestClock
    let running: Errands | undefined
    beforeEach(async () => {
      database = await parts.database(dialect === "postgres" ? postgres!.url : undefined)
      clock = testClock(T0)
    })
    afterEach(async () => {
      await running?.stop()
      await database.close()
    })
    suite({
      dialect,
      get parts() {
        return parts
      },
      get database() {
        return database
      },
      get clock() {
        return clock
      },
      start: async (change = {}) => {
        running = await startErrands(parts, database, clock, change)
        return running
      },
      rowsOf: async (query) => (await query.execute(database.kysely)).rows,
    })
  }
  describe(`${name} on sqlite`, () => {
    suiteOver("sqlite")
  })
  describe.skipIf(findPostgresBinaries() === undefined)(`${name} on postgres`, () => {
    suiteOver("postgres")
  })
}
