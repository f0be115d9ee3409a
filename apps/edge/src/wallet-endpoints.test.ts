import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, walletOf } from "./edge.fixture.ts"
import { wantsCsv } from "./wallet-endpoints.ts"

let edge: EdgeUnderTest
let accountId = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => {
  edge.answer = () => null
  edge.asked.length = 0
})

const charged = (seq: number) => ({
  seq,
  at: 1_767_312_000_000,
  recordedAt: 1_767_312_000_000,
  kind: "charged" as const,
  amount: "-10500000",
  availableAfter: "19989500000",
  description: "call",
  lots: [{ id: "lot_1", amount: "-10500000" }],
  usage: {
    provider: "test",
    model: "test-model",
    bookVersion: "test-1",
    inputTokens: 1000,
    outputTokens: 500,
    cacheReadTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    reasoningTokens: 0,
    images: 0,
    requests: 1,
    status: "ok" as const,
    requestId: "req-1",
  },
  cause: `evt_${seq}`,
})

describe("GET /api/v1/wallet", () => {
  it("R1.7 answers the ledger's numbers as USD strings and R12.2 ISO instants", async () => {
    edge.answer = (request) =>
      request.op === "wallet" ? { ok: walletOf(request.account, { held: "1", available: "19999999999" }) } : null
    const response = await edge.fetch("/api/v1/wallet", { token })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      accountId,
      plan: "plus",
      availableUsd: "19.999999999",
      balanceUsd: "20.00",
      heldUsd: "0.000000001",
      debtUsd: "0.00",
      frozenUsd: "0.00",
      lots: [
        {
          id: "lot_1",
          kind: "plan",
          grantedUsd: "20.00",
          remainingUsd: "20.00",
          grantedAt: "2026-01-01T00:00:00.000Z",
          expiresAt: "2026-02-01T00:00:00.000Z",
        },
      ],
      cycle: {
        start: "2026-01-01T00:00:00.000Z",
        end: "2026-02-01T00:00:00.000Z",
        grantedUsd: "20.00",
        spentUsd: "0.00",
      },
      autoTopUp: {
        enabled: false,
        monthlyCapUsd: null,
        spentThisMonthUsd: "0.00",
        pendingUsd: "0.00",
        remainingUsd: "0.00",
        monthKey: "2026-01",
        monthZone: "UTC",
        thresholdUsd: "5.00",
        amountUsd: "10.00",
        state: "off",
        lastFailureReason: null,
        consentedAt: null,
      },
      asOf: "2026-01-02T00:00:00.000Z",
      seq: 1,
    })
  })

  it("is true without auto top-up while that does not answer", async () => {
    edge.paying.topup = () => ({ refused: { code: "unavailable", detail: "down" } })
    const response = await edge.fetch("/api/v1/wallet", { token })
    edge.paying.reset()
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ availableUsd: "20.00", autoTopUp: null })
  })

  it("asks for the account of the credential only: there is no way to name another", async () => {
    const other = await edge.signIn("bob@example.com")
    await edge.fetch("/api/v1/wallet", { token })
    expect(edge.asked).toEqual([{ op: "wallet", account: accountId }])
    expect(other.accountId).not.toBe(accountId)
    const named = await edge.fetch(`/api/v1/wallet/entries?accountId=${other.accountId}`, { token })
    expect(named.status).toBe(400)
    expect(await named.json()).toMatchObject({
      code: "unknown_field",
      field: "accountId",
      detail: "accountId: not a field of this request",
    })
  })

  it("503 with Retry-After while the ledger does not answer, as a problem", async () => {
    edge.answer = () => ({ refused: { code: "unavailable", detail: "nobody owns it" } })
    const response = await edge.fetch("/api/v1/wallet", { token })
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("1")
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/)
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      code: "unavailable",
      detail: "nobody owns it",
      retryAfterMs: 1000,
    })
  })

  it("an answer that is no wallet is 500 without its text, and never a made-up balance", async () => {
    edge.answer = (request) => (request.op === "wallet" ? { ok: walletOf(request.account, { balance: "1e9" }) } : null)
    for (const path of ["/api/v1/wallet", "/api/v1/wallet/balance"]) {
      const response = await edge.fetch(path, { token })
      expect(response.status).toBe(500)
      const body = await response.text()
      expect(JSON.parse(body)).toMatchObject({ code: "internal_error" })
      expect(body).not.toContain("1e9")
    }
  })
})

describe("GET /api/v1/wallet/balance (what the Open Design clients read)", () => {
  const balance = async (nano: string) => {
    edge.answer = (request) => (request.op === "wallet" ? { ok: walletOf(request.account, { balance: nano }) } : null)
    const response = await edge.fetch("/api/v1/wallet/balance", { token })
    return (await response.json()) as { balanceUsd: string; updatedAt: string }
  }

  it("is the ledger balance without pending holds, as ^\\d+(\\.\\d+)?$", async () => {
    for (const [nano, shown] of [
      ["20000000000", "20.00"],
      ["1", "0.000000001"],
      ["0", "0.00"],
      ["999999999999999999", "999999999.999999999"],
    ] as const) {
      const { balanceUsd, updatedAt } = await balance(nano)
      expect(balanceUsd).toBe(shown)
      expect(balanceUsd).toMatch(/^\d+(\.\d+)?$/)
      expect(updatedAt).toBe("2026-01-02T00:00:00.000Z")
    }
  })

  it("R6.4 is clamped at 0: a balance string is never negative", async () => {
    expect((await balance("-1")).balanceUsd).toBe("0.00")
  })

  it("is never 0 on an error", async () => {
    edge.answer = () => ({ refused: { code: "overloaded", detail: "later" } })
    const response = await edge.fetch("/api/v1/wallet/balance", { token })
    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain("balanceUsd")
  })

  it("a gateway key gets 403, on every wallet endpoint", async () => {
    const key = await edge.gatewayKey()
    for (const path of ["", "/balance", "/entries", "/usage", "/events"]) {
      const response = await edge.fetch(`/api/v1/wallet${path}`, { token: key })
      expect([path, response.status]).toEqual([path, 403])
      expect(await response.json()).toMatchObject({ code: "wrong_scope" })
    }
  })
})

describe("credentials", () => {
  it.each([
    ["none", undefined],
    ["rubbish", "rubbish"],
    ["an unsigned token", `${btoa('{"alg":"none"}')}.${btoa('{"sub":"acc_1"}')}.`],
    ["a key of the right form that nobody made", "wk_live_00000000000000000000000000000000000000"],
    ["NUL", "a%00b"],
  ])("%s is 401 auth_required", async (_, credential) => {
    const response = await edge.fetch("/api/v1/wallet", credential === undefined ? {} : { token: credential })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ status: 401, code: "auth_required" })
  })

  it("a token with a changed signature or payload is 401", async () => {
    const [head, payload, signature] = token.split(".") as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: "acc_other" })).toString("base64url")
    for (const bad of [`${head}.${forged}.${signature}`, `${head}.${payload}.${signature.slice(0, -2)}AA`]) {
      expect((await edge.fetch("/api/v1/wallet", { token: bad })).status).toBe(401)
    }
  })

  it("the session cookie is as good as the token; a bearer beside it is what counts", async () => {
    const signIn = await edge.fetch("/api/v1/dev/sign-in", { method: "POST", json: { email: "ada@example.com" } })
    const cookie = signIn.headers.get("set-cookie")!
    expect(cookie).toMatch(/HttpOnly/i)
    expect(cookie).toMatch(/SameSite=Lax/i)
    const pair = cookie.split(";")[0]!
    expect((await edge.fetch("/api/v1/wallet", { headers: { cookie: pair } })).status).toBe(200)
    expect((await edge.fetch("/api/v1/wallet", { headers: { cookie: pair }, token: "rubbish" })).status).toBe(401)
    const key = await edge.gatewayKey()
    expect((await edge.fetch("/api/v1/wallet", { headers: { cookie: pair }, token: key })).status).toBe(403)
    expect((await edge.fetch("/api/v1/wallet", { headers: { cookie: "credits_session=rubbish" } })).status).toBe(401)
  })
})

describe("GET /api/v1/wallet/entries", () => {
  it("gives a page, newest first, with the cursor to the next", async () => {
    edge.answer = (request) =>
      request.op === "statement" ? { ok: { items: [charged(2)], nextCursor: "after-2" } } : null
    const query = "limit=1&cursor=after-3&from=2026-01-01&to=2026-02-01T00:00:00Z&kind=charged"
    const response = await edge.fetch(`/api/v1/wallet/entries?${query}`, { token })
    expect(await response.json()).toEqual({
      items: [
        {
          seq: 2,
          at: "2026-01-02T00:00:00.000Z",
          kind: "charged",
          amountUsd: "-0.0105",
          availableAfterUsd: "19.9895",
          description: "call",
          lots: [{ id: "lot_1", amountUsd: "-0.0105" }],
          usage: { ...charged(2).usage, mode: "hosted" },
          cause: "evt_2",
        },
      ],
      nextCursor: "after-2",
    })
    expect(edge.asked).toEqual([
      {
        op: "statement",
        account: accountId,
        limit: 1,
        cursor: "after-3",
        from: 1_767_225_600_000,
        to: 1_769_904_000_000,
        kind: "charged",
      },
    ])
  })

  it("Accept: text/csv exports every page, safe for a spreadsheet", async () => {
    edge.answer = (request) => {
      if (request.op !== "statement") return null
      const evil = { ...charged(1), description: "=1+1" }
      return request.cursor === undefined
        ? { ok: { items: [charged(3), charged(2)], nextCursor: "more" } }
        : { ok: { items: [evil], nextCursor: null } }
    }
    const response = await edge.fetch("/api/v1/wallet/entries", { token, headers: { accept: "text/csv" } })
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toMatch(/^text\/csv/)
    const lines = (await response.text()).trimEnd().split("\r\n")
    expect(lines).toHaveLength(4)
    expect(lines[0]).toMatch(/^seq,at,kind,amountUsd/)
    expect(lines[1]).toMatch(/^3,2026-01-02T00:00:00\.000Z,charged,-0\.0105,/)
    expect(lines[3]).toContain(",'=1+1,")
  })

  it("a CSV export whose first page is refused is a problem, not an empty file", async () => {
    edge.answer = () => ({ refused: { code: "invalid", detail: "no such cursor", field: "cursor" } })
    const response = await edge.fetch("/api/v1/wallet/entries?cursor=x", { token, headers: { accept: "text/csv" } })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: "invalid_request", field: "cursor" })
  })

  it.each([
    ["limit=0", "limit"],
    ["limit=501", "limit"],
    ["limit=1.5", "limit"],
    ["limit=NaN", "limit"],
    ["limit=1e2x", "limit"],
    ["from=yesterday", "from"],
    ["from=2026-02-30x", "from"],
    ["to=2026-13-01", "to"],
    ["kind=stolen", "kind"],
    ["cursor=%00", "cursor"],
    ["surprise=1", "surprise"],
  ])("bad query %s is 400 naming the field", async (query, field) => {
    const response = await edge.fetch(`/api/v1/wallet/entries?${query}`, { token })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ status: 400, field })
    expect(edge.asked).toEqual([])
  })

  it("which of two media types is wanted more decides, of equal ones the first", () => {
    expect(wantsCsv("text/csv")).toBe(true)
    expect(wantsCsv("text/csv, application/json;q=0.5")).toBe(true)
    expect(wantsCsv("application/json, text/csv")).toBe(false)
    expect(wantsCsv("Text/CSV")).toBe(true)
    expect(wantsCsv("application/json;q=0.1, text/csv;q=0.9")).toBe(true)
    expect(wantsCsv("text/csv;q=0.1, application/json")).toBe(false)
    expect(wantsCsv("text/csv;q=0, */*")).toBe(false)
    expect(wantsCsv("application/json;q=0, text/csv")).toBe(true)
    expect(wantsCsv("text/csvx")).toBe(false)
    expect(wantsCsv("*/*")).toBe(false)
    expect(wantsCsv(undefined)).toBe(false)
  })
})

describe("GET /api/v1/wallet/usage", () => {
  it("R8.1 gives pricing's rows by model and day, BYOK counted apart at no cost", async () => {
    const row = {
      model: "test-model",
      day: "2026-01-02",
      calls: 2,
      inputTokens: 2000,
      outputTokens: 1000,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
      byokCalls: 3,
      byokInputTokens: 30,
      byokOutputTokens: 3,
    }
    edge.answerPricing = (op, request) => {
      expect([op, request]).toEqual(["usage", { op, account: accountId, by: "model,day", from: 1_767_225_600_000 }])
      return { ok: { items: [{ ...row, cost: "21000000" }] } }
    }
    const response = await edge.fetch("/api/v1/wallet/usage?from=2026-01-01", { token })
    expect(await response.json()).toEqual({ items: [{ ...row, costUsd: "0.021" }] })
  })

  it("bad spans and groupings are 400, and a pricing that is not there 503", async () => {
    expect((await edge.fetch("/api/v1/wallet/usage?by=hour", { token })).status).toBe(400)
    expect((await edge.fetch("/api/v1/wallet/usage?from=x", { token })).status).toBe(400)
    edge.answerPricing = () => ({ refused: { code: "invalid", detail: "from is after to", field: "from" } })
    expect((await edge.fetch("/api/v1/wallet/usage?from=2026-02-01&to=2026-01-01", { token })).status).toBe(400)
    edge.answerPricing = () => ({ refused: { code: "unavailable", detail: "starting" } })
    expect((await edge.fetch("/api/v1/wallet/usage", { token })).status).toBe(503)
  })
})
