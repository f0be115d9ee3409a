/**
 * Goal: over HTTP nothing is lost either, and nothing bad holds up the rest. Method: a server that answers as an edge
 * does on its worst days; what both ways promise on good days runs against the real system in tests/e2e.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { formatUsd } from "@credits/kernel"
import { accountNumber, usageEvents } from "@credits/testkit"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { type CallRefusal, type Gateway, type GatewayOptions, openGateway, type RejectedEvent } from "./index.ts"

interface Reply {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
/** "silence": never answered; "hang up": the connection is cut. */
type Answer = Reply | "silence" | "hang up"

const LIST = {
  version: "b1",
  currency: "USD",
  unit: "per_1m_tokens",
  models: [
    {
      id: "gpt-5",
      provider: "openai",
      input: "1.25",
      output: "10",
      cacheRead: "0.125",
      cacheWrite: null,
      cacheWrite1h: null,
      longContext: null,
      enabled: true,
    },
  ],
}

let server: Server
let directory = ""
let url = ""
let gateway: Gateway | undefined
/** Bodies by `METHOD path`, in order. */
let heard: Array<{ readonly route: string; readonly body: string; readonly headers: IncomingMessage["headers"] }>
let answer: (route: string, body: string, times: number) => Answer

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "gateway-http-"))
  heard = []
  server = createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8").on("data", (text: string) => (body += text))
    request.once("end", () => {
      const route = `${request.method} ${request.url}`
      if (route === "GET /api/v1/public/model-prices") return response.end(JSON.stringify(LIST))
      heard.push({ route, body, headers: request.headers })
      const reply = answer(route, body, heard.filter((one) => one.route === route).length)
      if (reply === "silence") return
      if (reply === "hang up") return request.socket.destroy()
      const type = reply.status < 300 ? "application/json" : "application/problem+json"
      response.writeHead(reply.status, { "content-type": type, ...reply.headers })
      response.end(reply.body === undefined ? "" : JSON.stringify(reply.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  await gateway?.close(0)
  gateway = undefined
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(directory, { recursive: true, force: true })
})

const open = async (more: Partial<GatewayOptions> = {}): Promise<Gateway> => {
  gateway = await openGateway({ url, key: "wk_test", spool: { directory, sync: "os" }, ...more })
  return gateway
}

const USAGE = "POST /api/v1/gateway/usage"
const call = { account: accountNumber(1), requestId: "r1", model: "gpt-5" }
const estimate = { inputTokens: 1_000, maxOutputTokens: 500 }
const HOLD = { holdId: "hold_1", heldUsd: "0.00625", expiresAt: "2026-01-01T00:00:00.000Z", availableAfterUsd: "9.00" }
const held: Reply = { status: 201, body: HOLD }
const problem = (status: number, code: string, more: object = {}): Reply => ({
  status,
  body: { type: "about:blank", title: "", status, code, detail: `because of ${code}`, ...more },
})

const make = usageEvents({ seed: 7 })
const event = () =>
  make({
    account: accountNumber(1),
    model: "gpt-5",
    provider: "openai",
    at: 1_767_225_600_000,
    inputTokens: 10,
    outputTokens: 5,
  })
const idsOf = (body: string): ReadonlyArray<string> => (JSON.parse(body) as Array<{ id: string }>).map(({ id }) => id)
const accepted = (body: string, rejected: ReadonlyArray<RejectedEvent> = []): Reply => ({
  status: 202,
  body: { accepted: idsOf(body).length - rejected.length, rejected },
})

describe("authorizations over HTTP", () => {
  it("R6.1 asks the same again after a cut connection, silence, 502, 429 and 503, until it is answered", async () => {
    const bad: ReadonlyArray<Answer> = [
      "hang up",
      { status: 502 },
      problem(429, "rate_limited", { retryAfterMs: 20 }),
      problem(503, "overloaded", { retryAfterMs: 20 }),
      "silence",
    ]
    answer = (_, __, times) => bad[times - 1] ?? held
    const client = await open({ deadlineMs: 20_000 })
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    const answered = await client.authorize({ ...call, estimate, atLeast: 1_000n, ttlMs: 90_500, traceparent })
    const ok = { holdId: "hold_1", held: 6_250_000n, expiresAt: 1_767_225_600_000, availableAfter: 9_000_000_000n }
    assert.deepEqual(answered, { ok })
    assert.strictEqual(heard.length, 6)
    assert.strictEqual(new Set(heard.map(({ body }) => body)).size, 1)
    const { account: accountId, requestId, model } = call
    const sent = { accountId, requestId, model, estimate, atLeastUsd: "0.000001", ttlSeconds: 90 }
    assert.deepEqual(JSON.parse(heard[0]!.body), sent)
    assert.strictEqual(heard[0]!.headers.authorization, "Bearer wk_test")
    assert.strictEqual(heard[0]!.headers["traceparent"], traceparent)
  })

  it("is refused as unavailable when nobody answers within the deadline", async () => {
    answer = () => "hang up"
    const client = await open({ deadlineMs: 150 })
    const refused = await client.authorize({ ...call, amount: 1n })
    assert.strictEqual("refused" in refused ? refused.refused.code : "", "unavailable")
  })

  it.each([
    [
      problem(402, "insufficient_balance", { availableUsd: "0.07" }),
      { code: "insufficient_balance", availableUsd: "0.07" },
    ],
    [problem(403, "plan_required"), { code: "plan_required" }],
    [problem(422, "model_unknown"), { code: "model_unknown" }],
    [problem(422, "idempotency_conflict"), { code: "id_conflict" }],
    [problem(400, "invalid_request"), { code: "invalid" }],
    [problem(503, "top_up_in_progress", { retryAfterMs: 5_000 }), { code: "top_up_in_progress", retryAfterMs: 5_000 }],
    [problem(401, "auth_required"), { code: "unavailable" }],
    [{ status: 201, body: { nonsense: true } }, { code: "unavailable" }],
  ] as ReadonlyArray<readonly [Reply, object]>)("R6.2 %j is the refusal %j, asked once", async (reply, refusal) => {
    answer = () => reply
    const client = await open()
    const answered = await client.authorize({ ...call, estimate })
    const { available, ...said } = "refused" in answered ? answered.refused : ({} as CallRefusal)
    assert.deepInclude({ ...said, ...(available !== undefined && { availableUsd: formatUsd(available) }) }, refusal)
    assert.strictEqual(heard.length, 1)
  })
})

describe("usage over HTTP", () => {
  it("I3 is sent again after failures of every kind, in order, and then is in the stream", async () => {
    const bad: ReadonlyArray<Answer> = [
      "hang up",
      { status: 500 },
      problem(503, "unavailable", { retryAfterMs: 10 }),
      problem(429, "rate_limited", { retryAfterMs: 10 }),
      problem(401, "auth_required"),
    ]
    answer = (_, body, times) => bad[times - 1] ?? accepted(body)
    const client = await open({ publisher: { backoffMs: 5 } })
    const events = Array.from({ length: 20 }, event)
    await Promise.all(events.map((one) => client.usage(one)))
    await client.flush()
    const taken = heard.filter(({ route }) => route === USAGE).slice(bad.length)
    assert.deepEqual(
      taken.flatMap(({ body }) => idsOf(body)),
      events.map(({ id }) => id),
    )
    assert.deepInclude(client.stats, { eventsPublished: 20, eventsRejected: 0, publishFailures: 5 })
  })

  it("an event that is rejected is kept with its reason, told and counted, and the rest goes on", async () => {
    const told: Array<string> = []
    const events = [event(), event(), event()]
    const wrong = { id: events[1]!.id, code: "too_large", detail: "no" }
    answer = (_, body) => accepted(body, idsOf(body).includes(wrong.id) ? [wrong] : [])
    const client = await open({ onRejected: ({ id }) => told.push(id) })
    for (const one of events) await client.usage(one)
    await client.flush()
    assert.deepEqual(told, [wrong.id])
    assert.deepInclude(client.stats, { eventsPublished: 2, eventsRejected: 1 })
    const kept = readFileSync(join(directory, "rejected.jsonl"), "utf8").trim().split("\n")
    assert.deepEqual(
      kept.map((line) => JSON.parse(line) as unknown),
      [{ ...wrong, event: events[1] }],
    )
  })

  it("a batch that is refused whole is halved until the one event stands alone that is to blame", async () => {
    const events = Array.from({ length: 9 }, event)
    const poison = events[5]!.id
    answer = (_, body) => (body.includes(poison) ? problem(400, "malformed_body") : accepted(body))
    const client = await open()
    await Promise.all(events.map((one) => client.usage(one)))
    await client.flush()
    assert.deepInclude(client.stats, { eventsPublished: 8, eventsRejected: 1, lastPublishError: null })
  })
})

describe("the rest over HTTP", () => {
  it("extends under its own key, releases what is gone, and asks whose a credential is", async () => {
    const holdId = `hold_${"0".repeat(26)}1`
    answer = (route) =>
      route.startsWith("POST /api/v1/gateway/callers")
        ? problem(422, "caller_unknown")
        : route.startsWith("DELETE")
          ? problem(404, "hold_not_found")
          : held
    const client = await open()
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert.property(await client.extend(holdId, 5n, "call:1", traceparent), "ok")
    assert.strictEqual(heard[0]!.headers["idempotency-key"], "call:1")
    assert.strictEqual(heard[0]!.headers["traceparent"], traceparent)
    const released = await client.release(holdId, traceparent)
    assert.strictEqual(heard[1]!.headers["traceparent"], traceparent)
    assert.strictEqual("refused" in released ? released.refused.code : "", "hold_not_open")
    const nobody = await client.callerOf("who?")
    assert.strictEqual("refused" in nobody ? nobody.refused.code : "", "auth_required")
  })

  it("quotes from the public price list", async () => {
    const client = await open()
    await client.priced()
    assert.deepEqual(client.models, ["gpt-5"])
    assert.deepEqual(client.quote("gpt-5", estimate), { amount: 6_250_000n, bookVersion: "b1" })
  })

  it("does not wait for ever for an edge that is not there", async () => {
    const closed = await openGateway({
      url: "http://127.0.0.1:1",
      key: "k",
      spool: { directory },
      firstConnectMs: 10,
    }).then(
      () => "opened",
      () => "refused",
    )
    assert.strictEqual(closed, "refused")
  })
})
