/** The endpoints of the Open Design clients (contract section 3) over HTTP: shapes, outages, origins, the session. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, walletOf } from "./edge.fixture.ts"
import { plusOf } from "./paying.fixture.ts"

const PAGE = "https://open-design.example"
const SUMMARY = "/api/v1/billing/summary"
const BALANCE = "/api/v1/wallet/balance"

let edge: EdgeUnderTest
let token = ""
let account = ""
let cookie = ""
const TOTALS = { calls: 9, recharges: 1, recharged: "500000000", today: { day: "2026-01-02", cost: "123456789" } }

const signIn = async (email: string) => {
  const response = await edge.fetch("/api/v1/dev/sign-in", { method: "POST", json: { email } })
  const { accountId, accessToken } = (await response.json()) as { accountId: string; accessToken: string }
  return { accountId, accessToken, cookie: response.headers.getSetCookie()[0]!.split(";")[0]! }
}

beforeAll(async () => {
  edge = await startEdge({ allowedOrigins: [PAGE] })
  ;({ accountId: account, accessToken: token, cookie } = await signIn("Ada@Example.com"))
})
afterAll(() => edge.stop())
beforeEach(() => {
  edge.paying.reset()
  edge.answer = () => null
  edge.answerPricing = () => ({ ok: TOTALS })
})

const read = async (path: string, headers: Record<string, string> = { cookie }) => {
  const response = await edge.fetch(path, { headers })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

describe("GET /api/v1/billing/summary", () => {
  it("contract 3: is the account of the credential, whole", async () => {
    edge.answer = () => ({
      ok: walletOf(account, {
        available: "19999999999",
        balance: "20499999999",
        held: "500000000",
        lots: [
          { ...walletOf(account).lots[0]!, remaining: "19999950000" },
          { ...walletOf(account).lots[0]!, id: "lot_2", kind: "topup", remaining: "500049999" },
        ],
        totals: { granted: "0", spent: "4000000000", expired: "0", revoked: "0" },
      }),
    })
    for (const headers of [{ cookie }, { authorization: `Bearer ${token}` }]) {
      const { status, body } = await read(SUMMARY, headers)
      expect(status).toBe(200)
      expect(body).toEqual({
        balanceUsd: "20.4999",
        creditsPerUsd: 10_000,
        balances: { subscriptionCredits: "199999", rechargeCredits: "5000", totalAvailableCredits: "204999" },
        membershipTier: "plus",
        billingInterval: "monthly",
        subscriptionStatus: "active",
        subscriptionEntitlementStatus: "active",
        subscriptionCurrentPeriodStart: "2026-01-02T00:00:00.000Z",
        subscriptionCurrentPeriodEnd: "2026-02-02T00:00:00.000Z",
        subscriptionCancelAtPeriodEnd: false,
        firstMonthIntroEligible: false,
        personalSubscriptionCheckoutAllowed: true,
        pendingSubscriptionChange: null,
        availableActions: ["subscription_checkout", "billing_portal"],
        totalRechargedUsd: "0.5000",
        totalConsumedUsd: "4.0000",
        todayConsumedUsd: "0.1234",
        rechargeCount: 1,
        usageCount: 9,
        updatedAt: "2026-01-02T00:00:00.000Z",
      })
    }
  })

  it("a workspace of the client means nothing; another account's is 404, and nobody is asked about it", async () => {
    for (const workspace of ["ws_1", account])
      expect((await read(`${SUMMARY}?workspaceId=${workspace}`)).status).toBe(200)
    edge.asked.length = 0
    const { status, body } = await read(`${SUMMARY}?workspaceId=acc_01h455vb4pex5vsknk084sn02q`)
    expect([status, body["code"]]).toEqual([404, "not_found"])
    expect(edge.asked).toEqual([])
    expect((await read(`${SUMMARY}?workspace=ws_1`)).status).toBe(400)
  })

  it("a control key reads it, a gateway's key is 403", async () => {
    const key = await edge.controlKey(token)
    expect((await read(SUMMARY, { authorization: `Bearer ${key}` })).status).toBe(200)
    const gateway = { authorization: `Bearer ${await edge.gatewayKey()}` }
    for (const path of [SUMMARY, BALANCE, "/api/auth/get-session"]) expect((await read(path, gateway)).status).toBe(403)
  })
})

describe("when a service does not answer", () => {
  it.each(["ledger", "pricing", "subscriptions"] as const)("%s away: 503, never a number", async (service) => {
    const refused = { refused: { code: "unavailable", detail: "away" } } as const
    if (service === "ledger") edge.answer = () => refused
    if (service === "pricing") edge.answerPricing = () => refused
    if (service === "subscriptions") edge.paying.subscriptions = () => refused
    for (const path of service === "ledger" ? [SUMMARY, BALANCE] : [SUMMARY]) {
      const { status, headers, body } = await read(path)
      expect([status, headers.get("retry-after"), body["code"]]).toEqual([503, "1", "unavailable"])
      expect(body).not.toHaveProperty("balanceUsd")
    }
  })
})

describe("the session", () => {
  it("contract 3: get-session is the person of the cookie or bearer, null for nobody and for rubbish", async () => {
    const ada = { user: { id: account, name: "ada", email: "ada@example.com" } }
    expect((await read("/api/auth/get-session")).body).toEqual(ada)
    expect((await read("/api/auth/get-session", { authorization: `Bearer ${token}` })).body).toEqual(ada)
    for (const headers of [{}, { cookie: "credits_session=ses_no" }, { authorization: "Bearer no.token" }]) {
      const { status, body } = await read("/api/auth/get-session", headers as Record<string, string>)
      expect([status, body]).toEqual([200, null])
    }
  })

  it("contract 3: sign-out ends the session where it is kept, and may be repeated", async () => {
    const own = await signIn("bob@example.com")
    const headers = { cookie: own.cookie }
    expect((await read(BALANCE, headers)).status).toBe(200)
    for (let i = 0; i < 2; i++) {
      const response = await edge.fetch("/api/auth/sign-out", { method: "POST", headers, json: {} })
      expect([response.status, await response.json()]).toEqual([200, { success: true }])
      expect(response.headers.getSetCookie()[0]).toMatch(/^credits_session=; Max-Age=0; Path=\/;.* HttpOnly/)
    }
    expect((await read(BALANCE, headers)).status).toBe(401)
    expect((await read("/api/auth/get-session", headers)).body).toBeNull()
    // The token was given to a program: it is not the browser's to end.
    expect((await read(BALANCE, { authorization: `Bearer ${own.accessToken}` })).status).toBe(200)
  })

  it("signing in replaces the session that the browser had", async () => {
    const first = await signIn("eve@example.com")
    const headers = { cookie: first.cookie }
    const again = await edge.fetch("/api/v1/dev/sign-in", {
      method: "POST",
      headers,
      json: { email: "eve@example.com" },
    })
    expect(again.headers.getSetCookie()[0]!.split(";")[0]).not.toBe(first.cookie)
    expect((await read(BALANCE, headers)).status).toBe(401)
  })
})

describe("pages of other origins (CORS)", () => {
  const from = (origin: string) => ({ cookie, origin })

  it("contract 3: a configured origin reads answers and errors with the cookie, exactly that origin", async () => {
    for (const path of [SUMMARY, BALANCE, "/api/auth/get-session", "/api/v1/nothing"]) {
      const { headers } = await read(path, from(PAGE))
      expect(headers.get("access-control-allow-origin")).toBe(PAGE)
      expect(headers.get("access-control-allow-credentials")).toBe("true")
      expect(headers.get("vary")).toBe("Origin")
    }
  })

  it.each([
    "https://evil.example",
    "http://open-design.example",
    "https://open-design.example.evil.example",
    "https://sub.open-design.example",
    "https://open-design.example:8443",
    "null",
  ])("%s is not reflected", async (origin) => {
    const { headers } = await read(SUMMARY, from(origin))
    expect(headers.get("access-control-allow-origin")).toBeNull()
    expect(headers.get("access-control-allow-credentials")).toBeNull()
    expect(headers.get("vary")).toBe("Origin")
  })

  it("a preflight is answered for configured origins only, and only where pages have business", async () => {
    const ask = async (path: string, origin: string) => {
      const asked = {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      }
      const { status, headers } = await edge.fetch(path, { method: "OPTIONS", headers: asked })
      return [status, headers.get("access-control-allow-origin"), headers.get("access-control-allow-methods")]
    }
    expect(await ask("/api/auth/sign-out", PAGE)).toEqual([204, PAGE, "GET, POST, PUT, DELETE"])
    expect(await ask("/api/auth/sign-out", "https://evil.example")).toEqual([204, null, null])
    for (const path of ["/api/v1/gateway/usage", "/api/v1/dev/sign-in", "/api/v1/webhooks/stripe", "/metrics"]) {
      expect(await ask(path, PAGE)).toEqual([404, null, null])
    }
  })
})

describe("pages that act in their reader's name (CSRF)", () => {
  const cancel = async (headers: Record<string, string>) => {
    edge.paying.subscriptions = () => ({ ok: plusOf(account) })
    const response = await edge.fetch("/api/v1/subscription/cancel", { method: "POST", headers, json: {} })
    return [response.status, ((await response.json()) as { code?: string }).code]
  }

  it.each([
    ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }],
    ["another site that names a configured origin", { "sec-fetch-site": "cross-site", origin: PAGE }],
    ["another host of this site", { "sec-fetch-site": "same-site", origin: "https://blog.open-design.example" }],
    ["another origin, in an old browser", { origin: "https://evil.example" }],
    ["a sandboxed frame", { origin: "null" }],
    ["another port of this host, in an old browser", { origin: "http://127.0.0.1:1" }],
  ])("D1 #4 from %s: 403 cross_origin, and nothing is asked", async (_, headers) => {
    expect(await cancel({ cookie, ...headers } as Record<string, string>)).toEqual([403, "cross_origin"])
    expect(edge.paying.asked.subscriptions).toEqual([])
  })

  it.each([
    ["a page of this origin", { "sec-fetch-site": "same-origin" }],
    ["the person themselves", { "sec-fetch-site": "none" }],
    ["a configured origin of this site", { "sec-fetch-site": "same-site", origin: PAGE }],
    ["a configured origin, in an old browser", { origin: PAGE }],
    ["a script, which sends neither header", {}],
  ])("D1 #4 from %s: passes", async (_, headers) => {
    expect(await cancel({ cookie, ...headers } as Record<string, string>)).toEqual([200, undefined])
  })

  it("this origin's own page passes in an old browser too, and a bearer needs no page", async () => {
    expect((await cancel({ cookie, origin: new URL(edge.url).origin }))[0]).toBe(200)
    const authorization = `Bearer ${token}`
    expect((await cancel({ authorization, "sec-fetch-site": "cross-site", origin: "https://evil.example" }))[0]).toBe(
      200,
    )
  })
})
