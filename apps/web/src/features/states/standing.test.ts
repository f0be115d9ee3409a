/** Goal: a wallet is called empty only when it is, and low when auto top-up or a fifth of the grant says so. */
import type { Subscription, Wallet } from "@credits/contracts/http"
import { describe, expect, it } from "vitest"
import { standingOf } from "./standing.ts"

const wallet = (availableUsd: string, change: Partial<Wallet> = {}): Wallet => ({
  accountId: "acc_1",
  plan: "plus",
  availableUsd,
  balanceUsd: availableUsd,
  heldUsd: "0.00",
  debtUsd: "0.00",
  frozenUsd: "0.00",
  lots: [
    {
      id: "lot_1",
      kind: "plan",
      grantedUsd: "20.00",
      remainingUsd: availableUsd,
      grantedAt: "2026-11-01T00:00:00.000Z",
      expiresAt: "2026-12-01T00:00:00.000Z",
    },
  ],
  cycle: null,
  autoTopUp: null,
  asOf: "2026-11-02T00:00:00.000Z",
  seq: 1,
  ...change,
})
const on = (status: Subscription["status"]) => ({ status }) as Subscription

describe("how a wallet stands", () => {
  it("R1.8 Free is Free, whatever is frozen in it", () => {
    expect(standingOf(wallet("0.00", { frozenUsd: "10.00" }), on("free"))).toBe("free")
  })

  it("is empty at exactly nothing, and not at the smallest amount there is", () => {
    expect(standingOf(wallet("0.00"), on("active"))).toBe("zero")
    expect(standingOf(wallet("0.000000001"), on("active"))).toBe("low")
  })

  it("is not empty while all of it is held for calls that run", () => {
    expect(standingOf(wallet("0.00", { heldUsd: "3.00" }), on("active"))).toBe("low")
  })

  it("R11 is low below a fifth of the cycle's grant", () => {
    expect(standingOf(wallet("3.99"), on("active"))).toBe("low")
    expect(standingOf(wallet("4.00"), on("active"))).toBe("fine")
  })
})
