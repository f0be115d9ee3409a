/** Rating, pure: R6.3–R6.6, R7.1–R7.3, R8.1, I9 and bad input (C12), without a bus or a database. */
import {
  encodeCharges,
  encodeUsageLine,
  MESSAGE_BYTES_MAX,
  type ChargeTuple,
  type UsageEvent,
  decodeUsageEvent,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { readPriceBook, type PriceBook } from "@credits/pricebook"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { chargeOf, contentHash, isHosted, type ByokCall } from "./call.ts"
import { bytes, usageEvent } from "./fixture.test-kit.ts"
import { rate, Rating, type RatedBatch } from "./rating.ts"

const NOW = Date.parse("2026-06-01T00:00:00.000Z")
const bookOf = (version: string, effectiveAt: string, input: string): PriceBook => {
  const models = [{ id: "gpt-5", provider: "openai", enabled: true, input, output: "10" }]
  const checked = readPriceBook({ version, effectiveAt, source: "test", models })
  if ("invalid" in checked) throw new Error("the test's book is invalid")
  return checked.ok
}
const books = [bookOf("old", "2026-01-01T00:00:00.000Z", "1"), bookOf("new", "2026-05-01T00:00:00.000Z", "2")]

const rateEvents = (events: ReadonlyArray<unknown>, now = NOW): RatedBatch =>
  rate([{ seq: 7, body: bytes(events) }], books, now)
const chargesOf = (batch: RatedBatch): ReadonlyArray<ChargeTuple> =>
  batch.charges.flatMap(
    ({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as { charges: ReadonlyArray<ChargeTuple> }).charges,
  )
const decoded = (value: unknown): UsageEvent => {
  const event = decodeUsageEvent(value)
  if ("code" in event) throw new Error(event.detail)
  return event
}

describe("rating", () => {
  it("R7.1 late usage is priced by when it happened, whatever the order it arrives in", () => {
    const before = Date.parse("2026-04-30T23:59:59.999Z")
    const events = [before + 1, before, before + 1].map((at, i) => usageEvent(`e${i}`, at))
    const charges = chargesOf(rateEvents(events))
    expect(charges.map((charge) => [charge[3], charge[6].split("|")[2]])).toEqual([
      ["3000000", "new"],
      ["2000000", "old"],
      ["3000000", "new"],
    ])
  })

  it("R7.1 usage from before the first book is a dead letter, not a guess", () => {
    const { deadLetters, charges } = rateEvents([usageEvent("e", Date.parse("2025-12-31T23:59:59.999Z"))])
    expect(charges).toEqual([])
    expect(deadLetters).toMatchObject([{ reason: "no_price_book", origin: { seq: 7, index: 0 } }])
  })

  it("R6.3 a call that failed before producing tokens becomes a charge of 0, which settles its hold", () => {
    const tokens = { convention: "inclusive", input: 1000, output: 0 }
    const charges = chargesOf(
      rateEvents([usageEvent("e", NOW, { data: { status: "failed", tokens, holdId: "hold_x" } })]),
    )
    expect(charges.map((charge) => [charge[3], charge[4]])).toEqual([["0", "hold_x"]])
  })

  it("R6.6 the content hash follows what the event says, not how its JSON is written", () => {
    const event = usageEvent("e", NOW)
    const shuffled = Object.fromEntries(Object.entries(event).toReversed())
    const text = JSON.stringify(shuffled, null, 2)
    const [one, two] = [bytes([event]), bytes(`[${text}]`)].map((body) =>
      chargesOf(rate([{ seq: 1, body }], books, NOW)),
    )
    expect(one![0]![5]).toBe(two![0]![5])
    const changes = [
      { requestId: "r2" },
      { model: "gpt-5", images: 1 },
      { status: "cancelled" },
      { attributes: { a: 1 } },
    ]
    const hashes = changes.map((data) => contentHash(decoded(usageEvent("e", NOW, { data }))))
    expect(new Set([...hashes, one![0]![5]]).size).toBe(changes.length + 1)
  })

  it("R7.3 a charge is what contracts encode, and lies in the partition of its account", () => {
    const account = fc.stringMatching(/^acc_[0-9a-z]{1,26}$/)
    fc.assert(
      fc.property(fc.array(account, { minLength: 1, maxLength: 30 }), (accounts) => {
        const events = accounts.map((subject, i) => usageEvent(`e${i}`, NOW, { subject }))
        const batch = rateEvents(events)
        for (const { partition, payload, charges } of batch.charges) {
          const message = JSON.parse(Buffer.from(payload).toString()) as { charges: ReadonlyArray<ChargeTuple> }
          expect(Buffer.from(payload).toString()).toBe(encodeCharges(message.charges))
          expect(message.charges).toHaveLength(charges)
          expect(message.charges.every((charge) => partitionOf(charge[1]) === partition)).toBe(true)
        }
        expect(
          chargesOf(batch)
            .map((charge) => charge[0])
            .toSorted(),
        ).toEqual(events.map((_, i) => `e${i}`).toSorted())
      }),
    )
  })

  it("R6.6 a trace is carried beside the charges, also of split messages, and changes nothing of them", () => {
    const parent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
    const subject = "acc_traced"
    const long = { data: { requestId: "r".repeat(120) }, subject }
    const id = (i: number) => `evt-${String(i).padStart(110, "0")}`
    const plain = Array.from({ length: 3_000 }, (_, i) => usageEvent(id(i), NOW, long))
    const events = plain.map((event, i) => (i % 100 === 7 ? { ...event, traceparent: parent } : event))
    const body = { seq: 7, body: bytes(events) }
    let next = 0
    const rating = new Rating(books, NOW, () => `00-${"a".repeat(32)}-${String(++next).padStart(16, "0")}-01`)
    rating.add(body)
    const batch = rating.end()
    expect(chargesOf(batch)).toEqual(chargesOf(rateEvents(plain)))
    const carried = batch.charges.flatMap(({ payload }) => {
      expect(payload.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
      const message = JSON.parse(Buffer.from(payload).toString()) as {
        readonly charges: ReadonlyArray<ChargeTuple>
        readonly traces?: Readonly<Record<string, string>>
      }
      return Object.entries(message.traces ?? {}).map(([i, trace]) => [message.charges[Number(i)]![0], trace])
    })
    expect(carried).toEqual(batch.traced.map((event) => [event.id, event.trace]))
    expect(batch.traced).toHaveLength(30)
    // Without tracing the events' own text is ignored: nothing is carried.
    expect(rate([body], books, NOW).traced).toEqual([])
  })

  it("decision 4: charges of one partition are split below 512 KiB, in order and without loss", () => {
    const events = Array.from({ length: 5_000 }, (_, i) =>
      usageEvent(`evt-${String(i).padStart(110, "0")}`, NOW, { data: { requestId: "r".repeat(120) } }),
    )
    const batch = rateEvents(events)
    expect(batch.charges.length).toBeGreaterThan(2)
    for (const { payload, charges } of batch.charges) {
      expect(payload.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
      expect(charges).toBeLessThanOrEqual(2_000)
    }
    expect(chargesOf(batch).map((charge) => charge[0])).toEqual(events.map((event) => event["id"]))
  })

  it("R7.2 the usage line holds each token once, whatever the convention", () => {
    const counts = { output: 50, cacheRead: 30, cacheWrite5m: 20, cacheWrite1h: 10, reasoning: 40 }
    const lines = [
      { convention: "inclusive", input: 100, ...counts },
      { convention: "additive", input: 40, ...counts },
    ].map((tokens) => chargesOf(rateEvents([usageEvent("e", NOW, { data: { tokens } })]))[0]![6])
    const line = encodeUsageLine({
      provider: "openai",
      model: "gpt-5",
      bookVersion: "new",
      inputTokens: 40,
      outputTokens: 10,
      cacheReadTokens: 30,
      cacheWrite5mTokens: 20,
      cacheWrite1hTokens: 10,
      reasoningTokens: 40,
      images: 0,
      requests: 1,
      status: "ok",
      requestId: "req-e",
    })
    expect(lines).toEqual([line, line])
  })

  it("R8.1 BYOK calls become records without a price, whatever their model, and no charge", () => {
    const tokens = { convention: "additive", input: 10, output: 5, cacheRead: 7 }
    const batch = rateEvents([usageEvent("e", NOW, { data: { mode: "byok", model: "unpriced", tokens } })])
    expect(batch.charges).toEqual([])
    expect(batch.byok).toMatchObject([
      { id: "e", account: "acc_test1", model: "unpriced", inputTokens: 17, outputTokens: 5 },
    ])
  })

  it("I9 R8.1 a BYOK event has no type that a charge could be made of", () => {
    const byok = { mode: "byok" } as ByokCall
    const attempt = (): string =>
      // @ts-expect-error a ByokCall is no HostedCall: this line must not compile
      chargeOf(byok, { cost: 0n, tokens: {} as never, price: {} as never }, "v")
    expect(typeof attempt).toBe("function")
    expect(isHosted(decoded(usageEvent("e", NOW, { data: { mode: "byok" } })))).toBe(false)
  })

  it("C12 arbitrary JSON never throws and never makes a charge, and the good event beside it counts", () => {
    const poisoned = fc
      .tuple(
        fc.jsonValue({ maxDepth: 4 }),
        fc.constantFrom("id", "subject", "time", "data", "specversion", "type", "source"),
      )
      .map(([value, field]) => ({ ...usageEvent("bad", NOW), [field]: value }))
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), poisoned), { maxLength: 8 }), (values) => {
        const batch = rateEvents([...values, usageEvent("good", NOW)])
        const ids = chargesOf(batch).map((charge) => charge[0])
        expect(ids.at(-1)).toBe("good")
        expect(batch.events).toBe(values.length + 1)
        expect(ids.length + batch.deadLetters.length + batch.byok.length).toBe(values.length + 1)
      }),
      { numRuns: 500 },
    )
  })

  it("C12 arbitrary bytes never throw: at most one dead letter for the message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const batch = rate([{ seq: 1, body }], books, NOW)
        expect(batch.charges).toEqual([])
        expect(batch.deadLetters.length).toBeLessThanOrEqual(Math.max(1, batch.events))
        for (const letter of batch.deadLetters) {
          expect(letter.id).toMatch(/^pricing\.USAGE\.1\.-?\d+$/)
          expect(JSON.stringify(letter)).not.toContain("\\u0000")
        }
      }),
    )
  })

  it("C12 ages: 400 days back and 10 minutes ahead are the limits", () => {
    const day = 86_400_000
    const early = [bookOf("b", "2020-01-01T00:00:00.000Z", "1")]
    const times = [NOW - 400 * day - 1, NOW - 400 * day, NOW + 600_000, NOW + 600_001]
    const batch = rate([{ seq: 1, body: bytes(times.map((at, i) => usageEvent(`e${i}`, at))) }], early, NOW)
    expect(chargesOf(batch).map((charge) => charge[0])).toEqual(["e1", "e2"])
    expect(batch.deadLetters.map((letter) => [letter.origin.index, letter.reason])).toEqual([
      [0, "too_old"],
      [3, "in_future"],
    ])
  })

  it("decision 7: rating the same messages again gives the same charges, byte for byte", () => {
    const body = bytes(Array.from({ length: 200 }, (_, i) => usageEvent(`e${i}`, NOW - i, { subject: `acc_${i % 9}` })))
    const [one, two] = [NOW, NOW + 5_000].map((now) => rate([{ seq: 1, body }], books, now))
    expect(two!.charges).toEqual(one!.charges)
  })
})
