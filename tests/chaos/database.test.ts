/**
 * Goal: a database that crashes under load costs time only (I2, I3, I5). Method: two real ledgers on one Postgres; it
 * is killed without a checkpoint in the middle of commits and started again, twice.
 */
import { openPostgresPool } from "@credits/store"
import { postgresForTests, type TestPostgres } from "@credits/testkit"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { LedgerPair } from "./ledger-pair.ts"

let postgres: TestPostgres | undefined
let pair: LedgerPair | undefined
beforeAll(async () => {
  postgres = await postgresForTests()
}, 90_000)
afterEach(() => pair?.stop())
afterAll(() => postgres?.stop())

describe("Postgres crashes under load", () => {
  it("I2 I3 I5 every charge in the stream is deducted once, every answer has its entry", async ({ skip }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    const pool = await openPostgresPool({ service: "test", databaseUrl: postgres!.url, connectionsMax: 1 })
    await pool.query("CREATE DATABASE crashed")
    await pool.end()
    pair = await LedgerPair.start(postgres!.url.replace(/\/postgres$/, "/crashed"))
    for (let round = 0; round < 2; round++) {
      await pair.more(600)
      await postgres!.kill()
      await pair.more(120)
      await postgres!.restart()
      await pair.owns([64, 0], 60_000)
    }
    await pair.more(120)
    await pair.rest()
    expect(await pair.differences()).toEqual([])
    expect((await pair.verify()).problems).toEqual([])
  })
})
