/**
 * Goal: decision 9, a reader that misses entries of the journal gets them from the owner.
 * Method: a running ledger whose journal is wiped, over both databases.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, Bus, closeBus, connectBus, publishAtomic } from "@credits/bus"
import {
  encodeCharges,
  STREAMS,
  SUBJECTS,
  type ChargeTuple,
  type HistoryAnswer,
  type JournalEntry,
  type LedgerReply,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { findPostgresBinaries, natsServerForTests, postgresForTests, type TestPostgres } from "@credits/testkit"
import { Effect } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { decodeHistoryRequest, serveHistory } from "./history.ts"
import { startTestLedger, type TestLedger } from "./ledger.fixture.ts"

const LONG = `openai|${"m".repeat(900)}|book-1|100|20|0|0|0|0|0|1|ok|req-1`
const partition = partitionOf("acc_past")

/** Accounts of one partition, and some of others, so that its blocks lie between theirs. */
const accountsOf = (wanted: (partition: number) => boolean, count: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let i = 0; found.length < count; i++) if (wanted(partitionOf(`acc_p${i}`))) found.push(`acc_p${i}`)
  return found
}

describe.each(["sqlite", "postgres"] as const)("decision 9: the journal from the owner, on %s", (dialect) => {
  const isMissing = dialect === "postgres" && findPostgresBinaries() === undefined
  let postgres: TestPostgres | undefined
  let ledger: TestLedger

  beforeAll(async () => {
    if (isMissing) return
    postgres = dialect === "postgres" ? await postgresForTests() : undefined
    ledger = await startTestLedger(postgres === undefined ? {} : { CREDITS_DATABASE_URL: postgres.url })
    await ledger.ready()
  }, 90_000)
  afterAll(async () => {
    await ledger?.stop()
    await postgres?.stop()
  })

  const history = async (request: unknown): Promise<LedgerReply<HistoryAnswer>> =>
    JSON.parse(
      await ask(ledger.bus.connection, SUBJECTS.ledgerHistory, JSON.stringify(request), 10_000),
    ) as LedgerReply<HistoryAnswer>
  const page = async (after: number): Promise<HistoryAnswer> => {
    const reply = await history({ partition, after })
    if ("refused" in reply) throw new Error(reply.refused.detail)
    return reply.ok
  }

  it.skipIf(isMissing)("a partition nobody used has nothing, and what is no position is refused", async () => {
    assert.deepStrictEqual(await page(0), { v: 1, partition, after: 0, last: 0, entries: [] })
    const wrong = await history({ partition: 64, after: 0 })
    assert.strictEqual("refused" in wrong && wrong.refused.code, "invalid")
  })

  it.skipIf(isMissing)(
    "pages from any position give every entry once and in order, though the stream has none",
    async () => {
      const mine = accountsOf((each) => each === partition, 40)
      const others = accountsOf((each) => each !== partition, 40)
      const entitled = [...mine, ...others].map((account) =>
        ledger.request({ op: "entitle", id: "e1", account, plan: "plus", hostedModels: true }),
      )
      await Promise.all(entitled)
      for (let round = 0; round < 30; round++) {
        const charges = (accounts: ReadonlyArray<string>): ReadonlyArray<ChargeTuple> =>
          accounts.map((account) => [`${account}-${round}`, account, Date.now(), "1000", "", `h${round}`, LONG])
        const messages = [...others.map((account) => [account]), mine].map((accounts) => ({
          subject: SUBJECTS.ledgerCommand(partitionOf(accounts[0]!)),
          payload: encodeCharges(charges(accounts)),
        }))
        await publishAtomic(ledger.bus.js, messages)
      }
      const { last } = await ledger.until(
        "all is applied",
        () => page(0),
        (answer) => answer.last >= mine.length * 31,
      )
      await ledger.bus.jsm.streams.purge(STREAMS.ledgerJournal.name)

      for (const from of [0, 1, 33, Math.floor(last / 2), last - 1]) {
        const entries: Array<JournalEntry> = []
        let position = from
        let pages = 0
        for (let next = await page(from); next.entries.length > 0; next = await page(position)) {
          assert.isAtMost(next.after, position, "a page begins where the reader stands, or before")
          entries.push(...next.entries.filter(({ seq }) => seq > position))
          position = next.entries.at(-1)!.seq
          pages += 1
        }
        assert.deepStrictEqual(
          entries.map(({ seq }) => seq),
          Array.from({ length: last - from }, (_, i) => from + 1 + i),
        )
        if (from === 0) assert.isAbove(pages, 1, "there is more than one page")
      }
      const { entries } = await page(last - 1)
      assert.strictEqual(entries.at(-1)!.kind, "charged")
      assert.strictEqual(entries.at(-1)!.body.usage, LONG)
    },
  )
})

describe("the border of ledger.history", () => {
  it("a reader that asks before a new ledger has made its tables hears that there is nothing", async () => {
    const nats = await natsServerForTests()
    const bus = await connectBus({ servers: nats.url, name: "test" })
    const dataDir = await mkdtemp(join(tmpdir(), "ledger-history-"))
    const errors: Array<unknown> = []
    const asked = Effect.gen(function* () {
      yield* serveHistory({ dataDir, databaseUrl: null }, (error) => void errors.push(error))
      // The server must have the subscription before another connection asks.
      yield* Effect.flatMap(Bus, ({ connection }) => Effect.promise(() => connection.flush()))
      const request = JSON.stringify({ partition, after: 0 })
      return yield* Effect.promise(() => ask(bus.connection, SUBJECTS.ledgerHistory, request, 10_000))
    })
    const layer = Bus.layerFrom({ servers: nats.url, name: "ledger" })
    try {
      const answer = await Effect.runPromise(asked.pipe(Effect.scoped, Effect.provide(layer)))
      assert.deepStrictEqual(JSON.parse(answer), { ok: { v: 1, partition, after: 0, last: 0, entries: [] } })
      assert.deepStrictEqual(errors, [])
    } finally {
      await closeBus(bus)
      await nats.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  it("takes a partition and a seq, and says what else is wrong", () => {
    assert.deepStrictEqual(decodeHistoryRequest('{"partition":3,"after":7}'), { partition: 3, after: 7 })
    for (const text of ["", "null", "[]", '{"partition":64,"after":0}', '{"partition":"3","after":0}'])
      assert.isString(decodeHistoryRequest(text))
    for (const after of [-1, 1.5, "0", null, 2 ** 60])
      assert.isString(decodeHistoryRequest(JSON.stringify({ partition: 3, after })))
  })
})
