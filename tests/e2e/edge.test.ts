/**
 * Goal: what customers and gateways see over HTTP is what the ledger and pricing did. Method: the whole system as
 * `npm start` runs it; credit comes through the ops user of the bus, everything else through the edge.
 */
import { askOwner, type BusHandle, closeBus, connectBus } from "@credits/bus"
import { type LedgerReply, type LedgerRequest, SUBJECTS } from "@credits/contracts"
import type { Entry, Hold, ModelPrices, UsageRow, Wallet } from "@credits/contracts/http"
import { partitionOf } from "@credits/kernel"
import { startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const MODEL = "gpt-4o"
const PROVIDER = "openai"
/** An hour of sandbox time is more than any hold lives. */
const POLL = { timeout: 20_000, interval: 25 }

let system: SystemUnderTest
let bus: BusHandle
let gatewayKey = ""
let commands = 0

beforeAll(async () => {
  system = await startSystem()
  bus = await connectBus({ servers: system.natsUrl, seed: system.seeds.ops, name: "ops" })
  const response = await call("/api/v1/dev/gateway-key", { json: {} })
  gatewayKey = ((await response.json()) as { key: string }).key
})
afterAll(async () => {
  await closeBus(bus)
  await system.stop()
})

interface CallOptions {
  readonly token?: string
  readonly json?: unknown
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}
const call = (path: string, options: CallOptions = {}): Promise<Response> => {
  const { token, json, method, headers } = options
  return fetch(system.url + path, {
    method: method ?? (json === undefined ? "GET" : "POST"),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
}
const read = async <A>(path: string, token: string): Promise<A> => (await (await call(path, { token })).json()) as A

/** A command to the ledger as support gives it. */
const support = async (request: Record<string, unknown> & { readonly account: string }): Promise<void> => {
  const text = JSON.stringify({ id: `e2e-${++commands}`, ...request } as unknown as LedgerRequest)
  const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
  const reply = JSON.parse(await askOwner(bus.connection, subject, text)) as LedgerReply<unknown>
  if (!("ok" in reply)) throw new Error(`${reply.refused.code}: ${reply.refused.detail}\n${system.log()}`)
}

interface Person {
  readonly account: string
  readonly token: string
  wallet(): Promise<Wallet>
}
/** Signs in; with `creditUsd` the account gets the Plus plan and that much credit. */
const person = async (name: string, creditUsd?: number): Promise<Person> => {
  const response = await call("/api/v1/dev/sign-in", { json: { email: `${name}@example.com` } })
  const { accountId: account, accessToken: token } = (await response.json()) as {
    accountId: string
    accessToken: string
  }
  if (creditUsd !== undefined) {
    await support({ op: "entitle", account, plan: "plus", hostedModels: true, reason: "test" })
    const amount = `${creditUsd}000000000`
    await support({ op: "grant", account, kind: "promo", amount, cause: `grant:${name}` })
  }
  return { account, token, wallet: () => read<Wallet>("/api/v1/wallet", token) }
}

const authorize = (who: Person, requestId: string, more: object) =>
  call("/api/v1/gateway/authorizations", {
    token: gatewayKey,
    json: { accountId: who.account, requestId, model: MODEL, ...more },
  })
const usage = (who: Person, id: string, data: object = {}) => ({
  specversion: "1.0",
  type: "ai.usage.v1",
  id,
  source: "e2e",
  subject: who.account,
  time: new Date().toISOString(),
  data: {
    requestId: `req-${id}`,
    mode: "hosted",
    provider: PROVIDER,
    model: MODEL,
    status: "ok",
    tokens: { convention: "inclusive", input: 1000, output: 500 },
    ...data,
  },
})
const report = (events: unknown) => call("/api/v1/gateway/usage", { token: gatewayKey, json: events })

/** What 1000 tokens in and 500 out cost by the published price list, in USD (gpt-4o has no sub-nano prices). */
const costOfCall = async (): Promise<number> => {
  const { models } = (await (await call("/api/v1/public/model-prices")).json()) as ModelPrices
  const price = models.find(({ id }) => id === MODEL)!
  return (1000 * Number(price.input) + 500 * Number(price.output)) / 1_000_000
}

describe("the line: authorize, usage, wallet", () => {
  it("R6.1 R6.3 a hold reduces what is available, the usage event settles it at the price list's cost", async () => {
    const ada = await person("ada", 20)
    const cost = await costOfCall()
    const response = await authorize(ada, "r1", { estimate: { inputTokens: 1000, maxOutputTokens: 2000 } })
    expect(response.status).toBe(201)
    const hold = (await response.json()) as Hold
    expect(Number(hold.heldUsd)).toBeGreaterThan(cost)
    const held = await ada.wallet()
    expect(held).toMatchObject({ balanceUsd: "20.00", heldUsd: hold.heldUsd, availableUsd: hold.availableAfterUsd })

    const accepted = await report([usage(ada, "evt-ada-1", { holdId: hold.holdId })])
    expect(accepted.status).toBe(202)
    expect(await accepted.json()).toEqual({ accepted: 1, rejected: [] })
    await expect.poll(async () => (await ada.wallet()).heldUsd, POLL).toBe("0.00")
    const settled = await ada.wallet()
    expect(Number(settled.availableUsd)).toBeCloseTo(20 - cost, 9)
    expect(settled.balanceUsd).toBe(settled.availableUsd)

    const { items } = await read<{ items: ReadonlyArray<Entry> }>("/api/v1/wallet/entries", ada.token)
    expect(items.map(({ kind }) => kind).slice(0, 2)).toEqual(["charged", "held"])
    expect(items[0]).toMatchObject({
      cause: "evt-ada-1",
      usage: { model: MODEL, mode: "hosted", inputTokens: 1000, outputTokens: 500 },
    })
    expect(Number(items[0]!.amountUsd)).toBeCloseTo(-cost, 9)
    const balance = await read<{ balanceUsd: string }>("/api/v1/wallet/balance", ada.token)
    expect(balance.balanceUsd).toBe(settled.balanceUsd)
  })

  it("R6.6 the same usage twice is charged once; the same request id with another body is 422", async () => {
    const bob = await person("bob", 20)
    const cost = await costOfCall()
    await report([usage(bob, "evt-bob-1"), usage(bob, "evt-bob-1")])
    await report(usage(bob, "evt-bob-1"))
    await report(usage(bob, "evt-bob-2"))
    await expect.poll(async () => Number((await bob.wallet()).availableUsd), POLL).toBeCloseTo(20 - 2 * cost, 9)
    const first = await authorize(bob, "same", { amountUsd: "1.00" })
    const again = await authorize(bob, "same", { amountUsd: "1.00" })
    expect([first.status, again.status]).toEqual([201, 201])
    expect(await again.json()).toEqual(await first.json())
    const other = await authorize(bob, "same", { amountUsd: "2.00" })
    expect(other.status).toBe(422)
    expect(await other.json()).toMatchObject({ code: "idempotency_conflict" })
  })

  it("R6.2 extend, release, a partial authorization, and a refusal that names the ways on", async () => {
    const eve = await person("eve", 2)
    const hold = (await (await authorize(eve, "r1", { amountUsd: "0.50" })).json()) as Hold
    const path = `/api/v1/gateway/authorizations/${hold.holdId}`
    const extended = await call(`${path}/extend`, { token: gatewayKey, json: { amountUsd: "0.25" } })
    expect(extended.status).toBe(200)
    expect(await extended.json()).toMatchObject({ heldUsd: "0.75", availableAfterUsd: "1.25" })
    const partial = await authorize(eve, "r2", { amountUsd: "5.00", atLeastUsd: "0.10" })
    expect(await partial.json()).toMatchObject({ heldUsd: "1.25", availableAfterUsd: "0.00" })

    const refused = await authorize(eve, "r3", { amountUsd: "5.00" })
    expect(refused.status).toBe(402)
    const problem = (await refused.json()) as { code: string; waysOn: ReadonlyArray<{ action: string }> }
    expect(problem.code).toBe("insufficient_balance")
    expect(problem.waysOn.map(({ action }) => action)).toEqual(["upgrade", "auto_top_up", "byok"])

    for (let i = 0; i < 2; i++) {
      expect((await call(path, { token: gatewayKey, method: "DELETE" })).status).toBe(204)
    }
    expect((await eve.wallet()).availableUsd).toBe("0.75")
    const late = await call(`${path}/extend`, { token: gatewayKey, json: { amountUsd: "0.25" } })
    expect(late.status).toBe(409)
    expect(await late.json()).toMatchObject({ code: "hold_not_open" })
  })

  it("an extension of a hold that never was is refused, whatever account its id names", async () => {
    const path = `/api/v1/gateway/authorizations/hold_${"0".repeat(26)}nobody`
    const extended = await call(`${path}/extend`, { token: gatewayKey, json: { amountUsd: "0.25" } })
    expect([404, 409]).toContain(extended.status)
  })

  it("R1.8 on Free hosted calls are 403 plan_required; R8.1 BYOK is counted at 0.00", async () => {
    const fay = await person("fay")
    const response = await authorize(fay, "r1", { amountUsd: "1.00" })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: "plan_required" })
    await report([usage(fay, "evt-fay-1", { mode: "byok" })])
    const rows = async () =>
      (await read<{ items: ReadonlyArray<UsageRow> }>("/api/v1/wallet/usage?by=model", fay.token)).items
    await expect.poll(async () => (await rows()).length, POLL).toBe(1)
    expect((await rows())[0]).toMatchObject({ model: MODEL, byokCalls: 1, calls: 0, costUsd: "0.00", day: null })
    expect(await fay.wallet()).toMatchObject({ balanceUsd: "0.00", seq: 0 })
  })

  it("decision 14 the usage table adds up to the statement", async () => {
    const gil = await person("gil", 20)
    const events = Array.from({ length: 120 }, (_, i) => usage(gil, `evt-gil-${i}`))
    expect(await (await report(events)).json()).toEqual({ accepted: 120, rejected: [] })
    const spent = 120 * (await costOfCall())
    await expect.poll(async () => Number((await gil.wallet()).availableUsd), POLL).toBeCloseTo(20 - spent, 9)
    const rows = async () => (await read<{ items: ReadonlyArray<UsageRow> }>("/api/v1/wallet/usage", gil.token)).items
    await expect.poll(async () => (await rows())[0]?.calls, POLL).toBe(120)
    expect(Number((await rows())[0]!.costUsd)).toBeCloseTo(spent, 9)

    const seen: Array<number> = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`
      const page: { items: ReadonlyArray<Entry>; nextCursor: string | null } = await read(
        `/api/v1/wallet/entries?kind=charged&limit=50${query}`,
        gil.token,
      )
      seen.push(...page.items.map(({ seq }) => seq))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen).toHaveLength(120)
    expect(seen).toEqual(seen.toSorted((a, b) => b - a))
    const csv = await call("/api/v1/wallet/entries?kind=charged", { token: gil.token, headers: { accept: "text/csv" } })
    expect((await csv.text()).trimEnd().split("\r\n")).toHaveLength(121)
  })
})

describe("live and in time", () => {
  it("decision 9 the event stream shows a hold within a second, by the ledger's tick", async () => {
    const hal = await person("hal", 20)
    const abort = new AbortController()
    const response = await fetch(`${system.url}/api/v1/wallet/events`, {
      headers: { authorization: `Bearer ${hal.token}` },
      signal: abort.signal,
    })
    let text = ""
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
    })().catch(() => undefined)
    await expect.poll(() => text, POLL).toMatch(/event: ?ready[\s\S]*event: ?wallet/)
    // The interest that was just announced must have reached the ledger before the change.
    await expect
      .poll(async () => {
        const id = `live-${++commands}`
        await authorize(hal, id, { amountUsd: "0.01" })
        return [...text.matchAll(/event: ?wallet/g)].length
      }, POLL)
      .toBeGreaterThan(1)
    expect(text).toMatch(/"heldUsd":"0\.0[1-9]"/)
    abort.abort()
    await reading
  })

  it("R12.1 R6.3 advancing the clock expires a hold at its own instant and answers afterwards", async () => {
    const ivy = await person("ivy", 20)
    const hold = (await (await authorize(ivy, "r1", { amountUsd: "1.00", ttlSeconds: 60 })).json()) as Hold
    expect((await ivy.wallet()).availableUsd).toBe("19.00")
    const advanced = await call("/api/v1/dev/clock/advance", { json: { by: "PT2H" } })
    expect(advanced.status).toBe(200)
    const { ran } = (await advanced.json()) as { ran: number }
    expect(ran).toBeGreaterThanOrEqual(1)
    expect(await ivy.wallet()).toMatchObject({ availableUsd: "20.00", heldUsd: "0.00" })
    const { items } = await read<{ items: ReadonlyArray<Entry> }>("/api/v1/wallet/entries?limit=1", ivy.token)
    expect(items[0]).toMatchObject({ kind: "hold_expired", at: hold.expiresAt })
  })

  it("R12.1 a month goes by in one call, and usage afterwards is priced and charged", async () => {
    const jo = await person("jo", 20)
    const before = Date.parse(((await (await call("/api/v1/dev/clock")).json()) as { now: string }).now)
    const advanced = await call("/api/v1/dev/clock/advance", { json: { by: "P1M" } })
    const { now } = (await advanced.json()) as { now: string }
    expect(Date.parse(now) - before).toBeGreaterThan(27 * 86_400_000)
    expect(Date.parse((await jo.wallet()).asOf)).toBeGreaterThanOrEqual(Date.parse(now))
    await report({ ...usage(jo, "evt-jo-1"), time: now })
    const cost = await costOfCall()
    await expect.poll(async () => Number((await jo.wallet()).availableUsd), POLL).toBeCloseTo(20 - cost, 9)
  })

  it("a ledger that is killed is a pause, not an answer: all succeeds when it is back", async () => {
    const kim = await person("kim", 20)
    const pid = system.pidOf("ledger")
    system.kill("ledger")
    await system.restarted("ledger", pid)
    await expect.poll(async () => (await call("/api/v1/wallet", { token: kim.token })).status, POLL).toBe(200)
    expect((await kim.wallet()).balanceUsd).toBe("20.00")
    await expect.poll(async () => (await authorize(kim, "r1", { amountUsd: "1.00" })).status, POLL).toBe(201)
  })
})
