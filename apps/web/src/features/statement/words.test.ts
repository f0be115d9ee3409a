/** Goal: a line of the statement reads as people speak, and hides nothing that moved credit. */
import type { Entry } from "@credits/contracts/http"
import { describe, expect, it } from "vitest"
import { isStep, KINDS, titleOf, usageText } from "./words.ts"

const entry = (kind: Entry["kind"], description: string, change: Partial<Entry> = {}): Entry => ({
  seq: 1,
  at: "2026-11-02T00:00:00.000Z",
  kind,
  amountUsd: "0.00",
  availableAfterUsd: "1.00",
  description,
  lots: [],
  usage: null,
  cause: "cause",
  ...change,
})
const usage = {
  model: "gpt-4o",
  mode: "hosted",
  provider: "openai",
  inputTokens: 1000,
  outputTokens: 200,
  cacheReadTokens: 500,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  reasoningTokens: 100,
  images: 0,
  requests: 0,
  status: "cancelled",
  requestId: "r1",
  bookVersion: "1",
} as const

describe("the words of a statement line", () => {
  it("a call is its model; its tokens are whole prompts and whole answers, each counted once", () => {
    const line = entry("charged", "Used gpt-4o", { usage })
    expect(titleOf(line)).toBe("gpt-4o")
    expect(usageText(line)).toBe("1,500 in · 300 out · 500 from cache · cancelled")
  })

  it("grants and resets are in the words of the page", () => {
    expect(titleOf(entry("granted", "plan credit granted"))).toBe("Plan credits added")
    expect(titleOf(entry("granted", "topup credit granted: auto top-up of 10.00 USD"))).toBe("Top-up credits added")
    expect(titleOf(entry("granted", "promo credit granted: welcome"))).toBe("promo credit granted: welcome")
    expect(titleOf(entry("lot_expired", "Credit expired"))).toBe("Unused credits reset")
  })

  it("only what moves no credit is folded away, and nothing that can be filtered for but holds", () => {
    const moving = KINDS.map(([kind]) => kind).filter((kind) => kind !== "held")
    expect(moving.some((kind) => isStep(entry(kind, "x")))).toBe(false)
    expect(isStep(entry("held", "Held 1.00 USD for a call"))).toBe(true)
    expect(isStep(entry("froze", "Frozen"))).toBe(false)
  })
})
