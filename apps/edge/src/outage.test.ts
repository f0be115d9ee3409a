import { streamState } from "@credits/bus"
import { STREAMS } from "@credits/contracts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, TEST_MODEL, until, usageEvent } from "./edge.fixture.ts"

describe("while the bus is away", () => {
  let edge: EdgeUnderTest
  let key = ""
  let token = ""
  beforeAll(async () => {
    edge = await startEdge()
    key = await edge.gatewayKey()
    ;({ accessToken: token } = await edge.signIn())
  })
  afterAll(() => edge.stop())

  const body = { accountId: "acc_1", requestId: "r1", model: TEST_MODEL, amountUsd: "1.00" }
  const authorize = () => edge.fetch("/api/v1/gateway/authorizations", { method: "POST", token: key, json: body })
  const usage = () => edge.fetch("/api/v1/gateway/usage", { method: "POST", token: key, json: [usageEvent()] })
  const wallet = () => edge.fetch("/api/v1/wallet", { token })

  it("everything that needs it is 503 with Retry-After in bounded time, and all is well when it is back", async () => {
    await edge.nats.kill()
    const began = performance.now()
    const answers = await Promise.all([authorize(), usage(), wallet(), edge.fetch("/api/v1/plans")])
    expect(performance.now() - began).toBeLessThan(15_000)
    for (const answer of answers) {
      expect(answer.status).toBe(503)
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/)
      expect(await answer.json()).toMatchObject({ code: "unavailable" })
    }
    expect((await edge.fetch("/readyz")).status).toBe(503)
    expect((await edge.fetch("/healthz")).status).toBe(200)
    // Signing in needs only the edge's own database.
    expect((await edge.signIn()).accountId).toMatch(/^acc_/)

    await edge.nats.restart()
    await until(async () => (await edge.fetch("/readyz")).status === 200, 15_000)
    await until(async () => (await usage()).status === 202, 15_000)
    expect([(await authorize()).status, (await wallet()).status]).toEqual([201, 200])
  })
})

describe("a full usage stream (decision 2)", () => {
  let edge: EdgeUnderTest
  beforeAll(async () => {
    edge = await startEdge({}, undefined, { maxBytes: 64 * 1024 })
  })
  afterAll(() => edge.stop())

  it("is back-pressure: 503 overloaded, and nothing of the request is stored", async () => {
    const key = await edge.gatewayKey()
    const send = (from: number) =>
      edge.fetch("/api/v1/gateway/usage", {
        method: "POST",
        token: key,
        json: Array.from({ length: 100 }, (_, i) => usageEvent({ id: `full-${from + i}` })),
      })
    let answer = await send(0)
    for (let from = 100; answer.status === 202 && from < 10_000; from += 100) answer = await send(from)
    expect(answer.status).toBe(503)
    expect(answer.headers.get("retry-after")).toBe("1")
    expect(await answer.json()).toMatchObject({ code: "overloaded" })
  })
})

describe("a volume below its free-space mark (decision 21)", () => {
  let edge: EdgeUnderTest
  beforeAll(async () => {
    edge = await startEdge({ freeSpaceMark: Number.MAX_SAFE_INTEGER })
  })
  afterAll(() => edge.stop())

  it("stops usage with 503 and a Retry-After, stores nothing, reads on, and shows on /metrics why", async () => {
    const key = await edge.gatewayKey()
    const response = await edge.fetch("/api/v1/gateway/usage", { method: "POST", token: key, json: [usageEvent()] })
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("30")
    expect(await response.json()).toMatchObject({ code: "unavailable", detail: expect.stringContaining("disk space") })
    expect((await streamState(edge.bus.jsm, STREAMS.usage.name)).last).toBe(0)

    const { accessToken } = await edge.signIn()
    expect((await edge.fetch("/api/v1/wallet", { token: accessToken })).status).toBe(200)
    const metrics = await (await edge.fetch("/metrics")).text()
    expect(metrics).toMatch(/^edge_intake_stopped(\{\})? 1$/m)
    expect(metrics).toMatch(/^edge_free_space_bytes(\{\})? \d+$/m)
  })
})
