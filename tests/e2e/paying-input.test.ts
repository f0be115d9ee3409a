/**
 * Goal: nothing that comes in over a border of the paying services does harm: it is refused by name, and the service
 * goes on. Method: the whole system; the same kinds of nonsense over HTTP, over the bus and at the command line.
 */
import { ask, type BusHandle, closeBus, connectBus } from "@credits/bus"
import { type CallOptions, callHttp, Customer, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

let system: SystemUnderTest
/** Each has its own rights; what it may ask, it may ask wrongly. */
const USERS = ["ops", "edge", "subscriptions"] as const
const buses = {} as Record<(typeof USERS)[number], BusHandle>
let customer: Customer

beforeAll(async () => {
  system = await startSystem()
  for (const name of USERS) {
    buses[name] = await connectBus({ servers: system.natsUrl, seed: system.seeds[name], name })
  }
  customer = await Customer.signIn(system.url, "ada@example.com")
})
afterAll(async () => {
  for (const name of USERS) await closeBus(buses[name])
  await system.stop()
})

const isAlive = async (): Promise<boolean> =>
  (await customer.call("subscription")).status === 200 && (await customer.call("billing/history")).status === 200

describe("over HTTP", () => {
  const LONG = "x".repeat(100_000)
  const NONSENSE: ReadonlyArray<unknown> = [null, true, 7, "text", [], [{}], { "": 1 }, { a: { b: { c: LONG } } }]
  const TEXTS: ReadonlyArray<unknown> = [
    "",
    " ",
    "\u0000",
    "🙂",
    LONG,
    "'; drop table quote; --",
    "../..",
    0,
    -1,
    1e21,
    {},
    [],
  ]

  it.each([
    ["POST", "subscription/quote", { plan: "plus", interval: "monthly" }],
    ["POST", "subscription/confirm", { quoteId: "qt_1" }],
    ["POST", "payment-method", { setupToken: "tok_ok" }],
    ["PUT", "wallet/auto-top-up", { monthlyCapUsd: "50.00", consent: true }],
    ["POST", "billing/reviews", { chargeId: "chg_1", reason: "twice" }],
  ] as const)("%s %s is 4xx for whatever is no request of it", async (method, path, good) => {
    const statuses = new Set<number>()
    const send = async (json: unknown) => statuses.add((await customer.call(path, { method, json })).status)
    for (const json of NONSENSE) await send(json)
    for (const field in good) {
      for (const text of TEXTS) await send({ ...good, [field]: text })
      await send({ ...good, [field]: undefined })
    }
    await send({ ...good, accountId: "acc_other" })
    await send({ ...good, __proto__: { admin: true }, admin: true })
    expect([...statuses].filter((status) => status < 400 || status >= 500)).toEqual([])
    expect(await isAlive()).toBe(true)
  })

  it.each(["", "x", "chg_", "chg_../../x", "chg_%00", "qt_1", "x".repeat(79), "%F0%9F%99%82"])(
    "a receipt of %j is 400 or 404",
    async (id) => {
      const { status } = await customer.call(`billing/history/${id}/receipt`).catch(() => ({ status: 404 }))
      expect([400, 404]).toContain(status)
    },
  )

  it.each(["?cursor=x", "?limit=1e3", "?from=now", "?account=acc_other"])("a history of %s is 400", async (query) => {
    expect((await customer.call(`billing/history${query}`)).status).toBe(400)
  })

  it("a webhook that nobody signed, an old one and a forged one are 400, and change nothing", async () => {
    const send = (signature: string | undefined, body: string) =>
      fetch(`${system.url}/api/v1/webhooks/stripe`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(signature === undefined ? {} : { "stripe-signature": signature }),
        },
        body,
      })
    const event = JSON.stringify({
      id: "evt_1",
      object: "event",
      type: "payment_intent.succeeded",
      data: { object: {} },
    })
    const seconds = Math.floor(Date.now() / 1000)
    for (const signature of [
      undefined,
      "",
      "v1=00",
      `t=${seconds},v1=${"0".repeat(64)}`,
      "t=1,v1=zz",
      "x".repeat(4097),
    ]) {
      expect((await send(signature, event)).status).toBe(400)
    }
    expect(await isAlive()).toBe(true)
  })

  it("a confirm with a body of 10 MiB is 413, one that is not JSON 400, one of another type 415", async () => {
    const post = async (body: string, type = "application/json") => {
      const headers = { "content-type": type, authorization: `Bearer ${customer.token}` }
      return (await fetch(`${system.url}/api/v1/subscription/confirm`, { method: "POST", headers, body })).status
    }
    expect(await post(`"${"x".repeat(10 * 1024 * 1024)}"`)).toBe(413)
    expect(await post("{")).toBe(400)
    expect(await post("<a/>", "application/xml")).toBe(415)
  })

  it("without a credential, or with one of another kind, nothing of it is reached", async () => {
    const { body } = await callHttp<{ key: string }>(system.url, "/api/v1/dev/gateway-key", { json: {} })
    const statusOf = async (options: CallOptions) =>
      (await callHttp(system.url, "/api/v1/subscription/confirm", { json: { quoteId: "qt_1" }, ...options })).status
    expect(await statusOf({})).toBe(401)
    expect(await statusOf({ token: "nonsense" })).toBe(401)
    expect(await statusOf({ token: body.key })).toBe(403)
  })
})

describe("over the bus", () => {
  const TEXTS = [
    "",
    "no JSON",
    "null",
    "[]",
    "7",
    "{}",
    '{"op":"show"}',
    '{"op":"show","account":7}',
    '{"op":"show","account":"nobody"}',
    '{"op":"show","account":"acc_1","more":true}',
    '{"op":"nothing","account":"acc_1"}',
    `{"op":"show","account":"acc_${"x".repeat(1000)}"}`,
    `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
  ]

  it.each([
    ["payments", "subscriptions", ["charge", "charge-close"]],
    ["payments", "edge", ["method-save", "webhook"]],
    ["payments", "ops", ["charge-show", "recon-run"]],
    ["subscriptions", "ops", ["quote", "confirm", "cancel", "complimentary", "review-open", "nothing"]],
    ["topup", "ops", ["enable", "disable", "suspend", "consents", "nothing"]],
  ] as const)("%s refuses %s what is no request, each time with an answer", async (service, user, ops) => {
    const codes = new Set<string>()
    for (const op of ops) {
      for (const text of TEXTS) {
        const answer = JSON.parse(await ask(buses[user].connection, `${service}.request.${op}`, text, 5_000)) as {
          readonly refused?: { readonly code: string }
        }
        codes.add(answer.refused?.code ?? `${op} ${text.slice(0, 40)} was done`)
      }
    }
    expect([...codes].filter((code) => code !== "invalid" && code !== "unknown_op")).toEqual([])
    expect(await isAlive()).toBe(true)
  })

  it.each([
    ["ops", "charge"],
    ["ops", "method-save"],
    ["edge", "charge"],
    ["edge", "charge-refund"],
    ["subscriptions", "charge-refund"],
    ["subscriptions", "nothing"],
  ] as const)("decision 20: the bus refuses %s a %s", async (user, op) => {
    await expect(ask(buses[user].connection, `payments.request.${op}`, "{}", 5_000)).rejects.toThrow(/Permissions/)
  })
})
