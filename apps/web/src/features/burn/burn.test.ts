/**
 * Goal: the burn chart says what the wallet says. Method: wallets and usage made up, looked at as points; a property
 * holds the shape together for any usage.
 */
import type { UsageRow, Wallet } from "@credits/contracts/http"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { burnOf } from "./burn.ts"

const DAY_MS = 86_400_000
const START = Date.parse("2026-11-03T10:00:00.000Z")
const iso = (at: number) => new Date(at).toISOString()

const walletAt = (days: number, remainingUsd: string): Wallet => ({
  accountId: "acc_1",
  plan: "plus",
  availableUsd: remainingUsd,
  balanceUsd: remainingUsd,
  heldUsd: "0.00",
  debtUsd: "0.00",
  frozenUsd: "0.00",
  lots: [
    {
      id: "lot_1",
      kind: "plan",
      grantedUsd: "20.00",
      remainingUsd,
      grantedAt: iso(START),
      expiresAt: iso(START + 30 * DAY_MS),
    },
  ],
  cycle: { start: iso(START), end: iso(START + 30 * DAY_MS), grantedUsd: "20.00", spentUsd: "0.00" },
  autoTopUp: null,
  asOf: iso(START + days * DAY_MS),
  seq: 1,
})

const usageOn = (day: number, costUsd: string): UsageRow => ({
  model: "gpt-4o",
  day: iso(START + day * DAY_MS).slice(0, 10),
  calls: 1,
  inputTokens: 1,
  outputTokens: 1,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  costUsd,
  byokCalls: 0,
  byokInputTokens: 0,
  byokOutputTokens: 0,
})

describe("burn", () => {
  it("starts at the grant, ends at what is left now, and is flat on days without a call", () => {
    const burn = burnOf(walletAt(10, "14.00"), [usageOn(2, "6.00")])!
    expect(burn.points[0]).toEqual({ at: START, left: 20 })
    expect(burn.points.at(-1)).toEqual({ at: START + 10 * DAY_MS, left: 14 })
    expect(burn.points.filter(({ left }) => left === 20).at(-1)!.at).toBe(Date.parse("2026-11-05T00:00:00.000Z"))
  })

  it("projects to the reset when the credit lasts, and to zero when it does not", () => {
    const slow = burnOf(walletAt(10, "18.00"), [usageOn(1, "2.00")])!
    expect(slow.projection?.[1]).toEqual({ at: slow.end, left: expect.closeTo(14, 6) as number })
    const fast = burnOf(walletAt(10, "5.00"), [usageOn(1, "15.00")])!
    expect(fast.projection?.[1].left).toBe(0)
    expect(fast.projection?.[1].at).toBeCloseTo(START + (10 + 10 / 3) * DAY_MS, -3)
  })

  it("has no projection in a cycle's first hours, nor when nothing is left", () => {
    expect(burnOf(walletAt(0.1, "19.00"), [])!.projection).toBeNull()
    expect(burnOf(walletAt(10, "0.00"), [])!.projection).toBeNull()
  })

  it("is nothing without a cycle or a plan's lot", () => {
    expect(burnOf({ ...walletAt(1, "20.00"), cycle: null }, [])).toBeNull()
    expect(burnOf({ ...walletAt(1, "20.00"), lots: [] }, [])).toBeNull()
  })

  it("never rises, never leaves the chart, and runs forward in time, whatever was used", () => {
    const uses = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 500 })), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(uses, fc.integer({ min: 0, max: 2000 }), (days, leftCents) => {
        const usage = days.map(([day, cents]) => usageOn(day, (cents / 100).toFixed(2)))
        const { points, granted, start, now } = burnOf(walletAt(20, (leftCents / 100).toFixed(2)), usage)!
        for (const { at, left } of points) {
          expect(left >= 0 && left <= granted).toBe(true)
          expect(at >= start && at <= now).toBe(true)
        }
        expect(points).toEqual(points.toSorted((a, b) => a.at - b.at))
        expect(points.map(({ left }) => left)).toEqual(points.map(({ left }) => left).toSorted((a, b) => b - a))
      }),
    )
  })
})
