import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"
import { startStubProcessor, type StubProcessor } from "./processor.fixture.ts"

let edge: EdgeUnderTest
let processor: StubProcessor
let account = ""
let token = ""
beforeAll(async () => {
  processor = await startStubProcessor()
  edge = await startEdge({ processorUrl: new URL(processor.url) })
  ;({ accountId: account, accessToken: token } = await edge.signIn())
})
afterAll(async () => {
  await edge.stop()
  await processor.close()
})
beforeEach(() => edge.paying.reset())

const LINE = {
  id: "ch_1",
  customer: "cus_1",
  accountId: "acc_1",
  chargeId: "chg_1",
  obligation: "first:sub_1",
  amountCents: 1600,
  refundedCents: 1600,
  currency: "usd",
  status: "refunded",
  at: "2026-01-02T00:00:00.000Z",
}

describe("GET /__sandbox/charges", () => {
  it("shows the processor's own book in USD", async () => {
    processor.book = [LINE]
    const response = await edge.fetch("/__sandbox/charges")
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      items: [
        {
          id: "ch_1",
          chargeId: "chg_1",
          accountId: "acc_1",
          obligation: "first:sub_1",
          amountUsd: "16.00",
          refundedUsd: "16.00",
          status: "refunded",
          at: "2026-01-02T00:00:00.000Z",
        },
      ],
    })
  })

  it("with a customer's credential, also the cookie, shows that account only", async () => {
    processor.book = [LINE, { ...LINE, id: "ch_2", accountId: account }]
    for (const headers of [{ authorization: `Bearer ${token}` }, { cookie: `credits_session=${token}` }]) {
      const { items } = (await (await edge.fetch("/__sandbox/charges", { headers })).json()) as {
        items: ReadonlyArray<{ id: string }>
      }
      expect(items.map(({ id }) => id)).toEqual(["ch_2"])
    }
  })

  it("a book of another shape is 503, not a made-up book", async () => {
    processor.book = [{ id: "ch_1" }]
    expect((await edge.fetch("/__sandbox/charges")).status).toBe(503)
  })
})

describe("POST /__sandbox/authenticate/{chargeId}", () => {
  const authenticate = (id: string, json: unknown = {}) =>
    edge.fetch(`/__sandbox/authenticate/${id}`, { method: "POST", token, json })

  it("passes the bank's check of an own charge; the outcome may be a failure", async () => {
    processor.waiting = { chg_1: "succeeded", chg_2: "requires_payment_method" }
    expect(await (await authenticate("chg_1")).json()).toEqual({ chargeId: "chg_1", status: "succeeded" })
    expect(await (await authenticate("chg_2", { outcome: "failed" })).json()).toEqual({
      chargeId: "chg_2",
      status: "declined",
    })
    expect(processor.authenticated).toEqual([{ outcome: "succeeded" }, { outcome: "failed" }])
    expect(edge.paying.asked.payments).toMatchObject([
      { op: "charge-show", chargeId: "chg_1", account },
      { op: "charge-show", chargeId: "chg_2", account },
    ])
  })

  it("takes no body as well", async () => {
    const response = await edge.fetch("/__sandbox/authenticate/chg_1", { method: "POST" })
    expect(response.status).toBe(200)
  })

  it("is 404 for another account's charge, one that waits for nothing, and what is no charge", async () => {
    edge.paying.payments = () => ({ refused: { code: "not_found", detail: "none" } })
    expect((await authenticate("chg_1")).status).toBe(404)
    edge.paying.reset()
    expect((await authenticate("chg_9")).status).toBe(404)
    expect((await authenticate("pi_1")).status).toBe(404)
    expect((await authenticate("..%2Fcharges")).status).toBe(404)
  })
})

describe("without a sandbox processor", () => {
  it("both are 503", async () => {
    const other = await startEdge()
    expect((await other.fetch("/__sandbox/charges")).status).toBe(503)
    expect((await other.fetch("/__sandbox/authenticate/chg_1", { method: "POST" })).status).toBe(503)
    await other.stop()
  })

  it("in production neither is there", async () => {
    const other = await startEdge({ mode: "production", processorUrl: new URL(processor.url) })
    expect((await other.fetch("/__sandbox/charges")).status).toBe(404)
    await other.stop()
  })
})
