import { writeClockSetting } from "@credits/bus"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, until } from "./edge.fixture.ts"
import { advanceTarget } from "./development-endpoints.ts"

let edge: EdgeUnderTest
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())

const post = (path: string, json: unknown) => edge.fetch(`/api/v1/dev/${path}`, { method: "POST", json })
const clock = async () =>
  (await (await edge.fetch("/api/v1/dev/clock")).json()) as { readonly now: string; readonly advancing: boolean }

describe("POST /api/v1/dev/sign-in", () => {
  it("the same e-mail is the same account, whatever its case; another is another", async () => {
    const first = await edge.signIn("Ada@Example.com")
    expect(first.accountId).toMatch(/^acc_[0-9a-z]{26}$/)
    expect((await edge.signIn("ada@example.com")).accountId).toBe(first.accountId)
    expect((await edge.signIn("eve@example.com")).accountId).not.toBe(first.accountId)
  })

  it("people who sign in at the same moment with the same e-mail get one account", async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => edge.signIn("twin@example.com")))
    expect(new Set(all.map((one) => one.accountId)).size).toBe(1)
  })

  it.each([
    [{}, "email"],
    [{ email: "" }, "email"],
    [{ email: "no at" }, "email"],
    [{ email: "a@b\0c" }, "email"],
    [{ email: "a\u202e@b.c" }, "email"],
    [{ email: `${"x".repeat(65)}@b.c` }, "email"],
    [{ email: 1 }, "email"],
    [{ email: "a@b.c", admin: true }, "admin"],
  ])("bad input %j is 400 naming the field", async (json, field) => {
    const response = await post("sign-in", json)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field })
  })
})

describe("POST /api/v1/dev/gateway-key", () => {
  it("makes a key with the gateway scope; the body may be empty", async () => {
    for (const init of [{ json: {} }, {}]) {
      const response = await edge.fetch("/api/v1/dev/gateway-key", { method: "POST", ...init })
      expect(response.status).toBe(200)
      const { key } = (await response.json()) as { key: string }
      expect(key).toMatch(/^wk_live_/)
      const usage = await edge.fetch("/api/v1/gateway/usage", { method: "POST", token: key, json: [] })
      expect(usage.status).toBe(202)
    }
  })

  it("takes no fields", async () => {
    expect(await (await post("gateway-key", { scope: "all" })).json()).toMatchObject({
      code: "unknown_field",
      field: "scope",
    })
  })
})

describe("R12.1 the business clock", () => {
  it("starts at real time and moves to an instant after all due work has run", async () => {
    const before = Date.parse((await clock()).now)
    expect(Math.abs(before - Date.now())).toBeLessThan(2_000)
    const to = before + 10 * 86_400_000
    edge.owners.ledger.due.push(before + 86_400_000, before + 3 * 86_400_000, to + 1)
    edge.owners.pricing.due.push(before + 2 * 86_400_000)
    const response = await post("clock/advance", { to: new Date(to).toISOString() })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ now: new Date(to).toISOString(), ran: 3 })
    expect(edge.owners.ledger.ran).toEqual([before + 86_400_000, before + 3 * 86_400_000])
    expect(edge.owners.pricing.ran).toEqual([before + 2 * 86_400_000])
    const after = await clock()
    expect(after.advancing).toBe(false)
    expect(Date.parse(after.now)).toBeGreaterThanOrEqual(to)
    edge.owners.ledger.due.length = 0
  })

  it("moves by calendar months, and time runs on afterwards", async () => {
    const before = new Date((await clock()).now)
    const response = await post("clock/advance", { by: "P1M" })
    const { now } = (await response.json()) as { now: string }
    const days = (Date.parse(now) - before.getTime()) / 86_400_000
    expect(days).toBeGreaterThanOrEqual(28)
    expect(days).toBeLessThan(31.01)
    await until(async () => Date.parse((await clock()).now) > Date.parse(now))
  })

  it("an owner that is killed before it answers is asked again, and the move goes on", async () => {
    edge.owners.ledger.unanswered = 1
    const response = await post("clock/advance", { by: "PT1H" })
    expect(response.status).toBe(200)
    expect(edge.owners.ledger.unanswered).toBe(0)
  })

  it("decision 16: while it advances, calls from outside and a second advance are 503 clock_advancing", async () => {
    const { accessToken } = await edge.signIn()
    const before = Date.parse((await clock()).now)
    // Enough windows for other calls to fall into the advance.
    edge.owners.ledger.due.push(...Array.from({ length: 300 }, (_, i) => before + (i + 1) * 120_000))
    const advancing = post("clock/advance", { by: "PT12H" })
    await until(async () => (await clock()).advancing)
    const wallet = await edge.fetch("/api/v1/wallet", { token: accessToken })
    const second = await post("clock/advance", { by: "PT1H" })
    const health = await edge.fetch("/healthz")
    expect(await (await advancing).json()).toMatchObject({ ran: 300 })
    expect(health.status).toBe(200)
    for (const refused of [wallet, second]) {
      expect(refused.status).toBe(503)
      expect(refused.headers.get("retry-after")).toBe("1")
      expect(await refused.json()).toMatchObject({ code: "clock_advancing" })
    }
    expect((await edge.fetch("/api/v1/wallet", { token: accessToken })).status).toBe(200)
  })

  it.each([
    [{}, "by"],
    [{ by: "P1M", to: "2099-01-01T00:00:00Z" }, "to"],
    [{ by: "1 month" }, "by"],
    [{ by: "P-1M" }, "by"],
    [{ by: "P9999Y" }, "by"],
    [{ by: 5 }, "by"],
    [{ to: "tomorrow" }, "to"],
    [{ to: "2020-01-01T00:00:00Z" }, "to"],
    [{ to: "2026-99-01T00:00:00Z" }, "to"],
    [{ by: "P1D", now: 1 }, "now"],
  ])("bad input %j is 400 naming the field and moves nothing", async (json, field) => {
    const before = Date.parse((await clock()).now)
    const response = await post("clock/advance", json)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field })
    expect(Date.parse((await clock()).now) - before).toBeLessThan(5_000)
  })

  it("decision 16 a clock that a dead edge left frozen runs on when the next edge starts", async () => {
    const frozenAt = Date.parse("2031-05-01T00:00:00.000Z")
    const second = await startEdge({}, (bus) => writeClockSetting(bus, { offset: 0, frozenAt }))
    const seen = async () =>
      Date.parse(((await (await second.fetch("/api/v1/dev/clock")).json()) as { readonly now: string }).now)
    expect(await seen()).toBeGreaterThanOrEqual(frozenAt)
    await until(async () => (await seen()) > frozenAt)
    await second.stop()
  })

  it("a duration is counted from the clock's own now", () => {
    const target = advanceTarget({ by: "P1M" })
    expect(typeof target === "function" && target(Date.parse("2026-01-31T00:00:00.000Z"))).toBe(
      Date.parse("2026-02-28T00:00:00.000Z"),
    )
  })
})
