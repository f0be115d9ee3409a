/** Usage counted from the ledger's journal (decision 14): each entry once, gaps seen, rating first. */
import { publish, walkStored } from "@credits/bus"
import {
  STREAMS,
  SUBJECTS,
  type DeadLetter,
  type JournalEntry,
  type JournalMessage,
  type UsageAnswer,
} from "@credits/contracts"
import * as fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  eventually,
  publishUsage,
  startParts,
  startTestPricing,
  usageEvent,
  type TestParts,
  type TestPricing,
} from "./fixture.test-kit.ts"
import { foldJournal, Rollup, type Positions } from "./rollup.ts"

const AT = Date.parse("2026-06-01T23:59:59.999Z")

const charged = (seq: number, change: Partial<JournalEntry> = {}, body: object = {}): JournalEntry => ({
  seq,
  account: "acc_a",
  n: seq,
  at: AT + 60_000,
  kind: "charged",
  body: { spent: "1000", usage: `openai|gpt-5|b1|100|20|0|0|0|0|0|1|ok|r${seq}`, usedAt: AT, ...body },
  ...change,
})
const message = (after: number, entries: ReadonlyArray<JournalEntry>, partition = 3): JournalMessage => ({
  v: 1,
  partition,
  after,
  entries,
})

describe("counting a journal", () => {
  it("decision 9: any cut and any repetition of the journal counts every entry once", () => {
    const entries = Array.from({ length: 40 }, (_, i) => charged((i + 1) * 2))
    // Messages are runs of the journal: from any entry to any later one, naming the entry before them.
    const run = fc.tuple(fc.nat(40), fc.nat(40)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
    fc.assert(
      fc.property(fc.array(run, { maxLength: 30 }), (runs) => {
        const rollup = new Rollup()
        const positions: Positions = new Map()
        let counted = 0
        for (const [from, to] of [...runs, [0, 40] as const]) {
          const after = from === 0 ? 0 : entries[from - 1]!.seq
          const gap = foldJournal(rollup, positions, message(after, entries.slice(from, to)))
          expect(gap !== null).toBe(from > counted)
          if (gap === null) counted = Math.max(counted, to)
        }
        expect([...rollup.rows]).toMatchObject([{ calls: 40, inputTokens: 4_000, cost: 40_000n }])
      }),
    )
  })

  it("decision 14: usage falls on the UTC day it happened, hosted calls only when they were charged", () => {
    const rollup = new Rollup()
    foldJournal(
      rollup,
      new Map(),
      message(0, [
        charged(1),
        charged(2, {}, { usedAt: AT + 1 }),
        charged(3, { kind: "granted", body: { granted: "5" } }),
        charged(4, { kind: "reversed", body: { spent: "-1000", cause: "e1" } }),
        charged(5, {}, { usage: "not a line" }),
      ]),
    )
    expect([...rollup.rows].map((row) => [row.day, row.calls])).toEqual([
      ["2026-06-01", 1],
      ["2026-06-02", 1],
    ])
  })

  it("R7.4 what a reversal gives back lowers the cost of its usage's day; calls and tokens stay", () => {
    const rollup = new Rollup()
    const { usage, spent, usedAt } = charged(1).body
    const reversal = { usage, usedAt, spent: "-400", cause: "e1" } as JournalEntry["body"]
    foldJournal(rollup, new Map(), message(0, [charged(1), { ...charged(2), kind: "reversed", body: reversal }]))
    const [row, ...others] = [...rollup.rows]
    expect(others).toEqual([])
    expect([row!.calls, row!.cost]).toEqual([1, BigInt(spent!) - 400n])
    expect([...rollup.totals].map(({ calls }) => calls)).toEqual([1])
  })
})

describe("the usage projection over a real journal", () => {
  let parts: TestParts
  let pricing: TestPricing
  beforeEach(async () => {
    parts = await startParts()
    pricing = await startTestPricing(parts)
  })
  afterEach(async () => {
    await pricing.stop()
    await parts.stop()
  })

  const journal = (after: number, entries: ReadonlyArray<JournalEntry>, partition = 3): Promise<unknown> =>
    publish(parts.bus.js, SUBJECTS.ledgerJournal(partition), JSON.stringify(message(after, entries, partition)))
  const counted = async (): Promise<void> => {
    const { state } = await parts.bus.jsm.streams.info(STREAMS.ledgerJournal.name)
    await eventually(
      async () => ((await pricing.status()).cursors[STREAMS.ledgerJournal.name] === state.last_seq ? true : undefined),
      "the journal is counted",
    )
  }
  const usage = async (by = "model,day", account = "acc_a"): Promise<UsageAnswer["items"]> => {
    const request = { op: "usage", account, by, from: AT - 86_400_000, to: AT + 2 * 86_400_000 }
    const reply = await parts.bus.connection.request(SUBJECTS.pricingRequest("usage"), JSON.stringify(request))
    return (JSON.parse(reply.string()) as { ok: UsageAnswer }).ok.items
  }

  it("decision 14: usage is read by model, by day and by both, as it was charged", async () => {
    const other = (seq: number) =>
      charged(seq, {}, { usage: `google|gemini|b1|1|2|0|0|0|0|0|1|ok|r${seq}`, usedAt: AT + 1 })
    await journal(0, [charged(1), charged(2), other(3), charged(4, { account: "acc_b" })])
    await journal(0, [charged(1, {}, { spent: undefined })], 9)
    await counted()
    expect(await usage()).toMatchObject([
      { day: "2026-06-01", model: "gpt-5", calls: 3, inputTokens: 300, outputTokens: 60, cost: "2000", byokCalls: 0 },
      { day: "2026-06-02", model: "gemini", calls: 1, inputTokens: 1, outputTokens: 2, cost: "1000" },
    ])
    expect((await usage("model")).map((row) => [row.day, row.model, row.calls])).toEqual([
      [null, "gemini", 1],
      [null, "gpt-5", 3],
    ])
    expect((await usage("day", "acc_b")).map((row) => [row.day, row.model, row.calls])).toEqual([
      ["2026-06-01", null, 1],
    ])
  })

  it("a journal message that nobody can read is a dead letter with its headers", async () => {
    await publish(parts.bus.js, SUBJECTS.ledgerJournal(3), new Uint8Array([0xff, 0xfe]), { "x-a": "1" })
    await counted()
    const letter = await eventually(async () => {
      let found: DeadLetter | undefined
      await walkStored(parts.bus, STREAMS.deadLetters.name, { from: 1 }, ({ data }) => {
        found = JSON.parse(new TextDecoder().decode(data)) as DeadLetter
      })
      return found
    }, "the letter is published")
    expect(letter).toMatchObject({
      id: "pricing.LEDGER_JOURNAL.1.-1",
      reason: "malformed",
      origin: { stream: STREAMS.ledgerJournal.name, seq: 1, index: -1 },
      headers: { "x-a": "1" },
      payload: "base64://4=",
    })
    expect((await pricing.status()).detail["metrics"]).toMatchObject({ deadLettersByReason: { malformed: 1 } })
  })

  it("decision 9: repeats are not counted, also over a restart; a gap stops that partition and shows", async () => {
    await journal(0, [charged(1), charged(2)])
    await journal(0, [charged(1), charged(2), charged(3)])
    await counted()
    await pricing.stop()
    pricing = await startTestPricing(parts)
    await journal(2, [charged(3), charged(4)])
    await journal(7, [charged(8)])
    await journal(0, [charged(1)], 5)
    await journal(1, [charged(2)], 6)
    await counted()
    expect(await usage("model")).toMatchObject([{ calls: 5 }])
    const status = await pricing.status()
    expect(status.detail["journal_gap"]).toEqual([
      { partition: 3, position: 4, after: 7 },
      { partition: 6, position: 0, after: 1 },
    ])
    // Said when the ledger was asked and did not answer, which may be a moment after the gap was seen.
    await eventually(
      () => pricing.reports.some((text) => text.startsWith("error journal_gap: partition 3")) || undefined,
      "the gap is said",
    )
    // The missing entries arrive after all: counting goes on where it stopped.
    await journal(4, [charged(5), charged(7), charged(8)])
    await journal(0, [charged(1)], 6)
    await counted()
    expect(await usage("model")).toMatchObject([{ calls: 9 }])
    expect((await pricing.status()).detail["journal_gap"]).toBeUndefined()
  })

  it("a backlog of usage and one of the journal are both worked off", async () => {
    const now = Date.now()
    const events = Array.from({ length: 500 }, (_, i) => usageEvent(`e${i}`, now, { subject: `acc_${i % 50}` }))
    for (let i = 0; i < 40; i++)
      await journal(
        i * 10,
        Array.from({ length: 10 }, (_, j) => charged(i * 10 + j + 1)),
      )
    await Promise.all(Array.from({ length: 20 }, () => publishUsage(parts.bus, events)))
    await pricing.settled()
    await counted()
    expect(await usage("model")).toMatchObject([{ calls: 400 }])
    expect((await pricing.status()).detail["metrics"]).toMatchObject({ events: 10_000, journalEntries: 400 })
  })
})
