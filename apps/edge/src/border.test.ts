import { request } from "node:http"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, TEST_MODEL } from "./edge.fixture.ts"

let edge: EdgeUnderTest
let key = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge()
  key = await edge.gatewayKey()
  ;({ accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => {
  edge.asked.length = 0
  edge.paying.reset()
})

const HOLD = `hold_${"0".repeat(26)}1`
const AUTO_TOP_UP = "/api/v1/wallet/auto-top-up"
const BODIES = [
  "/api/v1/dev/sign-in",
  "/api/v1/dev/gateway-key",
  "/api/v1/dev/clock/advance",
  "/api/v1/gateway/authorizations",
  `/api/v1/gateway/authorizations/${HOLD}/extend`,
  "/api/v1/gateway/usage",
  "/api/v1/control-keys",
  AUTO_TOP_UP,
  "/api/v1/payment-method",
  "/api/v1/payment-method/setup",
  "/api/v1/subscription/quote",
  "/api/v1/subscription/confirm",
  "/api/v1/subscription/cancel",
  "/api/v1/billing/reviews",
  "/__sandbox/authenticate/chg_1",
]
/** Each caller has a credential that is good for the endpoint: what is wrong is the body. */
const credentialOf = (path: string): string => (path.includes("/gateway/") || path.includes("/dev/") ? key : token)
const methodOf = (path: string): string => (path === AUTO_TOP_UP ? "PUT" : "POST")

const send = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  edge.fetch(path, {
    method: methodOf(path),
    token: credentialOf(path),
    body,
    headers: { "content-type": "application/json", ...headers },
  })

/** A chunked request of any size: no Content-Length to warn the server. */
const sendChunked = (path: string, bytes: number): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const url = new URL(path, edge.url)
    const client = request(url, {
      method: methodOf(path),
      headers: { authorization: `Bearer ${credentialOf(path)}`, "content-type": "application/json" },
    })
    client.on("response", (response) => {
      let body = ""
      response.on("data", (chunk: Buffer) => (body += chunk.toString()))
      response.on("end", () => resolve({ status: response.statusCode!, body }))
      response.on("error", reject)
    })
    // The server may hang up while we still send: its answer is what counts.
    client.on("error", () => undefined)
    const piece = Buffer.alloc(64 * 1024, 0x20)
    for (let sent = 0; sent < bytes; sent += piece.length) client.write(piece)
    client.end()
  })

describe.each(BODIES)("C12 bad bodies at %s", (path) => {
  it("10 MiB with a length is 413", async () => {
    const response = await send(path, `"${"x".repeat(10 * 1024 * 1024)}"`)
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ status: 413, code: "body_too_large", limitBytes: 1048576 })
  })

  it("10 MiB in chunks is 413", async () => {
    const { status, body } = await sendChunked(path, 10 * 1024 * 1024)
    expect(status).toBe(413)
    expect(JSON.parse(body)).toMatchObject({ code: "body_too_large" })
  })

  it.each([
    ["not JSON", "{"],
    ["NUL", '{"a":"\0"}'],
    ["NUL alone", "\0"],
    ["two values", "{}{}"],
    ["NaN", '{"amountUsd":NaN}'],
  ])("%s is 400 malformed_body", async (_, body) => {
    const response = await send(path, body)
    expect(response.status).toBe(400)
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/)
    expect(await response.json()).toMatchObject({ status: 400, code: "malformed_body" })
  })

  it("bytes that are not UTF-8 are 400 malformed_body", async () => {
    const response = await send(path, new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: "malformed_body", detail: "the body is not UTF-8" })
  })

  it("wrong media types are 415, as a problem", async () => {
    const response = await send(path, "<a/>", { "content-type": "application/xml" })
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({ status: 415, code: "unsupported_media_type" })
  })

  const WRONG = ["1", '"text"', "true", '{"__proto__":{"a":1}}', `${"[".repeat(50_000)}${"]".repeat(50_000)}`]

  it.skipIf(path.endsWith("/usage"))("JSON of a wrong shape is 400 and does nothing", async () => {
    for (const json of WRONG)
      expect([json.slice(0, 20), (await send(path, json)).status]).toEqual([json.slice(0, 20), 400])
    expect([edge.asked, ...Object.values(edge.paying.asked)]).toEqual([[], [], [], [], []])
  })

  it.runIf(path.endsWith("/usage"))("JSON of a wrong shape is an event that is refused by name", async () => {
    for (const json of WRONG) {
      const answer = (await (await send(path, json)).json()) as { accepted: number; rejected: ReadonlyArray<object> }
      expect(answer).toMatchObject({ accepted: 0, rejected: [{ id: "#0" }] })
    }
  })
})

describe("the outside", () => {
  it("an unknown path is a 404 problem", async () => {
    for (const path of ["/nothing", "/api/v1/nothing", "/api/v2/wallet", `/api/v1/${"x".repeat(5000)}`]) {
      const response = await edge.fetch(path)
      expect([path.slice(0, 20), response.status]).toEqual([path.slice(0, 20), 404])
      expect(await response.json()).toMatchObject({ code: "not_found", status: 404 })
    }
  })

  it("another method of a known path is a 405 problem that names the right ones", async () => {
    const { accessToken: token } = await edge.signIn()
    for (const [method, path, allow] of [
      ["DELETE", "/api/v1/wallet", "GET, HEAD"],
      ["POST", "/api/v1/wallet?x=1", "GET, HEAD"],
      ["GET", "/api/v1/gateway/authorizations", "POST"],
      ["PUT", "/healthz", "GET, HEAD"],
      ["POST", "/openapi.json", "GET, HEAD"],
      ["PATCH", "/api/v1/control-keys/key_1", "DELETE"],
    ] as const) {
      const response = await edge.fetch(path, { method, token })
      expect([method, path, response.status, response.headers.get("allow")]).toEqual([method, path, 405, allow])
      expect(response.headers.get("content-type")).toBe("application/problem+json")
      expect(await response.json()).toMatchObject({ code: "method_not_allowed", status: 405 })
    }
    expect((await edge.fetch("/api/v1/wallet", { method: "HEAD", token })).status).toBe(200)
  })

  it("many wrong fields are named, not all of thousands", async () => {
    const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i]))
    const response = await send("/api/v1/dev/sign-in", JSON.stringify(fields))
    const problem = (await response.json()) as { readonly errors: ReadonlyArray<unknown> }
    expect(problem.errors.length).toBeLessThanOrEqual(10)
  })

  it("an error answer repeats no credential and no secret of the request", async () => {
    const response = await send("/api/v1/gateway/authorizations", JSON.stringify({ secret: "hunter2" }))
    expect(await response.text()).not.toContain("hunter2")
  })

  it("no answer may be kept by a cache or taken for another type", async () => {
    const { accessToken } = await edge.signIn()
    for (const path of ["/api/v1/wallet", "/nothing", "/healthz"]) {
      const response = await edge.fetch(path, { token: accessToken })
      expect(response.headers.get("cache-control")).toBe("no-store")
      expect(response.headers.get("x-content-type-options")).toBe("nosniff")
    }
  })

  it("a 401 says how to sign in (RFC 9110)", async () => {
    const answers = await Promise.all([
      edge.fetch("/api/v1/wallet"),
      edge.fetch("/api/v1/wallet", { token: "rubbish" }),
      edge.fetch("/api/v1/gateway/usage", { method: "POST", json: [] }),
      edge.fetch("/api/v1/subscription/confirm", { method: "POST", json: {} }),
    ])
    for (const { status, headers } of answers) {
      expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"])
    }
  })

  it("health, readiness, metrics, OpenAPI and the human pages answer", async () => {
    await send("/api/v1/gateway/authorizations", JSON.stringify({ model: TEST_MODEL }))
    expect(await (await edge.fetch("/healthz")).json()).toEqual({ status: "ok" })
    expect(await (await edge.fetch("/readyz")).json()).toEqual({
      ready: true,
      checks: { bus: true, store: true, priceBook: true, staying: true },
    })
    const metrics = await (await edge.fetch("/metrics")).text()
    expect(metrics).toMatch(/edge_http_requests_total\{[^}]*endpoint="gateway\.authorize"[^}]*status="400"[^}]*\} \d+/)
    expect(metrics).toMatch(/process_resident_memory_bytes \d+/)
    const spec = (await (await edge.fetch("/openapi.json")).json()) as {
      readonly openapi: string
      readonly paths: object
    }
    expect(spec.openapi).toMatch(/^3\.1/)
    expect(Object.keys(spec.paths)).toContain("/api/v1/gateway/authorizations")
    const docs = await edge.fetch("/docs")
    expect(docs.headers.get("content-type")).toMatch(/^text\/html/)
    expect((await docs.text()).length).toBeGreaterThan(1000)
  })
})
