/** Budgets, headers and CSP over HTTP (D1 #4, #11, #18): an edge in production, whose budgets are real. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, SignJWT } from "jose"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"
import { plusOf } from "./paying.fixture.ts"
import { budgetsOf } from "./rate-limits.ts"
import { safeHeadersOf } from "./safe-headers.ts"

const ISSUER = "https://id.example.com"
const AUDIENCE = "credits"
/** What clients read as "out of money" (contract 3). */
const MONEY_WORDS = /quota|credit|balance|billing|fund/i

let keys: GenerateKeyPairResult
let jwks: Server
let edge: EdgeUnderTest
let person = 0
let host = 0

beforeAll(async () => {
  keys = await generateKeyPair("ES256")
  const key = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "ES256", use: "sig" }
  jwks = createServer((_request, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [key] }))
  })
  await new Promise<void>((resolve) => jwks.listen(0, "127.0.0.1", resolve))
  const jwksUrl = new URL(`http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks`)
  edge = await startEdge({
    mode: "production",
    trustedProxies: 1,
    tokenIssuer: { issuer: ISSUER, audience: AUDIENCE, jwksUrl },
  })
})
afterAll(async () => {
  await edge.stop()
  await new Promise((resolve) => jwks.close(resolve))
})
/** Every test is somebody else, somewhere else. */
beforeEach(() => {
  edge.paying.reset()
  person += 1
  host += 1
})

const token = () =>
  new SignJWT({ auth_time: Math.floor(Date.now() / 1000) })
    .setProtectedHeader({ alg: "ES256", kid: "k1", typ: "at+jwt" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(`user-${person}`)
    .setIssuedAt()
    .setExpirationTime("5m")
    .sign(keys.privateKey)

const send = (path: string, credential: string | undefined, init: RequestInit & { readonly json?: unknown } = {}) =>
  edge.fetch(path, {
    ...init,
    headers: { "x-forwarded-for": `192.0.2.${host}`, ...(init.headers as Record<string, string>) },
    ...(credential === undefined ? {} : { token: credential }),
  })
const post = (path: string, credential: string, json: unknown = {}) => send(path, credential, { method: "POST", json })

const isLimited = async (response: Response) => {
  expect(response.status).toBe(429)
  expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/)
  const text = await response.text()
  expect(JSON.parse(text)).toMatchObject({ status: 429, code: "rate_limited", title: "Too Many Requests" })
  expect(text).not.toMatch(MONEY_WORDS)
}

describe("budgets in production", () => {
  it("R4.4 fifty confirms of one account at once all pass", async () => {
    const credential = await token()
    edge.paying.subscriptions = (request) =>
      "account" in request ? { ok: { status: "done", subscription: plusOf(request.account ?? "") } } : null
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post("/api/v1/subscription/confirm", credential, { quoteId: "qt_1" })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  })

  it("D1 #11 the sixth card within an hour is 429, and payments is not asked; other requests go on", async () => {
    const credential = await token()
    for (let i = 0; i < 5; i++) expect((await post("/api/v1/payment-method/setup", credential)).status).toBe(200)
    const asked = edge.paying.asked.payments.length
    const response = await post("/api/v1/payment-method/setup", credential)
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(600)
    await isLimited(response)
    await isLimited(await post("/api/v1/payment-method", credential, { setupToken: "tok_ok" }))
    expect(edge.paying.asked.payments).toHaveLength(asked)
    expect((await send("/api/v1/wallet", credential)).status).toBe(200)
  })

  it("D1 #11 twenty cards a day of one address, whatever the account", async () => {
    const statuses: Array<number> = []
    for (let account = 0; account < 5; account++) {
      person += 1
      const credential = await token()
      for (let i = 0; i < 5; i++) statuses.push((await post("/api/v1/payment-method/setup", credential)).status)
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 200), ...Array.from({ length: 5 }, () => 429)])
  })

  it("D1 #18 bad credentials cost their address; good ones of the same address are still read", async () => {
    const credential = await token()
    const statuses: Array<number> = []
    for (let i = 0; i < 60; i++) statuses.push((await send("/api/v1/wallet", `bad.${i}.token`)).status)
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(30)
    await isLimited(await send("/api/v1/wallet", "bad.token.again"))
    await isLimited(await post("/api/v1/gateway/usage", "wk_live_nonsense", []))
    expect((await send("/api/v1/wallet", credential)).status).toBe(200)
    host += 1
    expect((await send("/api/v1/wallet", "bad.token.elsewhere")).status).toBe(401)
  })

  it("D1 #18 one account's flood is its own", async () => {
    const credential = await token()
    const answers: Array<Response> = []
    while (!answers.some(({ status }) => status === 429)) {
      const more = Array.from({ length: 100 }, () => send("/api/v1/wallet/balance", credential))
      answers.push(...(await Promise.all(more)))
    }
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(300)
    await isLimited(answers.find(({ status }) => status === 429)!)
    person += 1
    expect((await send("/api/v1/wallet/balance", await token())).status).toBe(200)
  })

  it("a gateway's key has more than an edge can do, and development more than any test", () => {
    expect(budgetsOf("production").gateway.burst).toBeGreaterThanOrEqual(20_000)
    expect(budgetsOf("production").gateway.perSecond).toBeGreaterThanOrEqual(20_000)
    for (const { burst } of Object.values(budgetsOf("development"))) expect(burst).toBeGreaterThanOrEqual(1_000_000)
  })
})

describe("headers that keep browsers careful", () => {
  const policyOf = (response: Response) => response.headers.get("content-security-policy")

  it("D1 #4 an answer that is no page may run and be framed nowhere; production insists on HTTPS", async () => {
    for (const path of ["/api/v1/wallet", "/api/v1/nothing", "/healthz", "/openapi.json", "/metrics"]) {
      const response = await send(path, undefined)
      expect(policyOf(response)).toBe("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
      expect(response.headers.get("strict-transport-security")).toBe("max-age=63072000")
      expect(response.headers.get("x-content-type-options")).toBe("nosniff")
      expect(response.headers.get("referrer-policy")).toBe("same-origin")
      expect(response.headers.get("permissions-policy")).toContain("camera=()")
      expect(response.headers.get("cache-control")).toBe("no-store")
      await response.body?.cancel()
    }
  })

  it("a page that the browser has already keeps the policy of a page: new headers replace the kept ones", async () => {
    const first = await send("/pricing", undefined)
    const headers = { "if-none-match": first.headers.get("etag")! }
    const again = await send("/pricing", undefined, { headers })
    expect([first.status, again.status]).toEqual([200, 304])
    expect(policyOf(again)).toContain("default-src 'self'")
    expect(policyOf(again)).toBe(policyOf(first))
    await first.body?.cancel()
  })

  it("only the reference page may carry its own program, and it arrives whole", async () => {
    const response = await send("/docs", undefined)
    expect(policyOf(response)).toContain("script-src 'self' 'unsafe-inline'")
    expect(policyOf(response)).toContain("frame-ancestors 'none'")
    const html = await response.text()
    expect(html).toContain("/api/v1/wallet")
    expect(html).not.toMatch(/<script[^>]+src="https?:/)
  })

  it("a page may use Stripe's card element and nothing else of others", () => {
    const page = { "content-type": "text/html; charset=utf-8" }
    const policy = safeHeadersOf("production", true).of("/wallet", page)["content-security-policy"]!
    expect(policy.split("; ")).toEqual([
      "default-src 'self'",
      "script-src 'self' https://js.stripe.com",
      "frame-src https://js.stripe.com https://hooks.stripe.com",
      "connect-src 'self' https://api.stripe.com",
      "style-src 'self'",
      "img-src 'self' data:",
      "object-src 'none'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'self'",
    ])
    const own = safeHeadersOf("development", false).of("/wallet", page)
    expect(own["content-security-policy"]).not.toContain("stripe")
    expect(own).not.toHaveProperty("strict-transport-security")
    const receipt = { ...page, "content-security-policy": "default-src 'none'" }
    expect(safeHeadersOf("production", true).of("/r", receipt)["content-security-policy"]).toBe("default-src 'none'")
  })
})
