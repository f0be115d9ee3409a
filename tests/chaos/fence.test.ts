/**
 * Goal: two ledgers on one database never both decide (decision 3, I2, I5, C11). Method: two real processes, real NATS,
 * SQLite and Postgres; the owner is stopped past its lease and resumed, or killed, while charges and requests flow.
 */
import { openPostgresPool } from "@credits/store"
import { postgresForTests, type TestPostgres } from "@credits/testkit"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { LedgerPair } from "./ledger-pair.ts"

/** Lease 5 s from the last commit, a try every 500 ms, loading. */
const TAKEOVER_MS_MAX = 8_000
const say = (text: string): void => void process.stderr.write(`${text}\n`)

let pair: LedgerPair | undefined
afterEach(() => pair?.stop())

/** From the signal until the other one owns everything. */
const takeover = async (running: LedgerPair, signal: "SIGSTOP" | "SIGKILL", withinMs: number): Promise<number> => {
  const at = performance.now()
  running.first.kill(signal)
  await running.owns([64], withinMs)
  return performance.now() - at
}

const nothingWrong = async (running: LedgerPair): Promise<void> => {
  expect(await running.differences()).toEqual([])
  const verdict = await running.verify()
  expect(verdict.problems).toEqual([])
  expect(verdict.ok).toBe(true)
  const answered = [...running.answers.values()].filter((list) => list.length === 1).length
  // While nobody owns there is no answer, and nobody here asks twice.
  expect(answered).toBeGreaterThan(100)
}

describe("fence on SQLite", () => {
  it("I2 I5 an owner stopped past its lease and resumed: at most one of the two decides", async () => {
    pair = await LedgerPair.start()
    await pair.more(600)
    // Stopped inside a transaction it keeps the write lock, and the other one waits until it resumes: safe, only slow.
    const took = await takeover(pair, "SIGSTOP", 12_000).catch(() => null)
    say(`SQLite, owner stopped: ${took === null ? "the other waited" : `taken over after ${Math.round(took)} ms`}`)
    await pair.more(120)
    pair.first.kill("SIGCONT")
    await pair.owns([64, 0])
    await pair.more(120)
    await pair.rest()
    await nothingWrong(pair)
  })

  it("I2 I3 a killed owner is taken over after its lease", async () => {
    pair = await LedgerPair.start()
    await pair.more(600)
    const took = await takeover(pair, "SIGKILL", 20_000)
    say(`SQLite, owner killed: taken over after ${Math.round(took)} ms`)
    expect(took).toBeLessThan(TAKEOVER_MS_MAX)
    await pair.more(120)
    await pair.rest()
    await nothingWrong(pair)
  })
})

describe("fence on Postgres", () => {
  let postgres: TestPostgres | undefined
  beforeAll(async () => {
    postgres = await postgresForTests()
  }, 90_000)
  afterAll(() => postgres?.stop())
  /** A database of its own for each test. */
  const created = async (name: string): Promise<string> => {
    const pool = await openPostgresPool({ service: "test", databaseUrl: postgres!.url, connectionsMax: 1 })
    await pool.query(`CREATE DATABASE ${name}`)
    await pool.end()
    return postgres!.url.replace(/\/postgres$/, `/${name}`)
  }

  it("I2 I5 an owner stopped past its lease is taken over; resumed, it writes nothing and answers nothing", async ({
    skip,
  }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    pair = await LedgerPair.start(await created("stopped"))
    await pair.more(600)
    const took = await takeover(pair, "SIGSTOP", 20_000)
    say(`Postgres, owner stopped: taken over after ${Math.round(took)} ms`)
    expect(took).toBeLessThan(TAKEOVER_MS_MAX)
    await pair.more(120)
    pair.first.kill("SIGCONT")
    await pair.owns([64, 0])
    await pair.more(120)
    await pair.rest()
    await nothingWrong(pair)
  })

  it("I2 I3 a killed owner is taken over after its lease", async ({ skip }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    pair = await LedgerPair.start(await created("killed"))
    await pair.more(600)
    const took = await takeover(pair, "SIGKILL", 20_000)
    say(`Postgres, owner killed: taken over after ${Math.round(took)} ms`)
    expect(took).toBeLessThan(TAKEOVER_MS_MAX)
    await pair.more(120)
    await pair.rest()
    await nothingWrong(pair)
  })
})
