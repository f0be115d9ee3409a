/**
 * Goal: who may do what, route by route. Method: every route the edge has, from its API and its sources, meets every
 * kind of credential; a route without a row here fails. The account of a request is always the credential's: what is
 * asked of the services in the name of another account is looked at as well.
 */
import { readdirSync, readFileSync } from "node:fs"
import { Api } from "@credits/contracts/http"
import { hashApiKey } from "@credits/kernel"
import { openDatabaseNow } from "@credits/store"
import { OpenApi } from "effect/http-api"
import type { Kysely } from "kysely"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, TEST_MODEL } from "./edge.fixture.ts"
import { chargeOf } from "./paying.fixture.ts"
import { startStubProcessor, type StubProcessor } from "./processor.fixture.ts"
import type { Tables } from "./schema.ts"
import { hashSession } from "./session.ts"

type Column = "nobody" | "nonsense" | "gateway" | "control" | "other" | "owner"
const COLUMNS: ReadonlyArray<Column> = ["nobody", "nonsense", "gateway", "control", "other", "owner"]
/** Ways to say the same: each is answered as its column is, where the route looks at it at all. */
const ALIKE = {
  "owner's session": "owner",
  "other's session": "other",
  "an ended session": "nonsense",
  "an expired session": "nonsense",
  "an expired control key": "nonsense",
  "an expired gateway key": "nonsense",
} as const satisfies Record<string, Column>
type Alike = keyof typeof ALIKE

/** What each kind of route answers to each credential; `ok` is any success. */
type Expectation = Readonly<Record<Column, "ok" | 401 | 403 | 404>>
const OPEN: Expectation = { nobody: "ok", nonsense: "ok", gateway: "ok", control: "ok", other: "ok", owner: "ok" }
/** A control key reads. */
const READ: Expectation = { nobody: 401, nonsense: 401, gateway: 403, control: "ok", other: "ok", owner: "ok" }
/** Names something of the owner's. */
const READ_OWN: Expectation = { ...READ, other: 404 }
/** Moves money or changes what does: a person only. */
const CHANGE: Expectation = { ...READ, control: 403 }
const CHANGE_OWN: Expectation = { ...CHANGE, other: 404 }
const GATEWAY: Expectation = { nobody: 401, nonsense: 401, gateway: "ok", control: 403, other: 403, owner: 403 }
/** Nobody is an answer too; a gateway's key is the wrong kind of somebody. */
const ASKS_WHO: Expectation = { ...OPEN, gateway: 403 }
const ABSENT: Expectation = { nobody: 404, nonsense: 404, gateway: 404, control: 404, other: 404, owner: 404 }
/** Needs no credential; one that is sent must be a customer's. */
const SANDBOX: Expectation = { ...READ, nobody: "ok" }
const SANDBOX_OWN: Expectation = { ...SANDBOX, other: 404 }

interface Row {
  readonly expect: Expectation
  readonly json?: unknown
  /** Words of the path that stand for the owner's things. */
  readonly ids?: Readonly<Record<string, string>>
  /** The answer never ends by itself. */
  readonly isStream?: true
  readonly headers?: Readonly<Record<string, string>>
}

const HOLD = `hold_${"0".repeat(26)}1`
const QUOTE = { plan: "pro", interval: "monthly" }
const AUTHORIZATION = { accountId: "acc_1", requestId: "r1", model: TEST_MODEL, amountUsd: "1.00" }

/** Stands for a body that shows the owner's token. */
const OF_OWNER = Symbol("credential of the owner")

const ROWS: Readonly<Record<string, Row>> = {
  "GET /healthz": { expect: OPEN },
  "GET /readyz": { expect: OPEN },
  "GET /metrics": { expect: OPEN },
  "GET /openapi.json": { expect: OPEN },
  "GET /docs": { expect: OPEN },
  "GET /api/v1/public/site": { expect: OPEN },
  "GET /api/v1/plans": { expect: OPEN },
  "GET /api/v1/public/model-prices": { expect: OPEN },
  "POST /api/v1/dev/sign-in": { expect: OPEN, json: { email: "eve@example.com" } },
  "POST /api/v1/dev/gateway-key": { expect: OPEN, json: {} },
  "GET /api/v1/dev/clock": { expect: OPEN },
  "POST /api/v1/dev/clock/advance": { expect: OPEN, json: { by: "PT0S" } },
  "POST /api/v1/webhooks/stripe": { expect: OPEN, json: {}, headers: { "stripe-signature": "t=1,v1=00" } },
  "GET /__sandbox/charges": { expect: SANDBOX },
  "POST /__sandbox/authenticate/{chargeId}": { expect: SANDBOX_OWN, json: {}, ids: { chargeId: "chg_1" } },
  "GET /api/v1/wallet": { expect: READ },
  "GET /api/v1/wallet/balance": { expect: READ },
  "GET /api/v1/wallet/entries": { expect: READ },
  "GET /api/v1/wallet/usage": { expect: READ },
  "GET /api/v1/wallet/auto-top-up": { expect: READ },
  "PUT /api/v1/wallet/auto-top-up": { expect: CHANGE, json: { monthlyCapUsd: "50.00", consent: true } },
  "DELETE /api/v1/wallet/auto-top-up": { expect: CHANGE },
  "GET /api/v1/payment-method": { expect: READ },
  "POST /api/v1/payment-method": { expect: CHANGE, json: { setupToken: "tok_ok" } },
  "DELETE /api/v1/payment-method": { expect: CHANGE },
  "POST /api/v1/payment-method/setup": { expect: CHANGE, json: {} },
  "GET /api/v1/subscription": { expect: READ },
  "POST /api/v1/subscription/quote": { expect: CHANGE, json: QUOTE },
  "POST /api/v1/subscription/confirm": { expect: CHANGE_OWN, json: { quoteId: "qt_1" } },
  "POST /api/v1/subscription/cancel": { expect: CHANGE, json: {} },
  "POST /api/v1/subscription/resume": { expect: CHANGE, json: {} },
  "POST /api/v1/subscription/pay": { expect: CHANGE, json: {} },
  "GET /api/auth/get-session": { expect: ASKS_WHO },
  // Nobody is sent to an issuer outside production: sign-in.test.ts has one.
  "GET /api/auth/sign-in": { expect: ABSENT },
  "GET /api/auth/callback": { expect: ABSENT },
  "POST /api/auth/sign-out": { expect: OPEN, json: {} },
  "GET /api/v1/billing/summary": { expect: READ },
  "GET /api/v1/billing/history": { expect: READ },
  "GET /api/v1/billing/history/{chargeId}/receipt": { expect: READ_OWN, ids: { chargeId: "chg_1" } },
  "GET /api/v1/billing/history/{chargeId}/receipt.pdf": { expect: READ_OWN, ids: { chargeId: "chg_1" } },
  "GET /api/v1/billing/reviews": { expect: READ },
  "POST /api/v1/billing/reviews": { expect: CHANGE_OWN, json: { chargeId: "chg_1", reason: "twice" } },
  "GET /api/v1/notifications": { expect: READ },
  "POST /api/v1/notifications/{notificationId}/read": { expect: CHANGE_OWN, ids: { notificationId: "ntf_1" } },
  "POST /api/v1/notifications/read-all": { expect: CHANGE },
  "GET /api/v1/notifications/preferences": { expect: READ },
  "PUT /api/v1/notifications/preferences": { expect: CHANGE, json: { groups: { credits: { email: false } } } },
  "GET /api/v1/control-keys": { expect: CHANGE },
  "POST /api/v1/control-keys": { expect: CHANGE, json: { name: "laptop" } },
  "DELETE /api/v1/control-keys/{keyId}": { expect: CHANGE_OWN, ids: { keyId: "KEY" } },
  "POST /api/v1/gateway/authorizations": { expect: GATEWAY, json: AUTHORIZATION },
  "POST /api/v1/gateway/authorizations/{holdId}/extend": {
    expect: GATEWAY,
    json: { amountUsd: "1.00" },
    ids: { holdId: HOLD },
  },
  "DELETE /api/v1/gateway/authorizations/{holdId}": { expect: GATEWAY, ids: { holdId: HOLD } },
  "POST /api/v1/gateway/usage": { expect: GATEWAY, json: [] },
  "POST /api/v1/events": { expect: GATEWAY, json: [] },
  "POST /api/v1/gateway/callers": { expect: GATEWAY, json: OF_OWNER },
  // Last: a stream that was left may still be read for.
  "GET /api/v1/wallet/events": { expect: READ, isStream: true },
}

/** Routes beside the API: what the sources hand to the router. */
const plainRoutes = (): ReadonlyArray<string> =>
  readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(name))
    .map((name) => readFileSync(`${import.meta.dirname}/${name}`, "utf8"))
    .flatMap((source) => [
      ...[...source.matchAll(/outer\.add\(\s*"(\w+)",\s*"([^"]+)"/gi)].map(([, method, path]) => `${method} ${path}`),
      ...[...source.matchAll(/\b(?:openapiPath|path): "(\/[^"]+)" \}/g)].map(([, path]) => `GET ${path}`),
    ])

const apiRoutes = (): ReadonlyArray<string> =>
  Object.entries(OpenApi.fromApi(Api).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )

let edge: EdgeUnderTest
let processor: StubProcessor
const credentials: Record<Column, string | undefined> = {
  nobody: undefined,
  nonsense: "not.a.token",
  gateway: "",
  control: "",
  other: "",
  owner: "",
}
let owner = ""
let other = ""
let keyToRevoke = ""
const expiredKeys = { control: "", gateway: "" }

beforeAll(async () => {
  processor = await startStubProcessor()
  edge = await startEdge({ processorUrl: new URL(processor.url) })
  edge.answerPricing = (op) =>
    op === "usage"
      ? { ok: { items: [] } }
      : op === "totals"
        ? { ok: TOTALS }
        : op === "plans"
          ? { ok: { catalogueVersion: "c", plans: [] } }
          : MODELS
  const ada = await edge.signIn("ada@example.com")
  const bob = await edge.signIn("bob@example.com")
  owner = ada.accountId
  other = bob.accountId
  credentials.owner = ada.accessToken
  credentials.other = bob.accessToken
  credentials.gateway = await edge.gatewayKey()
  credentials.control = await edge.controlKey(ada.accessToken)
  // The services know whose things are whose.
  edge.paying.payments = (request) =>
    request.op === "charge-show" && request.account !== owner ? NOT_FOUND("not_found") : null
  edge.paying.subscriptions = (request) =>
    request.op === "confirm" && request.account !== owner
      ? NOT_FOUND("quote_not_found")
      : request.op === "review-open" && request.account !== owner
        ? NOT_FOUND("charge_not_found")
        : null
  edge.paying.notifications = (request) =>
    request.op === "read" && request.account !== owner ? NOT_FOUND("notification_not_found") : null
  keyToRevoke = await newKeyId()
  expiredKeys.control = await expiredKey(await edge.controlKey(ada.accessToken))
  expiredKeys.gateway = await expiredKey(await edge.gatewayKey())
})
afterAll(async () => {
  await edge.stop()
  await processor.close()
})

const NOT_FOUND = (code: string) => ({ refused: { code, detail: "none of this account" } })
const MODELS = { ok: { version: "b", currency: "USD", unit: "per_1m_tokens", models: [] } }

const pathOf = (route: string, { ids = {} }: Row): string =>
  route
    .slice(route.indexOf(" ") + 1)
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === "keyId" ? keyToRevoke : ids[name]!))

const call = async (route: string, row: Row, sent: { token?: string; cookie?: string }): Promise<number> => {
  const abort = new AbortController()
  const response = await edge.fetch(pathOf(route, row), {
    method: route.slice(0, route.indexOf(" ")),
    signal: abort.signal,
    headers: { ...row.headers, ...(sent.cookie === undefined ? {} : { cookie: sent.cookie }) },
    ...(sent.token === undefined ? {} : { token: sent.token }),
    ...(row.json === undefined ? {} : { json: row.json === OF_OWNER ? { credential: credentials.owner } : row.json }),
  })
  if (row.isStream) abort.abort()
  else await response.text()
  return response.status
}

const newKeyId = async (): Promise<string> => {
  const token = credentials.owner!
  const made = await edge.fetch("/api/v1/control-keys", { method: "POST", token, json: { name: "k" } })
  const { id } = (await made.json()) as { id: string }
  if (keyToRevoke !== "") await edge.fetch(`/api/v1/control-keys/${keyToRevoke}`, { method: "DELETE", token })
  return id
}

const sessionOf = async (email: string): Promise<string> => {
  const response = await edge.fetch("/api/v1/dev/sign-in", { method: "POST", json: { email } })
  return response.headers.getSetCookie()[0]!.split(";")[0]!
}

/** Changes the edge's own tables behind its back: time passes for a session or a key. */
const age = async (change: (tables: Kysely<Tables>) => Promise<unknown>): Promise<void> => {
  const database = await openDatabaseNow<Tables>({ service: "edge", dataDir: edge.dataDir, databaseUrl: undefined })
  await change(database.kysely)
  await database.close()
}
const expiredKey = async (key: string): Promise<string> => {
  await age((tables) =>
    tables.updateTable("api_key").set({ expires_at: 1 }).where("hash", "=", hashApiKey(key)).execute(),
  )
  return key
}

const alikeCredential = async (alike: Alike): Promise<{ token?: string; cookie?: string }> => {
  const cookie = await sessionOf(alike === "other's session" ? "bob@example.com" : "ada@example.com")
  switch (alike) {
    case "owner's session":
    case "other's session":
      return { cookie }
    case "an ended session":
      await edge.fetch("/api/auth/sign-out", { method: "POST", headers: { cookie } })
      return { cookie }
    case "an expired session": {
      const hash = hashSession(cookie.slice(cookie.indexOf("=") + 1))
      await age((tables) => tables.updateTable("session").set({ idle_at: 1 }).where("hash", "=", hash).execute())
      return { cookie }
    }
    case "an expired control key":
      return { token: expiredKeys.control }
    case "an expired gateway key":
      return { token: expiredKeys.gateway }
  }
}

/** Accounts that the services were asked about since the last look. */
const accountsAsked = (): ReadonlySet<string> => {
  const { payments, subscriptions, topup } = edge.paying.asked
  const all: ReadonlyArray<Array<object>> = [edge.asked, payments, subscriptions, topup]
  const requests = all.flatMap((asked) => asked.splice(0))
  return new Set(requests.flatMap((request) => ("account" in request ? [request.account as string] : [])))
}

describe("who may do what", () => {
  it("every route has a row, and every row a route", () => {
    expect(new Set([...apiRoutes(), ...plainRoutes()])).toEqual(new Set(Object.keys(ROWS)))
  })

  it.each(Object.keys(ROWS))("%s", async (route) => {
    const row = ROWS[route]!
    for (const column of COLUMNS) {
      accountsAsked()
      const token = credentials[column]
      const status = await call(route, row, token === undefined ? {} : { token })
      const expected = row.expect[column]
      const seen = expected === "ok" && status >= 200 && status < 300 ? "ok" : status
      expect(`${column}: ${seen}`).toBe(`${column}: ${expected}`)
      if (row.expect === OPEN || row.expect === GATEWAY || row.isStream) continue
      const accounts = accountsAsked()
      // Nobody is asked for a caller who is refused; for the others only about their own account.
      const own = expected === 401 || expected === 403 ? [] : column === "other" ? [other] : [owner]
      for (const account of accounts) expect(own).toContain(account)
    }
  })

  it.each(Object.keys(ROWS))("%s, with sessions, and with what is over", async (route) => {
    const row = ROWS[route]!
    for (const alike of Object.keys(ALIKE) as ReadonlyArray<Alike>) {
      keyToRevoke = await newKeyId()
      const sent = await alikeCredential(alike)
      accountsAsked()
      const status = await call(route, row, sent)
      // A session is no credential of a gateway, not even of the wrong kind.
      const expected = row.expect === GATEWAY ? 401 : row.expect[ALIKE[alike]]
      const seen = expected === "ok" && status >= 200 && status < 300 ? "ok" : status
      expect(`${alike}: ${seen}`).toBe(`${alike}: ${expected}`)
      if (row.expect === OPEN || row.expect === GATEWAY || row.isStream) continue
      const own = expected === 401 || expected === 403 ? [] : alike === "other's session" ? [other] : [owner]
      for (const account of accountsAsked()) expect(own).toContain(account)
    }
  })

  it("the processor's book shows a customer no line of another", async () => {
    processor.book = [
      { ...LINE, id: "ch_1", accountId: owner, chargeId: chargeOf(owner).chargeId },
      { ...LINE, id: "ch_2", accountId: other, chargeId: "chg_2" },
    ]
    const linesOf = async (column: Column) => {
      const token = credentials[column]
      const response = await edge.fetch("/__sandbox/charges", token === undefined ? {} : { token })
      return ((await response.json()) as { items: ReadonlyArray<{ id: string }> }).items.map(({ id }) => id)
    }
    expect(await linesOf("owner")).toEqual(["ch_1"])
    expect(await linesOf("other")).toEqual(["ch_2"])
    expect(await linesOf("nobody")).toEqual(["ch_1", "ch_2"])
  })
})

const TOTALS = { calls: 0, recharges: 0, recharged: "0", today: { day: "2026-01-02", cost: "0" } }

const LINE = {
  obligation: "first:sub_1",
  amountCents: 1600,
  refundedCents: 0,
  currency: "usd",
  status: "succeeded",
  at: "2026-01-02T00:00:00.000Z",
}
