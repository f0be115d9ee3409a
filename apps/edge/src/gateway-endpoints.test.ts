import { STREAMS } from "@credits/contracts"
import type { LedgerRefusal, LedgerRequest } from "@credits/contracts"
import { streamState } from "@credits/bus"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, TEST_MODEL, usageEvent, walletOf } from "./edge.fixture.ts"
import { plusOf } from "./paying.fixture.ts"

const ACCOUNT = "acc_1"
let edge: EdgeUnderTest
let key = ""
beforeAll(async () => {
  edge = await startEdge()
  key = await edge.gatewayKey()
})
afterAll(() => edge.stop())
beforeEach(() => {
  edge.answer = () => null
  edge.asked.length = 0
  edge.paying.reset()
})

const PATH = "/api/v1/gateway/authorizations"
const body = { accountId: ACCOUNT, requestId: "r1", model: TEST_MODEL, amountUsd: "1.00" }
const authorize = (json: unknown, headers: Record<string, string> = {}) =>
  edge.fetch(PATH, { method: "POST", token: key, json, headers })
const refuse = (refusal: LedgerRefusal) => (request: LedgerRequest) =>
  request.op === "wallet" ? { ok: walletOf(request.account) } : { refused: refusal }

describe("POST /api/v1/gateway/authorizations", () => {
  it("R6.1 holds the most the estimate can cost: 201 with the hold", async () => {
    const { amountUsd: _, ...rest } = body
    const response = await authorize({ ...rest, estimate: { inputTokens: 1000, maxOutputTokens: 500 }, ttlSeconds: 60 })
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({
      holdId: expect.stringMatching(/^hold_[0-9a-z]{26}1$/),
      heldUsd: "0.0105",
      expiresAt: "2026-01-02T00:15:00.000Z",
      availableAfterUsd: "1.00",
    })
    expect(edge.asked).toEqual([
      { op: "authorize", id: "r1", account: ACCOUNT, amount: "10500000", ttl: 60_000, model: TEST_MODEL },
    ])
  })

  it("R6.2 a partial authorization may be asked for", async () => {
    await authorize({ ...body, atLeastUsd: "0.01" })
    expect(edge.asked[0]).toMatchObject({ amount: "1000000000", atLeast: "10000000" })
  })

  it("R6.2 402 insufficient_balance names upgrade with its amount, auto top-up and BYOK", async () => {
    edge.answer = refuse({ code: "insufficient_balance", detail: "0.50 is available", available: "500000000" })
    const response = await authorize(body)
    expect(response.status).toBe(402)
    expect(await response.json()).toMatchObject({
      type: "about:blank",
      title: "Payment Required",
      status: 402,
      code: "insufficient_balance",
      detail: "0.50 is available",
      availableUsd: "0.50",
      waysOn: [{ action: "upgrade", plan: "pro" }, { action: "auto_top_up" }, { action: "byok" }],
    })
  })

  it("R6.2 the upgrade is subscriptions' word: asked after a refusal, kept shortly, left out if unknown", async () => {
    await authorize(body)
    expect(edge.paying.asked.subscriptions).toEqual([])
    edge.answer = refuse({ code: "insufficient_balance", detail: "0.50 is available" })
    const waysOf = async (accountId: string) => {
      const response = await authorize({ ...body, accountId })
      return ((await response.json()) as { waysOn: ReadonlyArray<{ action: string; addsUsd?: string }> }).waysOn
    }
    expect((await waysOf("acc_2"))[0]).toMatchObject({ action: "upgrade", addsUsd: "100.000000001" })
    await waysOf("acc_2")
    expect(edge.paying.asked.subscriptions).toEqual([{ op: "show", account: "acc_2" }])
    edge.paying.subscriptions = () => ({ ok: plusOf("acc_3", { upgrade: null }) })
    expect((await waysOf("acc_3")).map(({ action }) => action)).toEqual(["auto_top_up", "byok"])
    edge.paying.subscriptions = () => ({ refused: { code: "unavailable", detail: "down" } })
    expect((await waysOf("acc_4")).map(({ action }) => action)).toEqual(["auto_top_up", "byok"])
  })

  it.each([
    ["payment_past_due", 402],
    ["plan_required", 403],
    ["account_frozen", 403],
    ["id_conflict", 422],
    ["invalid", 400],
  ] as const)("%s is %i", async (code, status) => {
    edge.answer = refuse({ code, detail: "because" })
    const response = await authorize(body)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ status, detail: "because" })
  })

  it.each([
    ["top_up_in_progress", 2_500, "3"],
    ["renewal_in_progress", undefined, "5"],
    ["overloaded", undefined, "1"],
    ["unavailable", undefined, "1"],
    ["clock_advancing", undefined, "1"],
  ] as const)("%s is 503 with Retry-After", async (code, retryAfter, seconds) => {
    // The owner's refusal is final for the asker except overloaded, which it repeats until its deadline.
    edge.answer = refuse({ code, detail: "wait", ...(retryAfter === undefined ? {} : { retryAfter }) })
    const response = await authorize(body)
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe(seconds)
    const problem = (await response.json()) as { code: string }
    expect(problem.code).toBe(code === "overloaded" ? "unavailable" : code)
  })

  it("422 model_unknown before the ledger is asked", async () => {
    const response = await authorize({ ...body, model: "nobody-knows" })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({ code: "model_unknown", field: "model" })
    expect(edge.asked).toEqual([])
  })

  it.each([
    [{ amountUsd: "1e3" }, "amountUsd"],
    [{ amountUsd: "NaN" }, "amountUsd"],
    [{ amountUsd: "Infinity" }, "amountUsd"],
    [{ amountUsd: "-1" }, "amountUsd"],
    [{ amountUsd: "0" }, "amountUsd"],
    [{ amountUsd: " 1" }, "amountUsd"],
    [{ amountUsd: "1.0000000001" }, "amountUsd"],
    [{ amountUsd: "10000.01" }, "amountUsd"],
    [{ amountUsd: "999999999999999999999" }, "amountUsd"],
    [{ amountUsd: 1 }, "amountUsd"],
    [{ amountUsd: null }, "amountUsd"],
    [{ atLeastUsd: "0x10" }, "atLeastUsd"],
    [{ ttlSeconds: 0 }, "ttlSeconds"],
    [{ ttlSeconds: 3601 }, "ttlSeconds"],
    [{ ttlSeconds: 1.5 }, "ttlSeconds"],
    [{ ttlSeconds: "60" }, "ttlSeconds"],
    [{ accountId: "acc_" }, "accountId"],
    [{ accountId: "acc_1'; drop table" }, "accountId"],
    [{ accountId: 1 }, "accountId"],
    [{ requestId: "" }, "requestId"],
    [{ requestId: "a b" }, "requestId"],
    [{ requestId: "a|b" }, "requestId"],
    [{ requestId: "a\0b" }, "requestId"],
    [{ requestId: "x".repeat(129) }, "requestId"],
    [{ model: "" }, "model"],
    [{ model: "a b" }, "model"],
    [{ estimate: { inputTokens: 1, maxOutputTokens: 1 } }, "amountUsd"],
    [{ amountUsd: undefined }, "estimate"],
    [{ amountUsd: undefined, estimate: { inputTokens: -1, maxOutputTokens: 1 } }, "estimate.inputTokens"],
    [{ amountUsd: undefined, estimate: { inputTokens: 1e9, maxOutputTokens: 1 } }, "estimate.inputTokens"],
    [{ amountUsd: undefined, estimate: { inputTokens: 1 } }, "estimate.maxOutputTokens"],
    [{ amountUsd: undefined, estimate: { inputTokens: 1, maxOutputTokens: 1, x: 1 } }, "estimate.x"],
    [{ surprise: true }, "surprise"],
  ])("bad input %j is 400 naming the field", async (change, field) => {
    const response = await authorize({ ...body, ...change })
    expect(response.status).toBe(400)
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/)
    expect(await response.json()).toMatchObject({ status: 400, field })
    expect(edge.asked).toEqual([])
  })

  it("a customer's token is 403, no credential 401", async () => {
    const { accessToken } = await edge.signIn()
    expect((await edge.fetch(PATH, { method: "POST", token: accessToken, json: body })).status).toBe(403)
    expect((await edge.fetch(PATH, { method: "POST", json: body })).status).toBe(401)
  })

  it("Idempotency-Key: the same body again asks again, another body is 422 for ever", async () => {
    const headers = { "idempotency-key": "key-1" }
    expect((await authorize(body, headers)).status).toBe(201)
    expect((await authorize({ ...body }, headers)).status).toBe(201)
    const other = await authorize({ ...body, amountUsd: "2.00" }, headers)
    expect(other.status).toBe(422)
    expect(await other.json()).toMatchObject({ code: "idempotency_conflict" })
    expect(edge.asked).toHaveLength(2)
    expect(edge.asked[0]).toEqual(edge.asked[1])
  })

  it("Idempotency-Key: while the first request runs the second is 409", async () => {
    const headers = { "idempotency-key": "key-2" }
    const answers = await Promise.all(Array.from({ length: 8 }, () => authorize({ ...body, requestId: "r2" }, headers)))
    const statuses = answers.map((answer) => answer.status)
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(1)
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([])
    expect(edge.asked.length).toBe(statuses.filter((status) => status === 201).length)
  })
})

describe("extend and release", () => {
  const holdId = `hold_${"0".repeat(26)}1`

  it("R6.2 a hold is extended by its account's partition, once a key", async () => {
    const extend = (key2: string, amountUsd: string) =>
      edge.fetch(`${PATH}/${holdId}/extend`, {
        method: "POST",
        token: key,
        json: { amountUsd },
        headers: { "idempotency-key": key2 },
      })
    const response = await extend("x1", "0.009")
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ holdId, heldUsd: "0.009" })
    expect(edge.asked).toEqual([{ op: "extend", id: "x1", account: ACCOUNT, holdId, amount: "9000000" }])
    expect((await extend("x1", "0.010")).status).toBe(422)
  })

  it("without a key every extension is one of its own", async () => {
    for (let i = 0; i < 2; i++) {
      await edge.fetch(`${PATH}/${holdId}/extend`, { method: "POST", token: key, json: { amountUsd: "1" } })
    }
    const ids = edge.asked.map((request) => ("id" in request ? request.id : ""))
    expect(new Set(ids).size).toBe(2)
  })

  it("R6.3 a hold is released; a second time is the same", async () => {
    for (let i = 0; i < 2; i++) {
      const response = await edge.fetch(`${PATH}/${holdId}`, { method: "DELETE", token: key })
      expect(response.status).toBe(204)
    }
    expect(edge.asked[0]).toEqual(edge.asked[1])
  })

  it("an extension of a hold that is not open is 409, of no hold id 404", async () => {
    edge.answer = refuse({ code: "hold_not_open", detail: "it was settled" })
    const closed = await edge.fetch(`${PATH}/${holdId}/extend`, {
      method: "POST",
      token: key,
      json: { amountUsd: "1" },
    })
    expect(closed.status).toBe(409)
    expect(await closed.json()).toMatchObject({ code: "hold_not_open" })
    for (const wrong of ["hold_", "acc_1", "%00", "..%2f..%2fetc", "x".repeat(90)]) {
      const path = `${PATH}/${wrong}`
      expect(
        (await edge.fetch(`${path}/extend`, { method: "POST", token: key, json: { amountUsd: "1" } })).status,
      ).toBe(404)
      expect((await edge.fetch(path, { method: "DELETE", token: key })).status).toBe(404)
    }
  })

  it.each([{}, { amountUsd: "0" }, { amountUsd: "1e1" }, { amountUsd: "1", x: 1 }, [], "text", null])(
    "extending by %j is 400",
    async (json) => {
      const response = await edge.fetch(`${PATH}/${holdId}/extend`, { method: "POST", token: key, json })
      expect(response.status).toBe(400)
      expect(edge.asked).toEqual([])
    },
  )
})

describe("POST /api/v1/gateway/usage", () => {
  const send = (json: unknown, type = "application/cloudevents-batch+json") =>
    edge.fetch("/api/v1/gateway/usage", { method: "POST", token: key, json, headers: { "content-type": type } })
  const stored = async () => (await streamState(edge.bus.jsm, STREAMS.usage.name)).last

  it("I3 usage is in the stream before it is accepted", async () => {
    const before = await stored()
    const response = await send([usageEvent({ id: "u1" }), usageEvent({ id: "u2" }, { mode: "byok" })])
    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({ accepted: 2, rejected: [] })
    expect(await stored()).toBe(before + 1)
    const message = await edge.bus.jsm.streams.getMessage(STREAMS.usage.name, { seq: before + 1 })
    const events = message!.json<Array<{ id: string }>>()
    expect(events.map((event) => event.id)).toEqual(["u1", "u2"])
    expect(message!.header.get("Credits-Version")).toBe("1")
  })

  it("takes structured and batch mode under their own and the plain JSON type", async () => {
    expect((await send(usageEvent(), "application/cloudevents+json")).status).toBe(202)
    expect((await send(usageEvent(), "application/json")).status).toBe(202)
    expect((await send([usageEvent()], "application/json; charset=utf-8")).status).toBe(202)
    const response = await send([usageEvent()], "text/plain")
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({ code: "unsupported_media_type" })
  })

  it("C12 good events of a batch count, bad ones are named", async () => {
    const response = await send([usageEvent({ id: "good" }), usageEvent({ id: "bad" }, { surprise: 1 })])
    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({ accepted: 1, rejected: [{ id: "bad", code: "unknown_field" }] })
  })

  it("nothing good is nothing stored", async () => {
    const before = await stored()
    expect(await (await send([{ id: "x" }])).json()).toMatchObject({ accepted: 0, rejected: [{ id: "x" }] })
    expect(await (await send([])).json()).toEqual({ accepted: 0, rejected: [] })
    expect(await stored()).toBe(before)
  })

  it("more events than one message holds are all or nothing", async () => {
    const before = await stored()
    const events = Array.from({ length: 1100 }, (_, i) => usageEvent({ id: `m${i}` }))
    const response = await send(events)
    expect(await response.json()).toEqual({ accepted: 1100, rejected: [] })
    expect(await stored()).toBe(before + 3)
  })

  it("more events than a request may have are 400", async () => {
    const response = await send(Array.from({ length: 5001 }, () => 1))
    expect(response.status).toBe(400)
  })
})

describe("POST /api/v1/events", () => {
  /** As the OpenMeter callback of LiteLLM 1.110 sends it, captured; the account and the model are ours. */
  const LITELLM =
    `{"specversion": "1.0", "type": "litellm_tokens", "id": "chatcmpl-70234b9c-d78c-47ad-81ef-6c1967e1eec9", ` +
    `"time": "2026-11-26T16:42:39.272195+00:00", "subject": "acc_1", "source": "litellm-proxy", ` +
    `"data": {"model": "${TEST_MODEL}", "cost": 0.00022500000000000002, ` +
    `"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}}`
  const LITELLM_ID = "chatcmpl-70234b9c-d78c-47ad-81ef-6c1967e1eec9"
  const send = (text: string, type = "application/cloudevents+json") =>
    fetch(`${edge.url}/api/v1/events`, {
      method: "POST",
      headers: { "content-type": type, authorization: `Bearer ${key}` },
      body: text,
    })
  const stored = async () => (await streamState(edge.bus.jsm, STREAMS.usage.name)).last

  it("R6.6 R7.2 takes what LiteLLM's callback sends: 204, and a usage event with its id is in the stream", async () => {
    const response = await send(LITELLM)
    expect([response.status, await response.text()]).toEqual([204, ""])
    const message = await edge.bus.jsm.streams.getMessage(STREAMS.usage.name, { seq: await stored() })
    expect(message!.json()).toEqual([
      {
        specversion: "1.0",
        type: "ai.usage.v1",
        id: LITELLM_ID,
        source: "litellm-proxy",
        subject: "acc_1",
        time: "2026-11-26T16:42:39.272195+00:00",
        data: {
          requestId: LITELLM_ID,
          mode: "hosted",
          provider: "test",
          model: TEST_MODEL,
          status: "ok",
          tokens: { convention: "inclusive", input: 10, output: 20 },
        },
      },
    ])
  })

  it("takes a batch under its own and the plain JSON type, with events of ours among them", async () => {
    const batch = `[${LITELLM}, ${JSON.stringify(usageEvent({ id: "ours" }))}]`
    expect((await send(batch, "application/cloudevents-batch+json")).status).toBe(204)
    expect((await send(batch, "application/json")).status).toBe(204)
    const message = await edge.bus.jsm.streams.getMessage(STREAMS.usage.name, { seq: await stored() })
    expect(message!.json<Array<{ id: string }>>().map(({ id }) => id)).toEqual([LITELLM_ID, "ours"])
  })

  it("takes all of a batch or nothing, and names the event and its field that are wrong", async () => {
    const before = await stored()
    const nobody = LITELLM.replace("acc_1", "user-7")
    const response = await send(`[${LITELLM}, ${nobody}]`, "application/cloudevents-batch+json")
    expect(response.status).toBe(400)
    expect(response.headers.get("content-type")).toBe("application/problem+json")
    expect(await response.json()).toMatchObject({ code: "invalid_request", field: "[1].subject" })
    expect((await send("{", "application/cloudevents+json")).status).toBe(400)
    expect(await stored()).toBe(before)
  })
})
