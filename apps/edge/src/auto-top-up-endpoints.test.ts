import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"
import { AT, topupOf } from "./paying.fixture.ts"

const PATH = "/api/v1/wallet/auto-top-up"
let edge: EdgeUnderTest
let account = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId: account, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => edge.paying.reset())

const put = (json: unknown, headers: Record<string, string> = {}) =>
  edge.fetch(PATH, { method: "PUT", token, json, headers })

describe("auto top-up over HTTP", () => {
  it("R9.3 R12.2 shows the cap, what the month used of it, and the month's zone", async () => {
    edge.paying.topup = () => ({
      ok: topupOf(account, {
        enabled: true,
        monthlyCapCents: 5000,
        spentThisMonthCents: 2000,
        pendingCents: 1000,
        remainingCents: 2000,
        state: "charging",
        consentedAt: AT,
      }),
    })
    const response = await edge.fetch(PATH, { token })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      enabled: true,
      monthlyCapUsd: "50.00",
      spentThisMonthUsd: "20.00",
      pendingUsd: "10.00",
      remainingUsd: "20.00",
      monthKey: "2026-01",
      monthZone: "UTC",
      thresholdUsd: "5.00",
      amountUsd: "10.00",
      state: "charging",
      lastFailureReason: null,
      consentedAt: "2026-01-02T00:00:00.000Z",
    })
  })

  it("R9.1 turning it on sends the cap in cents with the version of the text consented to", async () => {
    const response = await put({ monthlyCapUsd: "50", consent: true })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ enabled: true, state: "ready", monthlyCapUsd: "50.00" })
    expect(edge.paying.asked.topup).toEqual([
      {
        op: "enable",
        id: expect.stringMatching(/^cmd_/),
        account,
        monthlyCapCents: 5000,
        consent: { textVersion: "1", source: "customer, HTTP" },
      },
    ])
  })

  it.each([
    ["consent", { monthlyCapUsd: "50.00", consent: false }],
    ["consent", { monthlyCapUsd: "50.00" }],
    ["monthlyCapUsd", { monthlyCapUsd: "50.001", consent: true }],
    ["monthlyCapUsd", { monthlyCapUsd: 50, consent: true }],
    ["monthlyCapUsd", { monthlyCapUsd: "-50.00", consent: true }],
    ["monthlyCapUsd", { monthlyCapUsd: "1e3", consent: true }],
    ["monthlyCapUsd", { consent: true }],
    ["amountUsd", { monthlyCapUsd: "50.00", amountUsd: "10.00", consent: true }],
  ])("names %s of a bad request, and asks nobody", async (field, json) => {
    const response = await put(json)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field })
    expect(edge.paying.asked.topup).toEqual([])
  })

  it("R9.3 a cap out of bounds is 400 under the name it has here", async () => {
    edge.paying.topup = () => ({
      refused: { code: "invalid", detail: "must be from 5.00 to 10000.00", field: "monthlyCapCents" } as never,
    })
    const response = await put({ monthlyCapUsd: "4.99", consent: true })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field: "monthlyCapUsd" })
  })

  it.each(["plan_required", "payment_method_required"])("R9.7 %s is 409", async (code) => {
    edge.paying.topup = () => ({ refused: { code, detail: "no" } })
    const response = await put({ monthlyCapUsd: "50.00", consent: true })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ code })
  })

  it("the same key gets the first answer, another cap under it is 422", async () => {
    const key = { "idempotency-key": "cap-1" }
    const first = await (await put({ monthlyCapUsd: "50.00", consent: true }, key)).text()
    edge.paying.topup = () => ({ ok: topupOf(account) })
    expect(await (await put({ monthlyCapUsd: "50.00", consent: true }, key)).text()).toBe(first)
    expect((await put({ monthlyCapUsd: "60.00", consent: true }, key)).status).toBe(422)
  })

  it("R9.3 turning it off answers what it is then", async () => {
    const response = await edge.fetch(PATH, { method: "DELETE", token })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ enabled: false, state: "off" })
    expect(edge.paying.asked.topup).toMatchObject([{ op: "disable", account, source: "customer, HTTP" }])
  })

  it("R9.1 a control key reads and changes nothing", async () => {
    const key = await edge.controlKey(token)
    expect((await edge.fetch(PATH, { token: key })).status).toBe(200)
    const json = { monthlyCapUsd: "50.00", consent: true }
    expect((await edge.fetch(PATH, { method: "PUT", token: key, json })).status).toBe(403)
    expect((await edge.fetch(PATH, { method: "DELETE", token: key })).status).toBe(403)
    expect(edge.paying.asked.topup.map(({ op }) => op)).toEqual(["show"])
  })

  it("is 503 with Retry-After while nobody answers", async () => {
    edge.paying.topup = () => ({ refused: { code: "clock_advancing", detail: "wait" } })
    for (const response of [await edge.fetch(PATH, { token }), await put({ monthlyCapUsd: "50.00", consent: true })]) {
      expect(response.status).toBe(503)
      expect(response.headers.get("retry-after")).toBe("1")
      expect(await response.json()).toMatchObject({ code: "clock_advancing" })
    }
  })
})
