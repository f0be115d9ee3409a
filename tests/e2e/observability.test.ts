/**
 * Goal: what a running system tells its operators. One trace leads from a gateway's call to the balance on a customer's
 * screen, through every process; a collector that is away costs nothing.
 * Method: the whole system as `npm start` runs it, with a stand-in for the collector that keeps what it is sent.
 */
import { randomBytes } from "node:crypto"
import { callHttp, Customer, startSystem, type SystemUnderTest } from "@credits/testkit"
import OpenAI from "openai"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { metricsUsed } from "../../infra/prometheus/files.ts"
import { Collector, type SeenSpan } from "./collector.fixture.ts"
import { type PrometheusFamily, readPrometheus } from "./prometheus.fixture.ts"

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
  it("of a purchase leads from the click through subscriptions and payments to the card processor", async () => {
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
    const applied = ["publish usage", "pricing rate", "ledger apply", "ledger tick", shown]
    const chain = ["POST /api/v1/gateway/usage", ...applied]
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

  it("of a chat call leads from the customer's program through the gateway to the wallet on a screen", async () => {
    const leaving = await look()
    const { traceId, traceparent } = newTrace()
    const openai = new OpenAI({ apiKey: ada.token, baseURL: `${system.gatewayUrl}/v1`, maxRetries: 0 })
    const messages = [{ role: "user" as const, content: "A prompt is in no span." }]
    const answer = await openai.chat.completions.create({ model: MODEL, messages }, { headers: { traceparent } })

    const call = "POST /v1/chat/completions"
    const shown = "GET /api/v1/wallet/events send wallet"
    const settled = ["gateway usage", "pricing rate", "ledger apply", "ledger tick", shown]
    await traceWith(traceId, [call, `chat ${MODEL}`, "ledger decide authorize", ...settled])
    // The hold's tick has the same name, and comes first.
    const tickedBy = () => collector.trace(traceId).get("ledger tick")!.parentSpanId
    await expect.poll(tickedBy, POLL).toBe(collector.trace(traceId).get("ledger apply")!.spanId)
    const toldBy = () => collector.trace(traceId).get(shown)!.parentSpanId
    await expect.poll(toldBy, POLL).toBe(collector.trace(traceId).get("ledger tick")!.spanId)
    const trace = collector.trace(traceId)
    expect(trace.get(call)).toMatchObject({ service: "gateway", parentSpanId: traceparent.slice(36, 52) })
    isChain(trace, call, "gateway authorize", "ledger authorize", "ledger decide authorize")
    isChain(trace, call, `chat ${MODEL}`)
    isChain(trace, call, ...settled)
    expect(trace.get(call)!.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": MODEL,
      "gen_ai.usage.input_tokens": answer.usage!.prompt_tokens,
      "gen_ai.usage.output_tokens": answer.usage!.completion_tokens,
      "credits.account_id": ada.account,
      "credits.outcome": "ok",
      "http.response.status_code": 200,
    })
    expect(JSON.stringify(collector.spans)).not.toContain("A prompt is in no span.")
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

describe("/metrics", () => {
  const metricsOf = async (base: string): Promise<ReadonlyMap<string, PrometheusFamily>> =>
    readPrometheus(await (await fetch(`${base}/metrics`)).text())
  const metrics = (): Promise<ReadonlyMap<string, PrometheusFamily>> => metricsOf(system.url)
  const valueOf = (families: ReadonlyMap<string, PrometheusFamily>, name: string, label: string) =>
    families.get(name)?.samples.find(({ labels }) => labels.includes(label))?.value

  it("is strict Prometheus text; every number a service reports has a name, a unit and a help of its own", async () => {
    // Of the edge with everything behind it, and of the model gateway.
    const families = [...(await metrics()), ...(await metricsOf(system.gatewayUrl!))]
    expect(families.flatMap(([name, { help }]) => (/as the service reports/.test(help) ? [name] : []))).toEqual([])
    const counters = families.filter(([, { type }]) => type === "counter").map(([name]) => name)
    expect(counters.filter((name) => !name.endsWith("_total"))).toEqual([])
    const unitless = families.map(([name]) => name).filter((name) => /_(ms|millis|minutes|mib|kb)(_|$)/.test(name))
    expect(unitless).toEqual([])
  })

  it("has every metric that rules, alerts and the dashboard ask for", async () => {
    const missing = async (): Promise<ReadonlyArray<string>> => {
      const families = new Map([...(await metrics()), ...(await metricsOf(system.gatewayUrl!))])
      const bare = (name: string): string => name.replace(/_(bucket|sum|count)$/, "")
      return [...metricsUsed].filter((name) => !families.has(name) && families.get(bare(name))?.type !== "histogram")
    }
    // Only of an open hold there is something to tell.
    await authorize("held-open")
    await expect.poll(missing, POLL).toEqual([])
  })

  it("shows JetStream's figures and that nobody is behind, once everything has settled", async () => {
    await expect
      .poll(async () => valueOf(await metrics(), "jetstream_stream_last_seq", 'stream_name="USAGE"'), POLL)
      .toBeGreaterThan(0)
    await expect
      .poll(
        async () => valueOf(await metrics(), "credits_stream_lag_messages", 'service="pricing",stream="USAGE"'),
        POLL,
      )
      .toBe(0)
    const families = await metrics()
    expect(valueOf(families, "credits_ledger_imbalance_accounts", "")).toBe(0)
    expect(valueOf(families, "credits_service_cursor_gaps", 'service="ledger"')).toBe(0)
    expect(families.get("credits_ledger_commit_seconds")!.type).toBe("histogram")
  })
})

describe("log lines", () => {
  it("of every process are JSON with time, level, service and message", () => {
    const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>)
    const services = new Set(lines.map(({ service }) => service))
    for (const name of [
      "ledger",
      "pricing",
      "payments",
      "subscriptions",
      "topup",
      "notifications",
      "edge",
      "gateway",
    ]) {
      expect(services).toContain(name)
    }
    for (const line of lines) {
      expect(line).toMatchObject({ level: expect.stringMatching(/^[a-z]+$/), message: expect.any(String) })
      expect(new Date(String(line["time"])).toISOString()).toBe(line["time"])
    }
  })

  it("hold no secret that the system was given or made, also when requests go wrong", async () => {
    const headers = { "stripe-signature": "t=1,v1=00", "content-type": "application/json" }
    await fetch(`${system.url}/api/v1/webhooks/stripe`, { method: "POST", headers, body: "{}" })
    await callHttp(system.url, "/api/v1/wallet", { token: `${ada.token}x` })
    await callHttp(system.url, "/api/v1/gateway/usage", { token: "wk_live_stolen", json: {} })
    await ada.saveCard("tok_insufficient_funds")
    await ada.call("subscription/confirm", { json: { quoteId: "qt_none" } })
    const secrets = [gatewayKey, ada.token, ...Object.values(system.seeds), "sk_test_sandbox", "whsec_sandbox"]
    const personal = ["ada@example.com", "wk_live_stolen", "tok_insufficient_funds"]
    const text = logged.join("\n")
    expect([...secrets, ...personal].filter((secret) => text.includes(secret))).toEqual([])
    expect(collector.spans.length).toBeGreaterThan(0)
    const spans = JSON.stringify(collector.spans)
    expect([...secrets, ...personal].filter((secret) => spans.includes(secret))).toEqual([])
  })
})
