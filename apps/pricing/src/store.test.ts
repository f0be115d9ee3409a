/** One behaviour suite over both databases: what a commit of pricing makes true, and only once. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { DeadLetter } from "@credits/contracts"
import { migrateNow, openDatabaseNow, type Dialect, type OpenedDatabase } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { ByokRecord } from "./call.ts"
import { deadLetterOf } from "./dead-letter.ts"
import { Rollup } from "./rollup.ts"
import { migrations, SCHEMA_VERSION, type Tables } from "./schema.ts"
import {
  commitIntake,
  commitProjection,
  countPendingLetters,
  CursorMoved,
  markLettersPublished,
  pendingLetters,
  readCursor,
  readPositions,
  rememberStream,
  type IntakeCommit,
} from "./store.ts"
import { daysBetween, readUsage } from "./usage-read.ts"

const DIALECTS: ReadonlyArray<Dialect> = ["sqlite", "postgres"]
const START_MS = 60_000
const AT = Date.parse("2026-06-01T12:00:00.000Z")
const DAY_MS = 86_400_000

const byok = (id: string, change: Partial<ByokRecord> = {}): ByokRecord => ({
  id,
  account: "acc_a",
  hash: `hash-of-${id}`,
  at: AT,
  provider: "openai",
  model: "m",
  status: "ok",
  inputTokens: 10,
  outputTokens: 3,
  seq: 1,
  index: 0,
  ...change,
})
const letter = (seq: number, index = 0): DeadLetter =>
  deadLetterOf(seq, index, "malformed", "not \0 printable \u{1F600}", null, AT, 'quotes " and \\u0000 and é')

for (const dialect of DIALECTS) {
  const isMissing = dialect === "postgres" && findPostgresBinaries() === undefined
  describe.skipIf(isMissing)(`pricing's tables on ${dialect}`, () => {
    let postgres: TestPostgres | undefined
    let folder = ""
    let database: OpenedDatabase<Tables>
    let counter = 0

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "credits-pricing-store-"))
      if (dialect === "postgres") postgres = await postgresForTests()
    }, START_MS)
    beforeEach(async () => {
      database = await openDatabaseNow<Tables>({
        service: `pricing_${++counter}`,
        dataDir: folder,
        databaseUrl: postgres?.url,
      })
      await migrateNow(database, migrations, SCHEMA_VERSION)
      return () => database.close()
    })
    afterAll(async () => {
      await postgres?.stop()
      await rm(folder, { recursive: true, force: true })
    }, START_MS)

    const intake = (from: number, to: number, change: Partial<IntakeCommit> = {}) =>
      commitIntake(database, {
        stream: "USAGE",
        incarnation: "first",
        from,
        to,
        byok: [],
        deadLetters: [],
        conflictOf: (record) =>
          deadLetterOf(record.seq, record.index, "id_conflict", "", record.account, AT, record.id),
        ...change,
      })
    const usage = (account = "acc_a") =>
      readUsage(database, account, "model", daysBetween(AT - 5 * DAY_MS, AT + DAY_MS)!)

    it("decision 2: the cursor moves only from where it was read, in its own incarnation", async () => {
      expect(await readCursor(database, "USAGE")).toBeNull()
      await rememberStream(database, "USAGE", "first")
      expect(await readCursor(database, "USAGE")).toEqual({ incarnation: "first", seq: 0 })
      await intake(0, 5)
      await rememberStream(database, "USAGE", "second")
      expect(await readCursor(database, "USAGE")).toEqual({ incarnation: "first", seq: 5 })
      await expect(intake(0, 6)).rejects.toBeInstanceOf(CursorMoved)
      await expect(intake(5, 6, { incarnation: "second" })).rejects.toBeInstanceOf(CursorMoved)
      await intake(5, 6)
      expect(await readCursor(database, "USAGE")).toEqual({ incarnation: "first", seq: 6 })
    })

    it("R6.6 R8.1 a BYOK call counts once per id and account, in one batch or in several", async () => {
      const other = byok("e1", { account: "acc_b" })
      const first = await intake(0, 1, { byok: [byok("e1"), byok("e1"), other, byok("e2")] })
      expect(first).toEqual({ byokRecorded: 3, deadLetters: 0 })
      expect(await intake(1, 2, { byok: [byok("e1"), byok("e3"), other] })).toEqual({ byokRecorded: 1, deadLetters: 0 })
      expect(await usage()).toMatchObject([{ model: "m", byokCalls: 3, byokInputTokens: 30, byokOutputTokens: 9 }])
      expect(await usage("acc_b")).toMatchObject([{ byokCalls: 1 }])
    })

    it("R6.6 R8.1 the same BYOK id with another body is a dead letter; the first record stands", async () => {
      const changed = byok("e1", { hash: "other", model: "n", seq: 9, index: 4 })
      expect(await intake(0, 1, { byok: [byok("e1"), changed] })).toEqual({ byokRecorded: 1, deadLetters: 1 })
      expect(await intake(1, 2, { byok: [changed] })).toEqual({ byokRecorded: 0, deadLetters: 1 })
      expect((await pendingLetters(database, 9)).map((one) => one.id)).toEqual(["pricing.USAGE.9.4"])
      expect(await usage()).toMatchObject([{ model: "m", byokCalls: 1 }])
    })

    it("decision 5: dead letters are kept once with whatever text, until they are marked published", async () => {
      await intake(0, 1, { deadLetters: [letter(1), letter(2)] })
      await intake(1, 2, { deadLetters: [letter(2), letter(3)] })
      expect(await countPendingLetters(database)).toBe(3)
      const [first] = await pendingLetters(database, 1)
      expect(JSON.parse(first!.body)).toEqual(letter(1))
      await markLettersPublished(database, ["pricing.USAGE.1.0", "pricing.USAGE.2.0"])
      expect((await pendingLetters(database, 9)).map((one) => one.id)).toEqual(["pricing.USAGE.3.0"])
    })

    it("decision 2: nothing of a batch is kept when its cursor was moved by another", async () => {
      await intake(0, 5)
      const stale = intake(0, 3, { byok: [byok("e1")], deadLetters: [letter(1)] })
      await expect(stale).rejects.toBeInstanceOf(CursorMoved)
      expect(await usage()).toEqual([])
      expect(await countPendingLetters(database)).toBe(0)
    })

    it("decision 14: rollups add up over commits, with positions and cursor in the same transaction", async () => {
      const rollup = new Rollup()
      const entry = (seq: number, spent: string | undefined) => ({
        seq,
        account: "acc_a",
        n: seq,
        at: AT,
        kind: "charged" as const,
        body: {
          usage: `openai|m|b1|100|20|30|4|6|5|0|1|ok|r${seq}`,
          usedAt: AT - DAY_MS,
          ...(spent !== undefined && { spent }),
        },
      })
      // More than 2^53 nano-USD: counted in 64 bits, never in doubles.
      for (const [seq, spent] of [
        [1, "9007199254740993"],
        [2, "2"],
        [3, undefined],
      ] as const)
        rollup.addEntry(entry(seq, spent))
      const commit = (from: number, to: number) =>
        commitProjection(database, {
          stream: "LEDGER_JOURNAL",
          incarnation: "j",
          from,
          to,
          rollup,
          before: from === 0 ? new Map() : new Map([[3, from]]),
          positions: new Map([[3, to]]),
        })
      await commit(0, 10)
      await commit(10, 20)
      await expect(commit(10, 30)).rejects.toBeInstanceOf(CursorMoved)
      // What the ledger was asked for moves a position and no cursor: whoever counts beside it is known all the same.
      const asked = { stream: "LEDGER_JOURNAL", incarnation: "j", from: 20, to: 20, rollup }
      const stale = { ...asked, before: new Map([[3, 10]]), positions: new Map([[3, 25]]) }
      await expect(commitProjection(database, stale)).rejects.toBeInstanceOf(CursorMoved)
      const early = { ...asked, before: new Map(), positions: new Map([[3, 25]]) }
      await expect(commitProjection(database, early)).rejects.toBeInstanceOf(CursorMoved)
      expect(await readPositions(database)).toEqual(new Map([[3, 20]]))
      expect(await usage()).toEqual([
        {
          model: "m",
          day: null,
          calls: 6,
          inputTokens: 840,
          outputTokens: 150,
          cacheReadTokens: 180,
          cacheWriteTokens: 60,
          reasoningTokens: 30,
          cost: "18014398509481990",
          byokCalls: 0,
          byokInputTokens: 0,
          byokOutputTokens: 0,
        },
      ])
      expect(await readUsage(database, "acc_a", "day", ["2026-05-31"])).toMatchObject([
        { day: "2026-05-31", model: null },
      ])
      expect(await readUsage(database, "acc_a", "model,day", ["2026-06-01"])).toEqual([])
      expect(await readUsage(database, "acc_b", "day", ["2026-05-31"])).toEqual([])
    })

    it("takes a batch of thousands of records in one commit", async () => {
      const records = Array.from({ length: 5_000 }, (_, i) =>
        byok(`e${i}`, { model: `m${i % 7}`, account: `acc_${i % 11}` }),
      )
      expect(await intake(0, 1, { byok: records })).toEqual({ byokRecorded: 5_000, deadLetters: 0 })
      const rows = await usage("acc_0")
      expect(rows.reduce((sum, row) => sum + row.byokCalls, 0)).toBe(455)
    })
  })
}
