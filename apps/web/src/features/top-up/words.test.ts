/** Goal: auto top-up says what it does, in every state it can be in (R9). */
import type { AutoTopUp } from "@credits/contracts/http"
import { describe, expect, it } from "vitest"
import { wordsOf } from "./words.ts"

const topUp = (state: AutoTopUp["state"], change: Partial<AutoTopUp> = {}): AutoTopUp => ({
  enabled: state !== "off",
  monthlyCapUsd: "50.00",
  spentThisMonthUsd: "20.00",
  pendingUsd: "0.00",
  remainingUsd: "30.00",
  monthKey: "2026-11",
  monthZone: "UTC",
  thresholdUsd: "5.00",
  amountUsd: "10.00",
  state,
  lastFailureReason: null,
  consentedAt: "2026-11-01T00:00:00.000Z",
  ...change,
})

describe("the words of auto top-up", () => {
  it("R9.2 R9.3 ready: names the threshold, the amount, and what the month's cap leaves", () => {
    expect(wordsOf(topUp("ready")).sentence).toBe(
      "$10 are charged when your balance falls below $5, at most $30.00 more this month.",
    )
  })

  it("R9.5 being confirmed: what is open counts toward the cap, and nobody is asked to try again", () => {
    const { sentence } = wordsOf(topUp("being_confirmed", { pendingUsd: "10.00" }))
    expect(sentence).toContain("$10.00")
    expect(sentence).toContain("counts toward the cap")
    expect(sentence).not.toMatch(/try again/i)
  })

  it("R9.6 waiting and suspended say why", () => {
    for (const state of ["waiting", "suspended"] as const) {
      expect(wordsOf(topUp(state, { lastFailureReason: "The card was declined." })).sentence).toMatch(/was declined\.$/)
    }
  })

  it("every state has a word and a sentence of its own", () => {
    const states = [
      "off",
      "ready",
      "charging",
      "being_confirmed",
      "waiting",
      "cap_reached",
      "paused",
      "suspended",
    ] as const
    const words = states.map((state) => wordsOf(topUp(state)))
    expect(new Set(words.map(({ badge }) => badge)).size).toBe(states.length)
    expect(new Set(words.map(({ sentence }) => sentence)).size).toBe(states.length)
  })
})
