import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"

const PATH = "/api/v1/payment-method"
let edge: EdgeUnderTest
let account = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId: account, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => edge.paying.reset())

const save = (setupToken: unknown, headers: Record<string, string> = {}) =>
  edge.fetch(PATH, { method: "POST", token, json: { setupToken }, headers })

describe("the saved card over HTTP", () => {
  it("R10.3 shows brand, last four, expiry and status, and neither fingerprint nor ids of the processor", async () => {
    const response = await edge.fetch(PATH, { token })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      brand: "visa",
      last4: "4242",
      expMonth: 12,
      expYear: 2030,
      status: "usable",
    })
  })

  it("is 404 when none is saved", async () => {
    edge.paying.payments = () => ({ ok: null })
    expect((await edge.fetch(PATH, { token })).status).toBe(404)
  })

  it("gives the card element its secret", async () => {
    const response = await edge.fetch(`${PATH}/setup`, { method: "POST", token })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ clientSecret: "seti_1_secret_x", publishableKey: "pk_test_1" })
  })

  it("saves what the element returned", async () => {
    const response = await save("tok_ok")
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ last4: "4242" })
    expect(edge.paying.asked.payments).toMatchObject([{ op: "method-save", account, setupToken: "tok_ok" }])
  })

  it.each(["setup_token_invalid", "card_refused"])("%s is 422 and names the token", async (code) => {
    edge.paying.payments = () => ({ refused: { code, detail: "no" } })
    const response = await save("tok_nothing")
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({ code, field: "setupToken" })
  })

  it.each([[""], [1], [null], ["4242 4242 4242 4242"], ["x".repeat(256)]])("the token %j is 400", async (bad) => {
    const response = await save(bad)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field: "setupToken" })
    expect(edge.paying.asked.payments).toEqual([])
  })

  it("the same key saves once and gets the first answer", async () => {
    const key = { "idempotency-key": "card-1" }
    const first = await (await save("tok_ok", key)).text()
    expect(await (await save("tok_ok", key)).text()).toBe(first)
    expect((await save("tok_slow", key)).status).toBe(422)
    expect(edge.paying.asked.payments).toHaveLength(1)
  })

  it("removing it is 204, also when there is none", async () => {
    expect((await edge.fetch(PATH, { method: "DELETE", token })).status).toBe(204)
    expect(edge.paying.asked.payments).toMatchObject([{ op: "method-remove", account }])
  })

  it("a control key reads and changes nothing", async () => {
    const key = await edge.controlKey(token)
    expect((await edge.fetch(PATH, { token: key })).status).toBe(200)
    for (const [method, path] of [
      ["POST", PATH],
      ["POST", `${PATH}/setup`],
      ["DELETE", PATH],
    ] as const) {
      const json = method === "POST" && path === PATH ? { setupToken: "tok_ok" } : undefined
      expect((await edge.fetch(path, { method, token: key, json })).status).toBe(403)
    }
    expect(edge.paying.asked.payments.map(({ op }) => op)).toEqual(["method"])
  })
})
