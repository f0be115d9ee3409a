/**
 * Goal: decision 9, what the journal's stream does not give is read from the ledger, and every entry is counted once.
 * Method: a running pricing over real parts; a ledger that has every entry and answers from any position.
 */
import { provisionStreams, publish, serve, type Responder } from "@credits/bus"
import {
  STREAMS,
  SUBJECTS,
  type HistoryAnswer,
  type HistoryRequest,
  type JournalEntry,
  type UsageAnswer,
} from "@credits/contracts"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { eventually, startParts, startTestPricing, type TestParts, type TestPricing } from "./fixture.test-kit.ts"

const AT = Date.parse("2026-06-01T12:00:00.000Z")
const PARTITION = 3
const JOURNAL = STREAMS.ledgerJournal.name
/** So few entries a page that a gap takes several. */
const PAGE = 3

const entry = (seq: number): JournalEntry => ({
  seq,
  account: "acc_a",
  n: seq,
  at: AT,
  kind: "charged",
  body: { spent: "1000", usage: `openai|gpt-5|b1|100|20|0|0|0|0|0|1|ok|r${seq}`, usedAt: AT },
})
const entries = (from: number, to: number): ReadonlyArray<JournalEntry> =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i))

describe("decision 9: the ledger is asked for what the stream does not give", () => {
  let parts: TestParts
  let pricing: TestPricing
  let ledger: Responder | undefined
  /** seq of the newest entry the ledger has in the partition. */
  let last = 0
  let asked: Array<HistoryRequest> = []

  beforeEach(async () => {
    parts = await startParts()
    ledger = undefined
    asked = []
    last = 0
  })
  afterEach(async () => {
    await pricing.stop()
    await ledger?.stop()
    await parts.stop()
  })

  const answer = (text: string): string => {
    const request = JSON.parse(text) as HistoryRequest
    asked.push(request)
    const { partition, after } = request
    const newest = partition === PARTITION ? last : 0
    // A page begins with a whole block, so at or before the position.
    const from = Math.max(0, after - (after % 2))
    const page = after >= newest ? [] : entries(from + 1, Math.min(newest, from + PAGE))
    const ok: HistoryAnswer = { v: 1, partition, after: page.length === 0 ? after : from, last: newest, entries: page }
    return JSON.stringify({ ok })
  }
  const startLedger = async (): Promise<void> => {
    ledger = serve(parts.bus.connection, SUBJECTS.ledgerHistory, answer)
    await parts.bus.connection.flush()
  }
  /** The ledger committed them and published them. */
  const published = async (after: number, to: number): Promise<void> => {
    last = Math.max(last, to)
    const message = { v: 1, partition: PARTITION, after, entries: entries(after + 1, to) }
    await publish(parts.bus.js, SUBJECTS.ledgerJournal(PARTITION), JSON.stringify(message))
  }
  const calls = async (): Promise<number> => {
    const request = { op: "usage", account: "acc_a", by: "model", from: AT - 86_400_000, to: AT + 86_400_000 }
    const reply = await parts.bus.connection.request(SUBJECTS.pricingRequest("usage"), JSON.stringify(request))
    return (JSON.parse(reply.string()) as { ok: UsageAnswer }).ok.items[0]?.calls ?? 0
  }
  const counts = (wanted: number): Promise<true> =>
    eventually(async () => ((await calls()) === wanted ? true : undefined), `${wanted} entries are counted`)
  const read = async (): Promise<void> => {
    const { state } = await parts.bus.jsm.streams.info(JOURNAL)
    const isRead = async () => ((await pricing.status()).cursors[JOURNAL] === state.last_seq ? true : undefined)
    await eventually(isRead, "the stream is read")
  }

  it("a message that is missing: its entries are read, and the ones that follow count once", async () => {
    await startLedger()
    pricing = await startTestPricing(parts)
    await published(0, 2)
    await counts(2)
    await published(8, 9)
    await counts(9)
    await published(9, 11)
    await published(8, 11)
    await read()
    expect(await calls()).toBe(11)
    expect((await pricing.status()).detail["journal_gap"]).toBeUndefined()
    expect(pricing.reports).toContain("info partition 3: entries 3 to 9 were read from the ledger")
  })

  it("while the ledger does not answer the partition stands and shows, and it is filled when it does", async () => {
    pricing = await startTestPricing(parts)
    await published(0, 2)
    await published(8, 9)
    await read()
    await eventually(() => pricing.reports.find((text) => text.startsWith("error journal_gap: partition 3")), "told")
    expect((await pricing.status()).detail["journal_gap"]).toEqual([{ partition: PARTITION, position: 2, after: 8 }])
    expect(await calls()).toBe(2)
    await startLedger()
    await counts(9)
    expect((await pricing.status()).detail["journal_gap"]).toBeUndefined()
    expect(pricing.reports.filter((text) => text.startsWith("error journal_gap"))).toHaveLength(1)
  })

  it("a stream that was trimmed before it was read, with nothing after it: the start finds out", async () => {
    await startLedger()
    pricing = await startTestPricing(parts)
    await published(0, 2)
    await counts(2)
    await pricing.stop()
    await published(2, 6)
    await parts.bus.jsm.streams.purge(JOURNAL)
    pricing = await startTestPricing(parts)
    await counts(6)
    await published(6, 7)
    await counts(7)
  })

  it("a stream that was wiped and made again, or was never read from its beginning, stops nothing", async () => {
    await startLedger()
    await published(0, 2)
    await parts.bus.jsm.streams.purge(JOURNAL)
    await published(2, 3)
    pricing = await startTestPricing(parts)
    await counts(3)
    await pricing.stop()
    await parts.bus.jsm.streams.delete(JOURNAL)
    await provisionStreams(parts.bus)
    last = 5
    pricing = await startTestPricing(parts)
    await counts(5)
    await published(5, 8)
    await counts(8)
    expect((await pricing.status()).detail["cursor_gap"]).toBeUndefined()
  })

  it("what is still in the stream is read from there: the ledger is asked only for what lies beyond", async () => {
    await startLedger()
    for (let seq = 0; seq < 30; seq++) await published(seq, seq + 1)
    pricing = await startTestPricing(parts)
    await counts(30)
    await eventually(() => (asked.length >= 64 ? true : undefined), "every partition was asked about")
    expect(asked.filter(({ partition }) => partition === PARTITION)).toEqual([{ partition: PARTITION, after: 30 }])
  })

  it("two processes that fill the same gap count it once", async () => {
    await startLedger()
    pricing = await startTestPricing(parts)
    const other = await startTestPricing(parts)
    await published(0, 2)
    await published(40, 41)
    await published(41, 60)
    await counts(60)
    await published(90, 91)
    await counts(91)
    await other.stop()
    expect(await calls()).toBe(91)
  })
})
