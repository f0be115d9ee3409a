import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, walletOf } from "./edge.fixture.ts"

let edge: EdgeUnderTest
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())
beforeEach(() => {
  edge.answer = () => null
})

describe("the wallet", () => {
  it("answers the ledger's numbers as USD strings and ISO instants", async () => {
    const { accountId, accessToken } = await edge.signIn()
    edge.answer = (request) =>
      request.op === "wallet" ? { ok: walletOf(request.account, { held: "1", available: "19999999999" }) } : null
    const response = await edge.fetch("/api/v1/wallet", { token: accessToken })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      accountId,
      plan: "plus",
      availableUsd: "19.999999999",
      balanceUsd: "20.00",
      heldUsd: "0.000000001",
      debtUsd: "0.00",
      frozenUsd: "0.00",
      lots: [
        {
          id: "lot_1",
          kind: "plan",
          grantedUsd: "20.00",
          remainingUsd: "20.00",
          grantedAt: "2026-01-01T00:00:00.000Z",
          expiresAt: "2026-02-01T00:00:00.000Z",
        },
      ],
      cycle: {
        start: "2026-01-01T00:00:00.000Z",
        end: "2026-02-01T00:00:00.000Z",
        grantedUsd: "20.00",
        spentUsd: "0.00",
      },
      autoTopUp: null,
      asOf: "2026-01-02T00:00:00.000Z",
      seq: 1,
    })
  })
})
