import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { firstCover, isBeyond, isNear, nextStep, STEP_TOKENS, tokensFor } from "./cover.ts"

const counts = fc.integer({ min: 1, max: 200_000 })
/** Input and a price a token, both whole nano-USD. */
const prices = fc.tuple(fc.bigInt({ min: 0n, max: 10_000_000n }), fc.bigInt({ min: 0n, max: 50_000n }))

describe("what a hold covers", () => {
  it("R6.2 R6.4 an amount pays for as many tokens as it covers, and not for one more", () => {
    fc.assert(
      fc.property(counts, prices, fc.bigInt({ min: 0n, max: 20_000_000_000n }), (wanted, [input, each], amount) => {
        const costOf = (tokens: number) => input + each * BigInt(tokens)
        const tokens = tokensFor(amount, wanted, costOf)
        expect(tokens).toBeLessThanOrEqual(wanted)
        expect(tokens === 0 || costOf(tokens) <= amount).toBe(true)
        expect(tokens === wanted || costOf(tokens + 1) > amount).toBe(true)
      }),
    )
  })

  it("R6.2 steps add up to the cost of the whole answer, each asked for before the last is used up", () => {
    fc.assert(
      fc.property(counts, prices, (tokensMax, [input, each]) => {
        const costOf = (tokens: number) => input + each * BigInt(tokens)
        let cover = { tokens: firstCover(tokensMax, false).tokens, tokensMax }
        let held = costOf(cover.tokens)
        while (cover.tokens < tokensMax) {
          expect(isNear(cover.tokens, cover)).toBe(true)
          expect(isBeyond(cover.tokens, cover)).toBe(false)
          expect(isBeyond(cover.tokens + 1, cover)).toBe(true)
          const step = nextStep(cover, costOf)
          held += step.amount
          cover = { ...cover, tokens: step.tokens }
        }
        expect(held).toBe(costOf(tokensMax))
        expect([isNear(tokensMax, cover), isBeyond(tokensMax + 1, cover)]).toEqual([false, false])
      }),
    )
  })

  it("a stream begins with one step, a whole answer with all of it", () => {
    expect(firstCover(9_000, false)).toEqual({ tokens: STEP_TOKENS, least: 32 })
    expect(firstCover(9_000, true)).toEqual({ tokens: 9_000, least: 32 })
    expect(firstCover(10, false)).toEqual({ tokens: 10, least: 10 })
  })
})
