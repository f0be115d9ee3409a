/**
 * Imported prices against an independent oracle: the calculation of the library the prices come from. Every imported
 * model, under its id and every alias, is priced by both over generated usages, at instants around every change of
 * price.
 */
import { readFileSync } from "node:fs"
import { calcPrice } from "@pydantic/genai-prices"
import { defaultPriceBooksData } from "@credits/pricebook/defaults"
import { bookAt, costOfCall, readPriceBook, type CallTokens, type PriceBook } from "@credits/pricebook"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bundledBooks, bundledProviders, GENAI_VERSION } from "./genai-source.ts"
import { GENAI_PROVIDERS, importBooks } from "./import-genai.ts"

const { books: data, skipped } = await bundledBooks()
const books: ReadonlyArray<PriceBook> = data.map((one) => {
  const checked = readPriceBook(one)
  if ("invalid" in checked) throw new Error(JSON.stringify(checked.invalid))
  return checked.ok
})

/** Per model; 165 models and 7 providers' aliases make some thousands. */
const USAGES_PER_NAME = 12

const tokenCount = fc.oneof(fc.nat(50), fc.nat(20_000), fc.nat(600_000))
const usages = fc.record({
  plain: tokenCount,
  cacheRead: tokenCount,
  cacheWrite5m: fc.oneof(fc.constant(0), tokenCount),
  cacheWrite1h: fc.oneof(fc.constant(0), tokenCount),
  text: tokenCount,
  reasoning: fc.oneof(fc.constant(0), tokenCount),
  isAdditive: fc.boolean(),
  // Around the books' instants and anywhere between, to the millisecond.
  at: fc.oneof(
    fc.integer({ min: Date.parse("2025-01-01T00:00:00Z"), max: Date.parse("2027-03-01T00:00:00Z") }),
    fc
      .tuple(fc.constantFrom(...books.slice(1).map((book) => book.effectiveAt)), fc.integer({ min: -1, max: 1 }))
      .map(([at, by]) => at + by),
  ),
})
type Usage = typeof usages extends fc.Arbitrary<infer A> ? A : never

const tokensOf = (u: Usage): CallTokens => ({
  convention: u.isAdditive ? "additive" : "inclusive",
  input: u.plain + (u.isAdditive ? 0 : u.cacheRead + u.cacheWrite5m + u.cacheWrite1h),
  output: u.text + u.reasoning,
  cacheRead: u.cacheRead,
  cacheWrite5m: u.cacheWrite5m,
  cacheWrite1h: u.cacheWrite1h,
  reasoning: u.reasoning,
})

/** The library wants inclusive counts; leaves that are 0 may be given, also to models without such a price. */
const oracle = (provider: string, model: string, u: Usage) => {
  const result = calcPrice(
    {
      input_tokens: u.plain + u.cacheRead + u.cacheWrite5m + u.cacheWrite1h,
      output_tokens: u.text + u.reasoning,
      cache_read_tokens: u.cacheRead,
      cache_write_tokens: u.cacheWrite5m + u.cacheWrite1h,
      cache_write_1h_tokens: u.cacheWrite1h,
      output_reasoning_tokens: u.reasoning,
    },
    model,
    { providerId: provider, timestamp: new Date(u.at) },
  )
  if (result === null) throw new Error(`the library has no price for ${provider} ${model}`)
  return result
}

const tally = { compared: 0, tiered: 0, cached: 0, names: 0 }

describe("prices imported from the library's data", () => {
  it("R7.1 R7.2 R7.3 every model costs what the library calculates, within the rounding of one call", () => {
    const last = data.at(-1)!
    for (const model of last.models) {
      for (const name of [model.id, ...(model.aliases ?? [])]) {
        tally.names++
        for (const usage of fc.sample(usages, { numRuns: USAGES_PER_NAME, seed: tally.names })) {
          const ours = costOfCall(bookAt(books, usage.at)!, {
            model: name,
            at: usage.at,
            tokens: tokensOf(usage),
            images: 0,
            requests: 1,
            status: "ok",
          })
          if ("code" in ours) throw new Error(`${name}: ${ours.detail}`)
          const theirs = oracle(model.provider, name, usage)
          const nano = theirs.total_price * 1e9
          // Half a nano-USD is our one rounding; 1e-12 is what sums of doubles may be off, of the amount.
          const allowed = 0.5 + nano * 1e-12
          if (Math.abs(nano - Number(ours.cost)) > allowed) {
            throw new Error(`${name} ${JSON.stringify(usage)}: ours ${ours.cost}, the library ${nano}`)
          }
          expect(theirs.model.id.toLowerCase()).toBe(model.id)
          tally.compared++
          if (Object.values(theirs.model_price).some((price) => typeof price === "object")) tally.tiered++
          if (usage.cacheRead > 0) tally.cached++
        }
      }
    }
    expect(tally.names).toBe(books.at(-1)!.models.size)
    expect(tally.compared).toBe(tally.names * USAGES_PER_NAME)
    expect(tally.compared).toBeGreaterThanOrEqual(1_000)
    expect(tally.tiered).toBeGreaterThanOrEqual(200)
    expect(tally.cached).toBeGreaterThanOrEqual(1_000)
  })

  it("R7.1 long context switches at the same token as in the library", () => {
    let compared = 0
    for (const book of books) {
      for (const [name, model] of book.models) {
        for (const tier of model.card.tiers) {
          for (const input of [tier.aboveInputTokens, tier.aboveInputTokens + 1]) {
            const usage = {
              plain: input - 7,
              cacheRead: 7,
              cacheWrite5m: 0,
              cacheWrite1h: 0,
              text: 1_000,
              reasoning: 0,
            }
            const at = book.effectiveAt
            const tokens = tokensOf({ ...usage, isAdditive: false, at })
            const ours = costOfCall(book, { model: name, at, tokens, images: 0, requests: 1, status: "ok" })
            const theirs = oracle(model.provider, name, { ...usage, isAdditive: false, at })
            expect(Math.abs(Number("cost" in ours ? ours.cost : NaN) - theirs.total_price * 1e9)).toBeLessThan(0.501)
            compared++
          }
        }
      }
    }
    expect(compared).toBeGreaterThanOrEqual(100)
  })

  it("every chat model of the seven providers is imported or named with the reason why not", async () => {
    const providers = await bundledProviders()
    expect(providers.map((provider) => provider.id)).toEqual([...GENAI_PROVIDERS])
    const all = providers.flatMap((provider) =>
      provider.models.map((model) => `${provider.id} ${model.id.toLowerCase()}`),
    )
    const imported = data[0]!.models.map((model) => `${model.provider} ${model.id}`)
    const left = skipped.map(({ provider, model }) => `${provider} ${model.toLowerCase()}`)
    expect([...imported, ...left].toSorted()).toEqual(all.toSorted())
    const reasons = new Set(skipped.map((one) => one.reason.replace(/priced by [^,]+/, "priced by one")))
    expect([...reasons].toSorted()).toEqual([
      "a family of names, not a model",
      "no price for input or output",
      "not a chat model",
      "priced by one, which usage events do not carry",
      "sold by anthropic under the same name",
    ])
    for (const provider of GENAI_PROVIDERS) {
      expect(data[0]!.models.filter((model) => model.provider === provider).length).toBeGreaterThanOrEqual(7)
    }
  })

  it("the shipped books are what the pinned version of the library gives", () => {
    expect(defaultPriceBooksData).toEqual(data)
    const installed = new URL("../node_modules/@pydantic/genai-prices/package.json", import.meta.url)
    expect(JSON.parse(readFileSync(installed, "utf8"))).toMatchObject({ version: GENAI_VERSION })
  })

  it("what a price book cannot say exactly stops the import", async () => {
    const providers = await bundledProviders()
    const withPrices = (prices: object) =>
      providers.map((provider) =>
        provider.id === "x-ai"
          ? { ...provider, models: [{ id: "grok-x", match: { equals: "grok-x" }, prices }] }
          : provider,
      ) as Parameters<typeof importBooks>[0]
    const good = { input_mtok: 1, output_mtok: 2 }
    expect(() => importBooks(withPrices({ ...good, input_mtok: 0.000_000_1 }), "v", "s")).toThrow(/six decimals/)
    expect(() => importBooks(withPrices({ ...good, input_tool_mtok: 1 }), "v", "s")).toThrow(/input_tool_mtok/)
    expect(importBooks(withPrices(good), "v", "s").books[0]!.models.at(-1)).toMatchObject({ id: "grok-x", input: "1" })
  })
})
