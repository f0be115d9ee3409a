/** What `@credits/client` promises a gateway, over either way. The other side is the real one. */
import { join } from "node:path"
import { type Gateway, type GatewayOptions, openGateway } from "@credits/client"
import { parseUsd, usd } from "@credits/kernel"
import type { Customer } from "@credits/testkit"
import { afterAll, beforeAll, expect, it } from "vitest"
import { customerWith, type GatewayTesting, SOON } from "./gateway-customer.ts"

const MODEL = "gpt-4o"
/** Longer than a service needs to come back. */
const DEADLINE_MS = 30_000

let events = 0
const usage = (
  account: string,
  holdId: string | undefined,
  output: number,
  id = `client-${process.pid}-${++events}`,
) => ({
  specversion: "1.0",
  type: "ai.usage.v1",
  id,
  source: "client-test",
  subject: account,
  time: new Date().toISOString(),
  data: {
    requestId: `req-${id}`,
    ...(holdId !== undefined && { holdId }),
    mode: "hosted",
    provider: "openai",
    model: MODEL,
    status: "ok",
    tokens: { convention: "inclusive", input: 1_000, output },
  },
})

/** 1,000 tokens at 2.50 and `output` at 10 USD a million. */
const costOf = (output: number): bigint => usd("0.0025") + (usd("10") * BigInt(output)) / 1_000_000n

const nanoOf = (text: string): bigint => parseUsd(text)!

type Way = "NATS" | "HTTP"

const optionsOf = (way: Way, { system, key, folder }: GatewayTesting): GatewayOptions => {
  const common = { spool: { directory: join(folder, way) }, deadlineMs: DEADLINE_MS }
  return way === "HTTP"
    ? { ...common, url: system.url, key }
    : { ...common, servers: system.natsUrl, seed: system.seeds.gateway }
}

let calls = 0
const request = (): string => `client-${++calls}`

const refusesWithReasons = async (gateway: Gateway, testing: GatewayTesting): Promise<void> => {
  const bob = await customerWith(testing, "0.50")
  const call = { account: bob.account, model: MODEL }
  const dear = await gateway.authorize({ ...call, requestId: request(), amount: usd("2") })
  expect(dear).toMatchObject({ refused: { code: "insufficient_balance", available: usd("0.50") } })
  const partly = await gateway.authorize({ ...call, requestId: request(), amount: usd("2"), atLeast: usd("0.10") })
  expect(partly).toMatchObject({ ok: { held: usd("0.50"), availableAfter: 0n } })
  const { holdId } = (partly as { ok: { holdId: string } }).ok
  expect(await gateway.release(holdId)).toHaveProperty("ok")
  expect(await bob.wallet()).toMatchObject({ availableUsd: "0.50", heldUsd: "0.00" })

  const free = await customerWith(testing)
  const estimate = { inputTokens: 1, maxOutputTokens: 1 }
  const other = { account: free.account, requestId: request(), estimate }
  expect(await gateway.authorize({ ...other, model: MODEL })).toMatchObject({ refused: { code: "plan_required" } })
  const unknown = await gateway.authorize({ ...other, requestId: request(), model: "no-such-model" })
  expect(unknown).toMatchObject({ refused: { code: "model_unknown" } })
}

export const clientBehaviour = (way: Way, testing: GatewayTesting): void => {
  let gateway: Gateway
  let ada: Customer
  const balance = async (): Promise<bigint> => nanoOf((await ada.wallet()).balanceUsd)

  beforeAll(async () => {
    ada = await customerWith(testing, "20.00")
    gateway = await openGateway(optionsOf(way, testing))
    await gateway.priced()
  })
  afterAll(() => gateway.close())

  it("R6.1 R6.3 holds the most a call can cost, extends, and settles what it cost", async () => {
    const call = { account: ada.account, requestId: request(), model: MODEL }
    const estimate = { inputTokens: 1_000, maxOutputTokens: 500 }
    const held = await gateway.authorize({ ...call, estimate })
    expect(held).toMatchObject({ ok: { held: costOf(500), availableAfter: usd("20") - costOf(500) } })
    expect(await gateway.authorize({ ...call, estimate })).toEqual(held)
    const { holdId } = (held as { ok: { holdId: string } }).ok
    const extended = await gateway.extend(holdId, costOf(500), `${call.requestId}:1`)
    expect(extended).toMatchObject({ ok: { holdId, held: 2n * costOf(500) } })
    expect(await gateway.extend(holdId, costOf(500), `${call.requestId}:1`)).toEqual(extended)

    const event = usage(ada.account, holdId, 700)
    await gateway.usage(event)
    await gateway.usage(event)
    await gateway.flush()
    await expect.poll(async () => (await ada.wallet()).heldUsd, SOON).toBe("0.00")
    expect(await balance()).toBe(usd("20") - costOf(700))
    expect(await gateway.extend(holdId, 1n)).toMatchObject({ refused: { code: "hold_not_open" } })
  })

  it("R6.2 refuses with a typed reason, and holds less where less will do", () => refusesWithReasons(gateway, testing))

  it("tells whose access token or control key it is shown, and of a gateway's own that it is nobody's", async () => {
    const { body } = await ada.call<{ key: string }>("control-keys", { json: { name: "laptop" } })
    expect(await gateway.callerOf(ada.token)).toEqual({ ok: { account: ada.account } })
    expect(await gateway.callerOf(body.key)).toEqual({ ok: { account: ada.account } })
    for (const nobody of ["", "nonsense", testing.key]) {
      expect(await gateway.callerOf(nobody)).toMatchObject({ refused: { code: "auth_required" } })
    }
  })

  it("R6.6 I3 is asked and keeps events while a service is away, and loses and doubles nothing", async () => {
    const before = await balance()
    const { system } = testing
    const away = way === "HTTP" ? "edge" : "ledger"
    const pid = system.pidOf(away)
    system.kill(away)
    const call = { account: ada.account, requestId: request(), model: MODEL, amount: usd("0.01") }
    const asked = gateway.authorize(call)
    await Promise.all(Array.from({ length: 10 }, () => gateway.usage(usage(ada.account, undefined, 100))))
    await system.restarted(away, pid)
    const answer = await asked
    expect(answer).toHaveProperty("ok")
    await gateway.release((answer as { ok: { holdId: string } }).ok.holdId)
    await gateway.flush()
    await expect.poll(balance, SOON).toBe(before - 10n * costOf(100))
    expect(gateway.stats).toMatchObject({ eventsRejected: 0, lastPublishError: null })
  })
}
