/**
 * Goal: what a running system tells its operators. One trace leads from a gateway's call to the balance on a customer's
 * screen, through every process; a collector that is away costs nothing.
 * Method: the whole system as `npm start` runs it, with a stand-in for the collector that keeps what it is sent.
 */
import { randomBytes } from "node:crypto"
import { callHttp, Customer, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Collector, type SeenSpan } from "./collector.fixture.ts"

const POLL = { timeout: 20_000, interval: 50 }
const MODEL = "gpt-4o"

let collector: Collector
let system: SystemUnderTest
let ada: Customer
let gatewayKey = ""
const logged: Array<string> = []

beforeAll(async () => {
  collector = await Collector.start()
  system = await startSystem({
    env: { CREDITS_OTLP_URL: collector.url, CREDITS_LOG: "json" },
    onLog: (line) => logged.push(line),
  })
  const made = await callHttp<{ key: string }>(system.url, "/api/v1/dev/gateway-key", { json: {} })
  gatewayKey = made.body.key
  ada = await Customer.signIn(system.url, "ada@example.com")
  await ada.saveCard("tok_ok")
})
afterAll(async () => {
  await system.stop()
  await collector.stop()
})

const newTrace = () => {
  const traceId = randomBytes(16).toString("hex")
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` }
}

const gateway = async (path: string, json: unknown, traceparent?: string): Promise<Record<string, unknown>> => {
  const response = await fetch(`${system.url}/api/v1/gateway/${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${gatewayKey}`,
      "content-type": "application/json",
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    body: JSON.stringify(json),
  })
  expect(response.status).toBeLessThan(300)
  return (await response.json()) as Record<string, unknown>
}

const authorize = (requestId: string, traceparent?: string) =>
  gateway("authorizations", { accountId: ada.account, requestId, model: MODEL, amountUsd: "0.10" }, traceparent)

const usageOf = (id: string, holdId: unknown) => ({
  specversion: "1.0",
  type: "ai.usage.v1",
  id,
  source: "e2e",
  subject: ada.account,
  time: new Date().toISOString(),
  data: {
    requestId: `req-${id}`,
    holdId,
    mode: "hosted",
    provider: "openai",
    model: MODEL,
    status: "ok",
    tokens: { convention: "inclusive", input: 1000, output: 500 },
  },
})

/** Whoever looks at their wallet. Resolves when the first event is there. */
const look = async (): Promise<AbortController> => {
  const leaving = new AbortController()
  const response = await fetch(`${system.url}/api/v1/wallet/events`, {
    headers: { authorization: `Bearer ${ada.token}` },
    signal: leaving.signal,
  })
  const reader = response.body!.getReader()
  await reader.read()
  const drain = async (): Promise<void> => {
    while (!(await reader.read()).done);
  }
  drain().catch(() => undefined)
  return leaving
}

/** The trace once all of these spans are there. */
const traceWith = async (traceId: string, names: ReadonlyArray<string>): Promise<ReadonlyMap<string, SeenSpan>> => {
  await expect.poll(() => [...collector.trace(traceId).keys()], POLL).toEqual(expect.arrayContaining([...names]))
  return collector.trace(traceId)
}

/** Each span below the one before it, in the same trace. */
const isChain = (trace: ReadonlyMap<string, SeenSpan>, ...names: ReadonlyArray<string>): void => {
  for (let i = 1; i < names.length; i++) {
    const [parent, child] = [trace.get(names[i - 1]!)!, trace.get(names[i]!)!]
    expect(`${names[i]} below ${child.parentSpanId}`).toBe(`${names[i]} below ${parent.spanId}`)
    expect(BigInt(child.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(child.startTimeUnixNano))
  }
}

/** The batch that an item was in: in a trace of its own, and both link each other. */
const batchOf = (item: SeenSpan): SeenSpan => {
  const batch = collector.spans.find(({ spanId }) => spanId === item.links[0]?.spanId)
  expect(batch?.traceId).not.toBe(item.traceId)
  expect(batch?.parentSpanId).toBeUndefined()
  expect(batch?.links).toContainEqual({ traceId: item.traceId, spanId: item.spanId })
  return batch!
}

describe("a trace", () => {
  it("of a purchase leads from the click through subscriptions and payments to the card processor's calls", async () => {
    const bought = await ada.buy("plus", "monthly")
    expect(bought.status).toBe("active")
    const name = "POST /api/v1/subscription/confirm"
    await expect.poll(() => collector.spans.some((span) => span.name === name), POLL).toBe(true)
    const { traceId } = collector.spans.find((span) => span.name === name)!
    const [charge, create] = ["subscriptions subscription charge", "payments charge create"]
    const trace = await traceWith(traceId, [charge, create, "POST /v1/payment_intents", "ledger group"])
    isChain(trace, name, "ask subscriptions confirm", "subscriptions confirm", charge, "payments charge", create)
    isChain(trace, create, "POST /v1/payment_intents")
    expect(trace.get("payments charge")!.attributes).toMatchObject({ "credits.account_id": ada.account })
    expect(trace.get("POST /v1/payment_intents")!.attributes).toMatchObject({ "http.response.status_code": 200 })
  })

  it("of a gateway's calls leads through ledger, pricing and ledger again to the wallet on a screen", async () => {
    const leaving = await look()
    const [call, report] = [newTrace(), newTrace()]
    const { holdId } = await authorize("traced-1", call.traceparent)
    await gateway("usage", [usageOf("traced-1", holdId)], report.traceparent)

    const shown = "GET /api/v1/wallet/events send wallet"
    const held = await traceWith(call.traceId, ["ledger decide authorize", "ledger tick", shown])
    const http = "POST /api/v1/gateway/authorizations"
    expect(held.get(http)!.parentSpanId).toBe(call.traceparent.slice(36, 52))
    isChain(held, http, "ask ledger authorize", "ledger authorize", "ledger decide authorize", "ledger tick", shown)
    expect(batchOf(held.get("ledger decide authorize")!)).toMatchObject({ service: "ledger", name: "ledger commit" })

    const settled = await traceWith(report.traceId, ["pricing rate", "ledger apply", "ledger tick", shown])
    const chain = ["POST /api/v1/gateway/usage", "publish usage", "pricing rate", "ledger apply", "ledger tick", shown]
    isChain(settled, ...chain)
    expect(chain.map((name) => settled.get(name)!.service)).toEqual(
      ["edge", "edge", "pricing", "ledger", "ledger", "edge"], // every process it went through
    )
    expect(batchOf(settled.get("pricing rate")!)).toMatchObject({ service: "pricing", name: "pricing batch" })
    expect(batchOf(settled.get("ledger apply")!)).toMatchObject({ service: "ledger", name: "ledger commit" })
    expect(settled.get("pricing rate")!.attributes).toMatchObject({
      "gen_ai.request.model": MODEL,
      "credits.account_id": ada.account,
      "messaging.message.id": "traced-1",
    })
    leaving.abort()
  })

  it("goes on with an event's own traceparent, and none begins for a call that says it is not sampled", async () => {
    const [own, quiet] = [newTrace(), newTrace()]
    const { holdId } = await authorize("traced-2", quiet.traceparent.replace(/01$/, "00"))
    const event = { ...usageOf("traced-2", holdId), traceparent: own.traceparent }
    await gateway("usage", [event], quiet.traceparent.replace(/01$/, "00"))
    const trace = await traceWith(own.traceId, ["pricing rate", "ledger apply"])
    expect(trace.get("pricing rate")!.parentSpanId).toBe(own.traceparent.slice(36, 52))
    isChain(trace, "pricing rate", "ledger apply")
    expect(collector.trace(quiet.traceId).size).toBe(0)
  })

  it("waits while the collector refuses, which slows nobody, and goes on in a service that was killed", async () => {
    collector.mode = "fail"
    const [call, report] = [newTrace(), newTrace()]
    const { requests } = collector
    const pid = system.pidOf("pricing")
    const { holdId } = await authorize("traced-3", call.traceparent)
    await expect.poll(() => collector.requests, POLL).toBeGreaterThan(requests)
    system.kill("pricing")
    await system.restarted("pricing", pid)
    await gateway("usage", usageOf("traced-3", holdId), report.traceparent)
    collector.mode = "take"
    await traceWith(call.traceId, [
      "POST /api/v1/gateway/authorizations",
      "ledger authorize",
      "ledger decide authorize",
    ])
    await traceWith(report.traceId, ["POST /api/v1/gateway/usage", "pricing rate", "ledger apply"])
  })
})
