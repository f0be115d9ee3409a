/**
 * Goal: equal states have equal hashes, however and wherever their entries were written (I10). Method: lives of
 * accounts are written to SQLite and to Postgres in blocks of different sizes, and the real verifier reads both.
 */
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { Desk } from "./account.fixture.ts"
import { writeBooks, type Books } from "./books.fixture.ts"
import { lives } from "./lives.fixture.ts"
import { Lockstep } from "./lockstep.fixture.ts"
import { StateHash } from "./state-hash.ts"
import { openStore } from "./store.ts"

interface Report {
  readonly ok: boolean
  readonly entries: number
  readonly stateHash: string
  readonly loadedHash: string
  readonly problems: ReadonlyArray<string>
}

const verified = (dataDir: string, databaseUrl: string): Promise<Report> =>
  new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL("./verify.ts", import.meta.url))
    const env = { ...process.env, CREDITS_DATA_DIR: dataDir, CREDITS_DATABASE_URL: databaseUrl }
    const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "ignore"] })
    let text = ""
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
    child.once("error", reject)
    child.once("close", () => resolve(JSON.parse(text) as Report))
  })

/** Lives of 60 steps (plans, grants, holds, calls, expiries, reversals), and one account with a call of this cost. */
const booksWith = (cost: bigint): Books => {
  const drawn = fc.sample(lives(60), { seed: 10, numRuns: 9 })
  const lived = drawn.map((steps, i) => {
    const lockstep = new Lockstep()
    for (const step of steps) lockstep.take(step)
    return [`acc_life${i}`, lockstep.desk.entries] as const
  })
  const desk = new Desk()
  desk.entitle()
  desk.grant("plan", usd("20"))
  desk.charge(cost)
  return new Map([["acc_one", desk.entries], ...lived])
}

describe("the state hash", () => {
  const isPostgresMissing = findPostgresBinaries() === undefined
  let home: string
  let postgres: TestPostgres | undefined
  let report: Report

  const written = async (books: Books, size: number, later = 0, url = ""): Promise<Report> => {
    const dataDir = await mkdtemp(join(home, "books-"))
    const store = await openStore({ dataDir, databaseUrl: url === "" ? null : url })
    await writeBooks(store, books, size, later)
    await store.close()
    return verified(dataDir, url)
  }
  const isAsReported = ({ ok, problems, stateHash, loadedHash }: Report): void =>
    assert.deepStrictEqual([ok, problems, stateHash, loadedHash], [true, [], report.stateHash, report.stateHash])

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "state-hash-"))
    postgres = isPostgresMissing ? undefined : await postgresForTests()
    report = await written(booksWith(5n), 2)
  }, 60_000)
  afterAll(async () => {
    await postgres?.stop()
    await rm(home, { recursive: true, force: true })
  })

  it("I10 is the same for other blocks, another order of accounts and another time of writing", async () => {
    assert.isAbove(report.entries, 100)
    assert.match(report.stateHash, /^[0-9a-f]{64}$/)
    isAsReported(await written(new Map([...booksWith(5n)].toReversed()), 7, 5_000))
  })

  it.skipIf(isPostgresMissing)("I10 is the same on SQLite and on Postgres", async () => {
    isAsReported(await written(booksWith(5n), 9, 1, postgres!.url))
  })

  it("I10 differs by one nano-USD of one account", async () => {
    const more = await written(booksWith(6n), 7)
    assert.isTrue(more.ok)
    assert.notStrictEqual(more.stateHash, report.stateHash)
  })

  it("takes accounts in their order only: another order would be another hash of the same states", () => {
    const hash = new StateHash()
    hash.add("acc_b", "{}")
    assert.throws(() => hash.add("acc_a", "{}"), /comes after/)
  })
})
