/**
 * Goal: a network that swallows packets costs time only: whoever asked a silent Postgres is told so within a bounded
 * time, and the next one who asks is answered by another connection. Method: a real Postgres by a way that falls
 * silent.
 */
import {
  findPostgresBinaries,
  postgresForTests,
  silentWayTo,
  type SilentWay,
  type TestPostgres,
} from "@credits/testkit"
import { sql } from "kysely"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { migrateNow, openDatabaseNow, openPostgresPool, storeErrorOf, StoreUnavailable } from "./index.ts"

const POSTGRES_START_MS = 60_000
const SILENCE_MAX_MS = 300
const LONGER = sql`select pg_sleep(0.9)`

describe.skipIf(findPostgresBinaries() === undefined)("a Postgres that is silent", () => {
  let postgres: TestPostgres
  let way: SilentWay
  let counter = 0
  beforeAll(async () => {
    postgres = (await postgresForTests())!
  }, POSTGRES_START_MS)
  beforeEach(async () => {
    way = await silentWayTo(postgres.url)
  })
  afterEach(() => way.stop())
  afterAll(() => postgres.stop())

  const open = () =>
    openDatabaseNow({
      service: `silent_${++counter}`,
      dataDir: "unused",
      databaseUrl: way.url,
      silenceMaxMs: SILENCE_MAX_MS,
    })
  const errorOf = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => undefined,
      (error: unknown) => error,
    )

  it("is unavailable to who waits, in a query and in a transaction, and no connection is asked twice", async () => {
    const database = await open()
    const query = sql`select 1 as one`
    const inTransaction = database.kysely.transaction().execute(async (transaction) => {
      await query.execute(transaction)
      way.swallow()
      await query.execute(transaction)
    })
    expect(storeErrorOf("a", await errorOf(inTransaction))).toBeInstanceOf(StoreUnavailable)
    expect((await query.execute(database.kysely)).rows).toEqual([{ one: 1 }])
    way.swallow()
    expect(storeErrorOf("a", await errorOf(query.execute(database.kysely)))).toBeInstanceOf(StoreUnavailable)
    expect((await query.execute(database.kysely)).rows).toEqual([{ one: 1 }])
    await database.close()
  })

  it("does not keep a service from closing", async () => {
    const database = await open()
    way.swallow()
    await database.close()
  })

  it("is waited for while it migrates, and where nobody else waits", async () => {
    const database = await open()
    const up = async (kysely: Parameters<typeof LONGER.execute>[0]) => void (await LONGER.execute(kysely))
    expect((await migrateNow(database, { "0001_long": { up } }, 1)).applied).toEqual(["0001_long"])
    expect(await errorOf(LONGER.execute(database.kysely))).toMatchObject({ message: expect.stringMatching(/silent/) })
    await database.close()
    const pool = await openPostgresPool({ service: "long", databaseUrl: way.url, silenceMaxMs: null })
    expect((await pool.query("select pg_sleep(0.9), 1 as one")).rows).toMatchObject([{ one: 1 }])
    await pool.end()
  })
})
