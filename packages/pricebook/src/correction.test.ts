/** Goal: a correction is dearer for no call (R7.4). Method: against the cost of drawn calls under drawn books. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { costOfCall, dearerThan, readPriceBook, type ModelPriceData, type PriceBook } from "./index.ts"

const bookOf = (version: string, ...models: ReadonlyArray<Partial<ModelPriceData>>): PriceBook => {
  const whole = models.map((model) => ({ id: "m", provider: "p", enabled: true, input: "2", output: "8", ...model }))
  const checked = readPriceBook({ version, effectiveAt: "2026-01-01T00:00:00.000Z", source: "test", models: whole })
  if ("invalid" in checked) throw new Error(JSON.stringify(checked.invalid))
  return checked.ok
}
const found = (corrected: Partial<ModelPriceData>, wrong: Partial<ModelPriceData>) =>
  dearerThan(bookOf("b2", corrected), bookOf("b1", wrong)).map(({ code, detail }) => `${code} ${detail}`)

const hour = fc.constantFrom("00:00:00", "06:00:00", "12:00:00", "18:00:00")
/** Models whose prices are drawn from a few: corrected ones lie below wrong ones often, and not always. */
const modelOf = (...prices: ReadonlyArray<string>) => {
  const price = fc.constantFrom(...prices)
  const rates = { input: price, output: price, cacheRead: price, reasoning: price }
  const tier = (above: number) => fc.record({ ...rates, aboveInputTokens: fc.constant(above) })
  const tiers = fc
    .uniqueArray(fc.constantFrom(100, 200, 300), { maxLength: 2 })
    .chain((starts) => fc.tuple(...starts.toSorted((a, b) => a - b).map(tier)))
  const hours = fc.record({ ...rates, from: hour, to: hour, longContext: tiers }).filter(({ from, to }) => from !== to)
  const perRequest = fc.constantFrom("0", "0.001")
  return fc.record({ ...rates, longContext: tiers, hours: fc.array(hours, { maxLength: 2 }), perRequest })
}
const count = fc.constantFrom(0, 1, 50, 101, 150, 301)
const call = fc.record({ at: fc.nat(23), input: count, cacheRead: count, output: count, reasoning: fc.nat(1) })

describe("a correction", () => {
  it("R7.4 that nothing stands against costs no call more than the book it corrects", () => {
    let accepted = 0
    fc.assert(
      fc.property(
        modelOf("0", "1", "1", "2"),
        modelOf("1", "2", "3", "3"),
        fc.array(call, { minLength: 20, maxLength: 20 }),
        (corrected, wrong, calls) => {
          const [book, before] = [bookOf("b2", corrected), bookOf("b1", wrong)]
          if (dearerThan(book, before).length > 0) return
          accepted += 1
          for (const { at, input, cacheRead, output, reasoning } of calls) {
            const convention = "additive" as const
            const tokens = { convention, input, output: output + reasoning, reasoning }
            const whole = { ...tokens, cacheRead, cacheWrite5m: 0, cacheWrite1h: 0 }
            const of = { model: "m", at: at * 3_600_000, tokens: whole, images: 0, requests: 1, status: "ok" as const }
            const [now, then] = [costOfCall(book, of), costOfCall(before, of)]
            assert.isTrue("cost" in now && "cost" in then && now.cost <= then.cost)
          }
        },
      ),
      { numRuns: 1_500 },
    )
    assert.isAbove(accepted, 50)
  })

  it("R7.4 names what is dearer: a rate, a tier, an hour, a piece, and a model that is missing", () => {
    const tier = (input: string) => [{ aboveInputTokens: 200, input, output: "8" }]
    const night = (input: string) => [{ from: "22:00:00", to: "04:00:00", input, output: "8" }]
    assert.deepEqual(found({ input: "1.5" }, {}), [])
    assert.match(found({ output: "8.000001" }, {})[0]!, /^price_higher m: output is higher than in b1/)
    assert.match(found({}, { longContext: tier("1") })[0]!, /input above 200 input tokens/)
    assert.deepEqual(found({ longContext: tier("2") }, { longContext: tier("3") }), [])
    assert.match(found({}, { hours: night("1") })[0]!, /m: input is higher/)
    assert.match(found({ perImage: "0.1" }, {})[0]!, /perImage/)
    assert.match(found({ id: "n" }, { id: "m", aliases: ["n"] })[0]!, /^model_missing m has a price in b1/)
  })
})
