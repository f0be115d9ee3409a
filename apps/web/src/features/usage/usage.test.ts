/** Goal: usage on the page adds up to what the API said, to the nano-USD, whatever was called. Method: properties. */
import type { UsageRow } from "@credits/contracts/http"
import { formatUsd } from "@credits/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { nanoOf } from "../../format/money.ts"
import { barsOf, linesOf, OTHERS } from "./usage.ts"

const row = (model: string, day: string, costNano: bigint, byokCalls = 0): UsageRow => ({
  model,
  day,
  calls: costNano > 0n ? 1 : 0,
  inputTokens: 10,
  outputTokens: 5,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  costUsd: formatUsd(costNano),
  byokCalls,
  byokInputTokens: 0,
  byokOutputTokens: 0,
})

const rows = fc.array(
  fc
    .tuple(
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 1, max: 28 }),
      fc.bigInt({ min: 0n, max: 10n ** 12n }),
      fc.nat(3),
    )
    .map(([model, day, cost, byok]) => row(`m${model}`, `2026-11-${String(day).padStart(2, "0")}`, cost, byok)),
  { maxLength: 40 },
)
const costOf = (items: ReadonlyArray<{ readonly costUsd: string }>) =>
  items.reduce((sum, { costUsd }) => sum + nanoOf(costUsd), 0n)

describe("usage", () => {
  it("by model and by day it is the same money, exactly", () => {
    fc.assert(
      fc.property(rows, (items) => {
        expect(costOf(linesOf(items))).toBe(costOf(items))
        const { days } = barsOf(items, "2026-11-01T00:00:00.000Z", "2026-11-30T00:00:00.000Z")
        expect(costOf(days)).toBe(costOf(items))
      }),
    )
  })

  it("has a bar for every day, also those without a call, and at most six series", () => {
    fc.assert(
      fc.property(rows, (items) => {
        const { days, series } = barsOf(items, "2026-11-01T00:00:00.000Z", "2026-11-30T23:00:00.000Z")
        expect(days).toHaveLength(30)
        expect(series.length).toBeLessThanOrEqual(6)
        expect(days.every(({ costs }) => costs.length === series.length)).toBe(true)
      }),
    )
  })

  it("what does not fit among the series is in the last one", () => {
    const items = Array.from({ length: 8 }, (_, index) => row(`m${index}`, "2026-11-01", BigInt(index + 1) * 10n ** 9n))
    const { series, days } = barsOf(items, "2026-11-01T00:00:00.000Z", "2026-11-01T10:00:00.000Z")
    expect(series).toEqual(["m7", "m6", "m5", "m4", "m3", OTHERS])
    expect(days[0]!.costs).toEqual([8, 7, 6, 5, 4, 6])
  })

  it("R8.1 a model only called with an own key is a line at 0.00, and no series", () => {
    const items = [row("m1", "2026-11-01", 0n, 3)]
    expect(linesOf(items)).toEqual([{ model: "m1", calls: 0, byokCalls: 3, tokens: 15, costUsd: "0.00" }])
    expect(barsOf(items, "2026-11-01T00:00:00.000Z", "2026-11-01T10:00:00.000Z").series).toEqual([])
  })
})
