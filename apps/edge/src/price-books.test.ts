import { kvPut } from "@credits/bus"
import { BUCKETS, CURRENT_KEY } from "@credits/contracts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bookData, type EdgeUnderTest, startEdge, TEST_MODEL, until } from "./edge.fixture.ts"

let edge: EdgeUnderTest
let key = ""
beforeAll(async () => {
  edge = await startEdge()
  key = await edge.gatewayKey()
})
afterAll(() => edge.stop())

/** The amount that an authorization of a million input tokens asks the ledger for, in nano-USD. */
const quoted = async (requestId: string): Promise<string> => {
  await edge.fetch("/api/v1/gateway/authorizations", {
    method: "POST",
    token: key,
    json: {
      accountId: "acc_1",
      requestId,
      model: TEST_MODEL,
      estimate: { inputTokens: 1_000_000, maxOutputTokens: 0 },
    },
  })
  const request = edge.asked.at(-1)
  return request?.op === "authorize" ? request.amount : ""
}

const publish = async (versions: ReadonlyArray<{ version: string; effectiveAt: number; input: string }>) => {
  for (const { version, effectiveAt, input } of versions) {
    const data = {
      ...bookData,
      version,
      effectiveAt: new Date(effectiveAt).toISOString(),
      models: bookData.models.map((model) => ({ ...model, input })),
    }
    await kvPut(edge.bus, BUCKETS.priceBooks, version, JSON.stringify(data))
  }
  const first = { version: bookData.version, effectiveAt: 946_684_800_000 }
  const list = [first, ...versions.map(({ version, effectiveAt }) => ({ version, effectiveAt }))]
  await kvPut(edge.bus, BUCKETS.priceBooks, CURRENT_KEY, JSON.stringify({ v: 1, versions: list }))
}

describe("R7.1 the price book in force", () => {
  it("a published book is quoted from at its effective instant, however many come after it", async () => {
    expect(await quoted("a")).toBe("3000000000")
    const now = Date.now()
    const later = Array.from({ length: 6 }, (_, i) => ({
      version: `later-${i}`,
      effectiveAt: now + (i + 1) * 3_600_000,
      input: String(10 + i),
    }))
    await publish([{ version: "now", effectiveAt: now - 1_000, input: "4" }, ...later])
    let n = 0
    await until(async () => (await quoted(`b${n++}`)) === "4000000000")
    await edge.fetch("/api/v1/dev/clock/advance", { method: "POST", json: { by: "PT1H1M" } })
    expect(await quoted("c")).toBe("10000000000")
  })

  it("R6.6 a repeat under a new book asks for the amount of its first try", async () => {
    const before = edge.asked.length
    const first = await quoted("same")
    const now = Date.parse(((await (await edge.fetch("/api/v1/dev/clock")).json()) as { now: string }).now)
    await publish([{ version: "dearer", effectiveAt: now - 1_000, input: "99" }])
    let n = 0
    await until(async () => (await quoted(`d${n++}`)) === "99000000000")
    expect(await quoted("same")).toBe(first)
    expect(edge.asked.length).toBeGreaterThan(before)
  })

  it("a list or a book that cannot be read changes nothing", async () => {
    const first = await quoted("e")
    await kvPut(edge.bus, BUCKETS.priceBooks, "broken", "{}")
    const broken = { v: 1, versions: [{ version: "broken", effectiveAt: 0 }] }
    await kvPut(edge.bus, BUCKETS.priceBooks, CURRENT_KEY, JSON.stringify(broken))
    await kvPut(edge.bus, BUCKETS.priceBooks, CURRENT_KEY, "no JSON")
    expect(await quoted("f")).toBe(first)
  })

  it("a book whose first read fails is read again, without another list being published", async () => {
    const now = Date.parse(((await (await edge.fetch("/api/v1/dev/clock")).json()) as { now: string }).now)
    await kvPut(edge.bus, BUCKETS.priceBooks, "late", "{}")
    const versions = [{ version: "late", effectiveAt: now - 500 }]
    await kvPut(edge.bus, BUCKETS.priceBooks, CURRENT_KEY, JSON.stringify({ v: 1, versions }))
    // Time for the edge to have looked; on a slower one this proves less and still holds.
    for (let i = 0; i < 20; i++) await quoted(`before-${i}`)
    const data = { ...bookData, version: "late", effectiveAt: new Date(now - 500).toISOString() }
    const models = bookData.models.map((model) => ({ ...model, input: "7" }))
    await kvPut(edge.bus, BUCKETS.priceBooks, "late", JSON.stringify({ ...data, models }))
    let n = 0
    await until(async () => (await quoted(`g${n++}`)) === "7000000000")
  })
})
