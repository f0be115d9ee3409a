/**
 * Goal: only a token that the issuer made for us, for access and lately, is good (D1 #2, #3). Method: one good token,
 * and everything that is done to such tokens, against a real key server.
 */
import { createHmac } from "node:crypto"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, type JWTHeaderParameters, SignJWT } from "jose"
import { Effect, Layer } from "effect"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { EdgeConfig } from "./config.ts"
import { settingsOf } from "./edge.fixture.ts"
import { Tokens, type Verified } from "./tokens.ts"

const ISSUER = "https://id.example.com"
const AUDIENCE = "credits"
const HOUR = 3600

let server: Server
let jwksUrl: URL
let published: Array<object> = []
let fetches = 0
let isDown = false
let good: GenerateKeyPairResult
let other: GenerateKeyPairResult
let verify: Tokens["Service"]["verify"]

const publicKey = async ({ publicKey: key }: GenerateKeyPairResult, kid: string) => ({
  ...(await exportJWK(key)),
  kid,
  alg: "ES256",
  use: "sig",
})

beforeAll(async () => {
  good = await generateKeyPair("ES256", { extractable: true })
  other = await generateKeyPair("ES256", { extractable: true })
  server = createServer((_request, response) => {
    fetches += 1
    response.statusCode = isDown ? 503 : 200
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: published }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  jwksUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`)
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** A checker that has fetched nothing yet. */
const freshTokens = async () => {
  const settings = settingsOf({ mode: "production", tokenIssuer: { issuer: ISSUER, audience: AUDIENCE, jwksUrl } })
  const layer = Tokens.layer.pipe(Layer.provide(Layer.succeed(EdgeConfig, settings)))
  ;({ verify } = await Effect.runPromise(Effect.provide(Tokens, layer)))
}
beforeEach(async () => {
  published = [await publicKey(good, "k1")]
  isDown = false
  await freshTokens()
  fetches = 0
})
afterEach(() => vi.useRealTimers())

const now = () => Math.floor(Date.now() / 1000)
const claims = () => ({ iss: ISSUER, aud: AUDIENCE, sub: "user-1", iat: now(), exp: now() + HOUR })
const signed = (change: object = {}, header: Partial<JWTHeaderParameters> = {}, keys = good): Promise<string> =>
  new SignJWT({ ...claims(), ...change })
    .setProtectedHeader({ alg: "ES256", kid: "k1", ...header })
    .sign(keys.privateKey)
const check = (token: string): Promise<Verified | null> => Effect.runPromise(verify(token))
const failure = (token: string) => Effect.runPromise(Effect.flip(verify(token)))

const text = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url")

describe("a good token", () => {
  it("says who it is for, and when that person signed in", async () => {
    const told = { auth_time: now() - 60, email: "ada@example.com", name: "Ada" }
    expect(await check(await signed(told))).toEqual({
      subject: "user-1",
      authenticatedAt: told.auth_time * 1000,
      person: { email: "ada@example.com", name: "Ada" },
    })
    expect(await check(await signed())).toEqual({ subject: "user-1", authenticatedAt: null, person: null })
  })

  it.each([
    ["typ at+jwt", {}, { typ: "at+jwt" }],
    ["typ JWT", {}, { typ: "JWT" }],
    ["typ application/at+jwt", {}, { typ: "application/at+jwt" }],
    ["no typ", {}, {}],
    ["several audiences, ours among them", { aud: ["other", AUDIENCE] }, {}],
    ["just expired, within 5 s", { exp: -3 }, {}],
    ["issued by a clock a little ahead, within 5 s", { iat: 3 }, {}],
  ])("D1 #2 %s is good", async (_, change, header) => {
    const moved = Object.fromEntries(
      Object.entries(change).map(([name, value]) => [name, typeof value === "number" ? now() + value : value]),
    )
    expect(await check(await signed(moved, header))).not.toBeNull()
  })
})

describe("D1 #2 a token that is not good is refused", () => {
  it.each([
    ["of another issuer", { iss: "https://evil.example.com" }],
    ["of an issuer that begins like ours", { iss: `${ISSUER}.evil.example.com` }],
    ["without an issuer", { iss: undefined }],
    ["for another audience", { aud: "other" }],
    ["without an audience", { aud: undefined }],
    ["that has expired", { exp: 1_700_000_000 }],
    ["without an end", { exp: undefined }],
    ["without a subject", { sub: undefined }],
    ["with an empty subject", { sub: "" }],
    ["with a subject that is too long", { sub: "s".repeat(257) }],
    ["without its time of issue", { iat: undefined }],
  ])("%s", async (_, change) => {
    expect(await check(await signed(change))).toBeNull()
  })

  it.each([
    ["not yet valid", { nbf: 60 }],
    ["issued in the future", { iat: 60 }],
    ["older than a day, though it has not expired", { iat: -25 * HOUR, exp: HOUR }],
  ])("%s", async (_, change) => {
    const moved = Object.fromEntries(Object.entries(change).map(([name, value]) => [name, now() + value]))
    expect(await check(await signed(moved))).toBeNull()
  })

  it.each(["logout+jwt", "secevent+jwt", "dpop+jwt", "at+jwt+more"])("typ %s", async (typ) => {
    expect(await check(await signed({}, { typ }))).toBeNull()
  })

  it("without a signature (alg none)", async () => {
    expect(await check(`${text({ alg: "none" })}.${text(claims())}.`)).toBeNull()
    expect(await check(`${text({ alg: "none", kid: "k1" })}.${text(claims())}.`)).toBeNull()
  })

  it("signed with the public key as a shared secret", async () => {
    const body = `${text({ alg: "HS256", kid: "k1" })}.${text(claims())}`
    const secret = JSON.stringify(published[0])
    expect(await check(`${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`)).toBeNull()
  })

  it("signed by somebody else under our key's id, also when it brings its own key", async () => {
    expect(await check(await signed({}, {}, other))).toBeNull()
    const jwk = await exportJWK(other.publicKey)
    expect(await check(await signed({}, { jwk }, other))).toBeNull()
    expect(await check(await signed({}, { jku: `${jwksUrl.href}?evil` } as object, other))).toBeNull()
  })

  it("changed after it was signed", async () => {
    const [header, , signature] = (await signed()).split(".")
    expect(await check(`${header}.${text({ ...claims(), sub: "admin" })}.${signature}`)).toBeNull()
  })

  it.each(["", "a", "a.b.c", "..", "x".repeat(10_000)])("that is none: %j", async (token) => {
    expect(await check(token)).toBeNull()
  })
})

describe("D1 #3 the issuer's keys", () => {
  it("a thousand unknown key ids fetch once in 30 s; known keys go on meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
    expect(await check(await signed())).not.toBeNull()
    expect(fetches).toBe(1)
    const bad = await Promise.all(Array.from({ length: 1000 }, (_, i) => signed({}, { kid: `bad-${i}` }, other)))
    for (const token of bad) expect(await check(token)).toBeNull()
    expect(fetches).toBe(1)
    vi.setSystemTime(Date.now() + 31_000)
    await Promise.all(bad.map(check))
    expect(fetches).toBe(2)
    expect(await check(await signed())).not.toBeNull()
    expect(fetches).toBe(2)
  })

  it("a key that the issuer begins to use is found; one that it gave up is forgotten", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
    expect(await check(await signed())).not.toBeNull()
    published = [await publicKey(other, "k2")]
    vi.setSystemTime(Date.now() + 31_000)
    expect(await check(await signed({}, { kid: "k2" }, other))).not.toBeNull()
    expect(await check(await signed())).toBeNull()
    expect(fetches).toBe(2)
  })

  it("keys that cannot be fetched are no refusal, and are not asked for by every request", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
    isDown = true
    for (let i = 0; i < 20; i++) expect(await failure(await signed())).toMatchObject({ _tag: "TokenKeysUnavailable" })
    expect(fetches).toBe(1)
    isDown = false
    vi.setSystemTime(Date.now() + 2_001)
    expect(await check(await signed())).not.toBeNull()
  })
})
