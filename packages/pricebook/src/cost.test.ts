/** What a call costs, against an independent sum in rational arithmetic and the rules R6.1, R6.3, R7.1–R7.3. */
import { NANO_AMOUNT_MAX } from "@credits/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  bookAt,
  costOfCall,
  quoteMaximum,
  readPriceBook,
  type Call,
  type CallCost,
  type CallTokens,
  type ModelPriceData,
  type PriceBook,
} from "./index.ts"

const bookOf = (
  model: Partial<ModelPriceData>,
  effectiveAt = "2026-01-01T00:00:00.000Z",
  version = "b1",
): PriceBook => {
  const data = {
    version,
    effectiveAt,
    source: "test",
    models: [{ id: "m", provider: "p", enabled: true, input: "0", output: "0", ...model }],
  }
  const checked = readPriceBook(data)
  if ("invalid" in checked) throw new Error(JSON.stringify(checked.invalid))
  return checked.ok
}

const tokensOf = (change: Partial<CallTokens> = {}): CallTokens => ({
  convention: "inclusive",
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  reasoning: 0,
  ...change,
})
const callOf = (tokens: CallTokens, change: Partial<Call> = {}): Call => ({
  model: "m",
  at: 0,
  tokens,
  images: 0,
  requests: 1,
  status: "ok",
  ...change,
})
const cost = (book: PriceBook, call: Call): bigint => {
  const priced = costOfCall(book, call)
  if ("code" in priced) throw new Error(priced.detail)
  return priced.cost
}

/** A price of up to six decimals; with many tokens the sum leaves the range of exact doubles now and then. */
const price = fc
  .tuple(fc.oneof(fc.nat(3), fc.nat(2_000)), fc.nat(999_999))
  .map(([whole, rest]) => `${whole}.${String(rest).padStart(6, "0")}`)
const count = fc.oneof(fc.nat(5_000), fc.nat(100_000_000))
/** Counts that fit both conventions: disjoint parts first. */
const parts = fc.record({
  plain: count,
  cacheRead: count,
  cacheWrite5m: count,
  cacheWrite1h: count,
  text: count,
  reasoning: count,
  images: fc.nat(50),
  requests: fc.nat(5),
})
const rates = fc.record({
  input: price,
  output: price,
  cacheRead: price,
  cacheWrite5m: price,
  cacheWrite1h: price,
  reasoning: price,
})

/** USD per million → numerator over 1e12 USD per token. */
const pico = (text: string): bigint => {
  const [whole, fraction = ""] = text.split(".")
  return BigInt(whole! + fraction.padEnd(6, "0"))
}

describe("the cost of a call", () => {
  it("R7.3 is the exact integer sum of its parts with one rounding, half up", () => {
    fc.assert(
      fc.property(rates, parts, (r, n) => {
        const book = bookOf({ ...r, perImage: "0.040000000005", perRequest: "0.01" })
        const tokens = tokensOf({
          input: n.plain + n.cacheRead + n.cacheWrite5m + n.cacheWrite1h,
          output: n.text + n.reasoning,
          cacheRead: n.cacheRead,
          cacheWrite5m: n.cacheWrite5m,
          cacheWrite1h: n.cacheWrite1h,
          reasoning: n.reasoning,
        })
        const sum =
          BigInt(n.plain) * pico(r.input) +
          BigInt(n.text) * pico(r.output) +
          BigInt(n.cacheRead) * pico(r.cacheRead) +
          BigInt(n.cacheWrite5m) * pico(r.cacheWrite5m) +
          BigInt(n.cacheWrite1h) * pico(r.cacheWrite1h) +
          BigInt(n.reasoning) * pico(r.reasoning) +
          BigInt(n.images) * 40_000_000_005n +
          BigInt(n.requests) * 10_000_000_000n
        const expected = sum / 1_000n + (sum % 1_000n >= 500n ? 1n : 0n)
        const priced = costOfCall(book, callOf(tokens, { images: n.images, requests: n.requests }))
        expect(priced).toMatchObject(expected > NANO_AMOUNT_MAX ? { code: "cost_too_large" } : { cost: expected })
      }),
      { numRuns: 2_000 },
    )
  })

  it("R7.3 half a nano-USD rounds up, less rounds down, and the parts are not rounded one by one", () => {
    const book = bookOf({ input: "0.0005", output: "0.0004" })
    expect(cost(book, callOf(tokensOf({ input: 1 })))).toBe(1n)
    expect(cost(book, callOf(tokensOf({ output: 1 })))).toBe(0n)
    expect(cost(book, callOf(tokensOf({ input: 1, output: 1 })))).toBe(1n)
  })

  it("R7.2 the same call costs the same under both conventions, and each token is in one count", () => {
    fc.assert(
      fc.property(rates, parts, (r, n) => {
        const book = bookOf(r)
        const shared = {
          output: n.text + n.reasoning,
          cacheRead: n.cacheRead,
          cacheWrite5m: n.cacheWrite5m,
          cacheWrite1h: n.cacheWrite1h,
          reasoning: n.reasoning,
        }
        const cached = n.cacheRead + n.cacheWrite5m + n.cacheWrite1h
        fc.pre(cached + n.plain + shared.output < 1_000_000)
        const inclusive = costOfCall(book, callOf(tokensOf({ ...shared, input: n.plain + cached }))) as CallCost
        const additive = costOfCall(
          book,
          callOf(tokensOf({ ...shared, convention: "additive", input: n.plain })),
        ) as CallCost
        expect(additive).toEqual(inclusive)
        const t = inclusive.tokens
        const prompt = t.inputTokens + t.cacheReadTokens + t.cacheWrite5mTokens + t.cacheWrite1hTokens
        expect([prompt, t.outputTokens + t.reasoningTokens]).toEqual([n.plain + cached, n.text + n.reasoning])
      }),
    )
  })

  it("R7.2 a sum that contradicts its convention is rejected, not guessed", () => {
    const book = bookOf({})
    const wrong = [tokensOf({ input: 9, cacheRead: 10 }), tokensOf({ output: 1, reasoning: 2 })]
    for (const tokens of wrong) expect(costOfCall(book, callOf(tokens))).toMatchObject({ code: "wrong_sum" })
    const additive = tokensOf({ convention: "additive", input: 9, cacheRead: 10 })
    expect(costOfCall(book, callOf(additive))).toHaveProperty("cost")
  })

  it("R6.3 failed before producing anything costs nothing; cancelled or failed midway costs what it states", () => {
    const book = bookOf({ input: "1", output: "1", perRequest: "0.5", perImage: "0.1" })
    const asked = tokensOf({ input: 1_000 })
    expect(cost(book, callOf(asked, { status: "failed" }))).toBe(0n)
    expect(cost(book, callOf(tokensOf({ input: 1_000, output: 1 }), { status: "failed" }))).toBe(501_001_000n)
    expect(cost(book, callOf(asked, { status: "cancelled" }))).toBe(501_000_000n)
    expect(cost(book, callOf(asked, { status: "failed", images: 1, requests: 0 }))).toBe(101_000_000n)
  })

  it("R7.1 a missing price falls back: caches to input, 1 h writes to 5 min ones, reasoning to output", () => {
    const all = tokensOf({ input: 4, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1, output: 2, reasoning: 1 })
    expect(cost(bookOf({ input: "1", output: "100" }), callOf(all))).toBe(204_000n)
    expect(cost(bookOf({ input: "1", output: "100", cacheWrite5m: "5" }), callOf(all))).toBe(212_000n)
  })

  it("R7.1 a long-context tier holds for the whole call as soon as the prompt, caches included, exceeds it", () => {
    const tier = { aboveInputTokens: 200, input: "2", output: "20", cacheRead: "1" }
    const book = bookOf({ input: "1", output: "10", cacheRead: "0.5", longContext: [tier] })
    expect(cost(book, callOf(tokensOf({ input: 200, cacheRead: 100, output: 1 })))).toBe(160_000n)
    expect(cost(book, callOf(tokensOf({ input: 201, cacheRead: 100, output: 1 })))).toBe(322_000n)
    const additive = tokensOf({ convention: "additive", input: 101, cacheRead: 100, output: 1 })
    expect(cost(book, callOf(additive))).toBe(322_000n)
  })

  it("R7.1 hours of the day replace the rates, from inclusive to exclusive, also past midnight", () => {
    const book = bookOf({
      input: "1",
      hours: [
        { from: "01:00:00", to: "04:00:00", input: "2", output: "0" },
        { from: "22:00:00", to: "00:30:00", input: "3", output: "0" },
      ],
    })
    const at = (time: string): bigint =>
      cost(book, callOf(tokensOf({ input: 1 }), { at: Date.parse(`2026-05-05T${time}Z`) }))
    const times = ["00:29:59.999", "00:30:00", "00:59:59.999", "01:00:00", "03:59:59.999", "04:00:00", "22:00:00"]
    expect(times.map(at)).toEqual([3_000n, 1_000n, 1_000n, 2_000n, 2_000n, 1_000n, 3_000n])
  })

  it("R7.1 an old event is priced with the book in force when it happened", () => {
    const books = [
      bookOf({ input: "1" }, "2026-01-01T00:00:00.000Z", "old"),
      bookOf({ input: "9" }, "2026-03-01T00:00:00.000Z", "replaced"),
      bookOf({ input: "2" }, "2026-03-01T00:00:00.000Z", "new"),
    ]
    const inForce = (text: string): string | undefined => bookAt(books, Date.parse(text))?.version
    expect(inForce("2025-12-31T23:59:59.999Z")).toBeUndefined()
    expect(inForce("2026-01-01T00:00:00.000Z")).toBe("old")
    expect(inForce("2026-02-28T23:59:59.999Z")).toBe("old")
    // Of two books of one instant the one published later holds.
    expect(inForce("2026-03-01T00:00:00.000Z")).toBe("new")
  })

  it("R6.2 a model the book does not know is refused by name", () => {
    const refusal = costOfCall(bookOf({}), callOf(tokensOf(), { model: "other" }))
    expect(refusal).toEqual({ code: "model_unknown", detail: "price book b1 has no price for other" })
  })
})

describe("the quote of a call", () => {
  it("R6.1 is never below the cost of a call that keeps to its estimate", () => {
    const tier = rates.map((r) => ({ aboveInputTokens: 3_000, ...r }))
    const hours = rates.map((r) => ({ from: "08:00:00", to: "20:00:00", ...r }))
    fc.assert(
      fc.property(rates, tier, hours, parts, fc.nat(86_399_999), fc.nat(9_000), (r, t, h, n, at, slack) => {
        const isInclusive = slack % 2 === 0
        const book = bookOf({ ...r, longContext: [t], hours: [h], perImage: "0.1", perRequest: "0.2" })
        const cached = n.cacheRead + n.cacheWrite5m + n.cacheWrite1h
        const tokens = tokensOf({
          convention: isInclusive ? "inclusive" : "additive",
          input: n.plain + (isInclusive ? cached : 0),
          output: n.text + n.reasoning,
          cacheRead: n.cacheRead,
          cacheWrite5m: n.cacheWrite5m,
          cacheWrite1h: n.cacheWrite1h,
          reasoning: n.reasoning,
        })
        const { images, requests } = n
        const quote = quoteMaximum(book, "m", {
          inputTokens: n.plain + cached + slack,
          maxOutputTokens: n.text + n.reasoning + slack,
          images,
          requests,
        })
        fc.pre(!("code" in quote))
        expect(quote.amount).toBeGreaterThanOrEqual(cost(book, callOf(tokens, { at, images, requests })))
      }),
      { numRuns: 1_000 },
    )
  })

  it("R6.1 is the cost itself for a model with one price a side", () => {
    const book = bookOf({ input: "1.25", output: "10", cacheRead: "0.125" })
    expect(quoteMaximum(book, "m", { inputTokens: 1_000, maxOutputTokens: 100 })).toMatchObject({ amount: 2_250_000n })
  })

  it("R6.2 a model that is not offered any more has no quote, yet a call that happened is priced", () => {
    const book = bookOf({ enabled: false, input: "1" })
    expect(quoteMaximum(book, "m", { inputTokens: 1, maxOutputTokens: 1 })).toMatchObject({ code: "model_unknown" })
    expect(cost(book, callOf(tokensOf({ input: 1 })))).toBe(1_000n)
  })
})
