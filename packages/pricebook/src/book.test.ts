/** Reading price books: what is refused, and that the refusal names the field (R7.1). */
import { describe, expect, it } from "vitest"
import { defaultPriceBooks, defaultPriceBooksData } from "./defaults.ts"
import { formatPerMillion, parsePerMillion, parsePerPiece, readPriceBook } from "./index.ts"

const model = { id: "m", provider: "p", enabled: true, input: "1", output: "2" }
const book = { version: "v1", effectiveAt: "2026-01-01T00:00:00.000Z", source: "test", models: [model] }
const refusals = (data: unknown): ReadonlyArray<string> => {
  const checked = readPriceBook(data)
  return "ok" in checked ? [] : checked.invalid.map((one) => `${one.code} ${one.field}`)
}
const withModel = (change: object): unknown => ({ ...book, models: [{ ...model, ...change }] })

describe("a price book", () => {
  it("R7.1 prices are texts of at most six decimals per million: more digits are refused, not rounded", () => {
    expect(["2.5", "0.003625", "0", "100000"].map(parsePerMillion)).toEqual([2_500_000, 3_625, 0, 100_000_000_000])
    const bad = ["0.0000001", "1e3", "-1", "+1", ".5", "1.", "", " 1", "1,5", "NaN", "100000.1", "9999999", 1, null]
    expect(bad.map(parsePerMillion)).toEqual(bad.map(() => null))
    expect(["0.04", "0.000000000001", "1000", "1000.1", "0.0000000000001"].map(parsePerPiece)).toEqual([
      40_000_000_000,
      1,
      1_000_000_000_000_000,
      null,
      null,
    ])
    expect([2_500_000, 3_625, 0, 1].map(formatPerMillion)).toEqual(["2.5", "0.003625", "0", "0.000001"])
  })

  it("R7.1 a refusal names the field that is wrong", () => {
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [null, "invalid_field "],
      [{ ...book, more: 1 }, "unknown_field more"],
      [{ ...book, version: "current" }, "invalid_field version"],
      [{ ...book, version: "a b" }, "invalid_field version"],
      [{ ...book, effectiveAt: "yesterday" }, "invalid_field effectiveAt"],
      [{ ...book, models: [] }, "no_models models"],
      [{ ...book, models: {} }, "invalid_field models"],
      [{ ...book, models: [model, model] }, "model_repeats models[1].id"],
      [{ ...book, models: [model, { ...model, id: "n", aliases: ["m"] }] }, "model_repeats models[1].id"],
      [withModel({ input: 1 }), "invalid_price models[0].input"],
      [withModel({ output: "-2" }), "invalid_price models[0].output"],
      [withModel({ cacheRead: "0.0000001" }), "invalid_price models[0].cacheRead"],
      [withModel({ perImage: "x" }), "invalid_price models[0].perImage"],
      [withModel({ surprise: 1 }), "unknown_field models[0].surprise"],
      [withModel({ enabled: "yes" }), "invalid_field models[0].enabled"],
      [withModel({ id: "a|b" }), "invalid_field models[0].id"],
      [
        withModel({ longContext: [{ aboveInputTokens: 0, input: "1", output: "1" }] }),
        "invalid_field models[0].longContext[0].aboveInputTokens",
      ],
      [
        withModel({ hours: [{ from: "24:00:00", to: "01:00:00", input: "1", output: "1" }] }),
        "invalid_field models[0].hours[0].from",
      ],
    ]
    for (const [data, expected] of cases) expect(refusals(data)).toContain(expected)
    expect(refusals(book)).toEqual([])
  })

  it("R7.1 tiers must be listed by growing threshold", () => {
    const tier = (aboveInputTokens: number) => ({ aboveInputTokens, input: "1", output: "1" })
    expect(refusals(withModel({ longContext: [tier(10), tier(10)] }))).toEqual([
      "tiers_not_ascending models[0].longContext[1].aboveInputTokens",
    ])
  })

  it("R7.1 a model is found by its aliases", () => {
    const checked = readPriceBook(withModel({ aliases: ["m-2026-01-01"] }))
    if ("invalid" in checked) throw new Error("refused")
    expect(checked.ok.models.get("m-2026-01-01")).toBe(checked.ok.models.get("m"))
  })

  it("R7.1 the shipped books are valid, ordered and cover the seven providers from 2000 on", () => {
    const books = defaultPriceBooks()
    expect(books[0]!.effectiveAt).toBe(Date.parse("2000-01-01T00:00:00.000Z"))
    expect(books.map((one) => one.effectiveAt)).toEqual(books.map((one) => one.effectiveAt).toSorted((a, b) => a - b))
    for (const { models } of defaultPriceBooksData) {
      const providers = new Set(models.map((one) => one.provider))
      expect([...providers].toSorted()).toEqual(
        ["anthropic", "deepseek", "google", "moonshotai", "openai", "x-ai", "zhipuai"].toSorted(),
      )
    }
  })
})
