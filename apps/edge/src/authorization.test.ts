import type { Authorization } from "@credits/contracts/http"
import { readPriceBook } from "@credits/pricebook"
import { describe, expect, it } from "vitest"
import { authorizeCommand } from "./authorization.ts"
import { bookData, TEST_MODEL } from "./edge.fixture.ts"

const checked = readPriceBook(bookData)
if (!("ok" in checked)) throw new Error("the test's book is invalid")
const book = checked.ok

const base: Authorization = { accountId: "acc_1", requestId: "r1", model: TEST_MODEL }
const command = (change: Partial<Authorization>) => authorizeCommand({ ...base, ...change }, book)

describe("R6.1 the amount to hold", () => {
  it("is the most an estimate can cost under the price book", () => {
    // 1000 × 3 + 500 × 15 USD per million = 0.0105 USD.
    expect(command({ estimate: { inputTokens: 1000, maxOutputTokens: 500 } })).toEqual({
      op: "authorize",
      id: "r1",
      account: "acc_1",
      amount: "10500000",
      model: TEST_MODEL,
    })
  })

  it("is the amount given, with atLeast and the hold's life", () => {
    expect(command({ amountUsd: "1.50", atLeastUsd: "0.000000001", ttlSeconds: 60 })).toMatchObject({
      amount: "1500000000",
      atLeast: "1",
      ttl: 60_000,
    })
  })

  it("R6.2 atLeast of more than the amount is the amount", () => {
    expect(command({ amountUsd: "1", atLeastUsd: "2" })).not.toHaveProperty("atLeast")
  })

  it("a call that costs nothing still gets a hold", () => {
    expect(command({ estimate: { inputTokens: 0, maxOutputTokens: 0 } })).toMatchObject({ amount: "1" })
  })

  it("an unknown model has no amount, given or not", () => {
    for (const amount of [{ amountUsd: "1" }, { estimate: { inputTokens: 1, maxOutputTokens: 1 } }]) {
      expect(command({ model: "nobody-knows", ...amount })).toMatchObject({ status: 422, code: "model_unknown" })
    }
  })

  it("decision 13 an estimate that costs more than one authorization may hold is refused", () => {
    const dear = { ...book.models.get(TEST_MODEL)!, id: "dear" }
    const rates = { ...dear.card.base, output: 1_000_000_000 }
    const models = new Map([["dear", { ...dear, card: { base: rates, tiers: [] } }]])
    const estimate = { inputTokens: 0, maxOutputTokens: 100_000_000 }
    expect(authorizeCommand({ ...base, model: "dear", estimate }, { ...book, models })).toMatchObject({
      status: 400,
      field: "estimate",
    })
  })

  it.each([
    ["neither", {}, "estimate"],
    ["both", { amountUsd: "1", estimate: { inputTokens: 1, maxOutputTokens: 1 } }, "amountUsd"],
    ["nothing", { amountUsd: "0" }, "amountUsd"],
    ["more than the cap", { amountUsd: "10000.000000001" }, "amountUsd"],
    ["at least nothing", { amountUsd: "1", atLeastUsd: "0.0" }, "atLeastUsd"],
  ])("%s", (_, change, field) => {
    expect(command(change as Partial<Authorization>)).toMatchObject({ status: 400, field })
  })
})
