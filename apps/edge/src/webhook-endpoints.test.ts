import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, until } from "./edge.fixture.ts"

let edge: EdgeUnderTest
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())
beforeEach(() => edge.paying.reset())

const SIGNATURE = "t=1,v1=00ff"
const send = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  edge.fetch("/api/v1/webhooks/stripe", {
    method: "POST",
    body,
    headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": SIGNATURE, ...headers },
  })

describe("POST /api/v1/webhooks/stripe", () => {
  it("passes the bytes on as they came: a signature is over bytes", async () => {
    const body = '{ "id":"evt_1",\n\t"text" : "Zoë \\u00e9" ,"amount":1.0}\n'
    const response = await send(body)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ received: true })
    const [request] = edge.paying.asked.payments
    expect(request).toMatchObject({ op: "webhook", signature: SIGNATURE })
    expect(Buffer.from((request as { body: string }).body, "base64").toString()).toBe(body)
  })

  it("what is not JSON is payments' to refuse: nobody here looks inside", async () => {
    edge.paying.payments = () => ({ refused: { code: "signature_invalid", detail: "not signed by the processor" } })
    const response = await send("not JSON")
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: "signature_invalid" })
  })

  it("without a signature it is 400 and asks nobody", async () => {
    const response = await edge.fetch("/api/v1/webhooks/stripe", { method: "POST", json: { id: "evt_1" } })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: "signature_invalid" })
    expect(edge.paying.asked.payments).toEqual([])
  })

  it("takes 256 kB and no more", async () => {
    const limit = 256 * 1024
    expect((await send(JSON.stringify("x".repeat(limit - 2)))).status).toBe(200)
    const response = await send(JSON.stringify("x".repeat(limit - 1)))
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ code: "body_too_large", limitBytes: limit })
  })

  it("is 503 while payments does not answer, so that the processor sends it again", async () => {
    edge.paying.payments = () => ({ refused: { code: "unavailable", detail: "down" } })
    const response = await send("{}")
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("1")
  })

  it("decision 16: goes through while the clock is being advanced, everything else waits", async () => {
    const now = Date.now()
    // Enough steps for other calls to fall into the advance.
    edge.owners.ledger.due = Array.from({ length: 300 }, (_, i) => now + 60_000 + i)
    const advance = edge.fetch("/api/v1/dev/clock/advance", { method: "POST", json: { by: "PT1H" } })
    const { accessToken: token } = await edge.signIn()
    await until(async () => (await edge.fetch("/api/v1/wallet", { token })).status === 503)
    expect((await send("{}")).status).toBe(200)
    expect(await (await advance).json()).toMatchObject({ ran: 300 })
  })
})
