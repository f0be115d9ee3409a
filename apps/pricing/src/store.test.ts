/** One behaviour suite over both databases: what a commit of pricing makes true, and only once. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { DeadLetter, JournalEntry } from "@credits/contracts"
import { migrateNow, openDatabaseNow, type Dialect, type OpenedDatabase } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { sql } from "kysely"
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
import { daysBetween, readTotals, readUsage } from "./usage-read.ts"

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

    it.skipIf(dialect === "sqlite")(
      "decision 2: the first batch counts although its stream is being noted at the same moment",
      async () => {
        const { promise: isCommitting, resolve: goOn } = Promise.withResolvers<void>()
        const noting = database.kysely.transaction().execute(async (transaction) => {
          await rememberStream({ ...database, kysely: transaction }, "USAGE", "first")
          await isCommitting
        })
        const counting = intake(0, 5)
        // The batch waits for the row that nobody else sees yet.
        for (let waiting = 0n; waiting === 0n;) {
          const { rows } = await sql<{
            waiting: bigint
          }>`select count(*) as waiting from pg_locks where not granted`.execute(database.kysely)
          waiting = BigInt(rows[0]!.waiting)
        }
        goOn()
        await noting
        await counting
        expect(await readCursor(database, "USAGE")).toEqual({ incarnation: "first", seq: 5 })
      },
    )

    it("R6.6 R8.1 a BYOK call counts once per id and account, in one batch or in several", async () => {
      const other = byok("e1", { account: "acc_b" })
      const first = await intake(0, 1, { byok: [byok("e1"), byok("e1"), other, byok("e2")] })
      expect(first).toEqual({ byokRecorded: 3, deadLetters: [] })
      expect(await intake(1, 2, { byok: [byok("e1"), byok("e3"), other] })).toEqual({
        byokRecorded: 1,
        deadLetters: [],
      })
      expect(await usage()).toMatchObject([{ model: "m", byokCalls: 3, byokInputTokens: 30, byokOutputTokens: 9 }])
      expect(await usage("acc_b")).toMatchObject([{ byokCalls: 1 }])
    })

    it("R6.6 R8.1 the same BYOK id with another body is a dead letter; the first record stands", async () => {
      const changed = byok("e1", { hash: "other", model: "n", seq: 9, index: 4 })
      const conflict = { reason: "id_conflict", origin: { stream: "USAGE", seq: 9, index: 4 } }
      expect(await intake(0, 1, { byok: [byok("e1"), changed] })).toMatchObject({
        byokRecorded: 1,
        deadLetters: [conflict],
      })
      expect(await intake(1, 2, { byok: [changed] })).toMatchObject({ byokRecorded: 0, deadLetters: [conflict] })
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

    const counted = (entries: ReadonlyArray<JournalEntry>, from: number, to: number) => {
      const rollup = new Rollup()
      for (const entry of entries) rollup.addEntry(entry)
      const [before, positions] = [new Map(from === 0 ? [] : [[3, from]]), new Map([[3, to]])]
      const cursor = { stream: "LEDGER_JOURNAL", incarnation: "j", from, to }
      return commitProjection(database, { ...cursor, rollup, before, positions })
    }
    const entryOf = (seq: number, kind: JournalEntry["kind"], body: JournalEntry["body"]): JournalEntry => ({
      seq,
      account: "acc_a",
      n: seq,
      at: AT,
      kind,
      body,
    })
    const called = (seq: number, usedAt: number) =>
      entryOf(seq, "charged", { spent: "1000", usage: `openai|m|b1|1|2|0|0|0|0|0|1|ok|r${seq}`, usedAt })
    const opened = (seq: number, kind: "plan" | "topup" | "promo" | "adjustment", amount: string) =>
      entryOf(seq, kind === "adjustment" ? "adjusted" : "granted", { granted: amount, opened: { kind, amount } })

    it("decision 14: an account's totals: every call, grants outside the plan, and what its UTC day cost", async () => {
      expect(await readTotals(database, "acc_a", AT)).toEqual({
        calls: 0,
        recharges: 0,
        recharged: "0",
        today: { day: "2026-06-01", cost: "0" },
      })
      await counted([called(1, AT - DAY_MS), opened(2, "plan", "20000"), opened(3, "topup", "9007199254740993")], 0, 3)
      const given = [opened(4, "promo", "5"), opened(5, "adjustment", "7")]
      await counted([...given, entryOf(6, "adjusted", { revoked: "3" }), called(7, AT), called(8, AT)], 3, 8)
      expect(await readTotals(database, "acc_a", AT)).toEqual({
        calls: 3,
        recharges: 3,
        recharged: "9007199254741005",
        today: { day: "2026-06-01", cost: "2000" },
      })
    })

    it("decision 21: a database from before the totals counts its journal again; BYOK calls stay", async () => {
      const old = await openDatabaseNow<Tables>({
        service: `pricing_old_${counter}`,
        dataDir: folder,
        databaseUrl: postgres?.url,
      })
      await migrateNow(old, { "0001_pricing": migrations["0001_pricing"]! }, 1)
      const keys = { day: "2026-06-01", account: "acc_a" }
      const sums = { input_tokens: 1n, output_tokens: 1n, cache_read_tokens: 0n, cache_write_tokens: 0n }
      const byokSums = { byok_calls: 2n, byok_input_tokens: 2n, byok_output_tokens: 2n, reasoning_tokens: 0n }
      const noByok = { byok_calls: 0n, byok_input_tokens: 0n, byok_output_tokens: 0n, reasoning_tokens: 0n }
      await old.kysely
        .insertInto("usage_rollup")
        .values([
          { ...keys, model: "both", calls: 4n, ...sums, cost: 9n, ...byokSums },
          { ...keys, model: "hosted", calls: 4n, ...sums, cost: 9n, ...noByok },
        ])
        .execute()
      await old.kysely.insertInto("journal_position").values({ partition: 3, seq: 8n }).execute()
      await migrateNow(old, migrations, SCHEMA_VERSION)
      expect(await readPositions(old)).toEqual(new Map())
      expect(await readUsage(old, "acc_a", "model", ["2026-06-01"])).toMatchObject([
        { model: "both", calls: 0, cost: "0", inputTokens: 0, byokCalls: 2 },
      ])
      await old.close()
    })

    it("takes a batch of thousands of records in one commit", async () => {
      const records = Array.from({ length: 5_000 }, (_, i) =>
        byok(`e${i}`, { model: `m${i % 7}`, account: `acc_${i % 11}` }),
      )
      expect(await intake(0, 1, { byok: records })).toEqual({ byokRecorded: 5_000, deadLetters: [] })
      const rows = await usage("acc_0")
      expect(rows.reduce((sum, row) => sum + row.byokCalls, 0)).toBe(455)
    })
  })
}
