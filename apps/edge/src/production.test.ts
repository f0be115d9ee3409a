import { spawn } from "node:child_process"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, SignJWT } from "jose"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge, until } from "./edge.fixture.ts"

const ISSUER = "https://id.example.com"
const AUDIENCE = "credits"

/** Runs main.ts with these variables only and answers how it ended. */
const startMain = (env: Record<string, string>): Promise<{ readonly code: number | null; readonly output: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [new URL("main.ts", import.meta.url).pathname], {
      env: { PATH: process.env["PATH"] ?? "", CREDITS_NATS_URL: "nats://127.0.0.1:1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.on("exit", (code) => resolve({ code, output }))
  })

describe("production", () => {
  let keys: GenerateKeyPairResult
  let jwks: Server
  let edge: EdgeUnderTest
  let isDown = false
  beforeAll(async () => {
    keys = await generateKeyPair("ES256")
    const key = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "ES256", use: "sig" }
    jwks = createServer((_request, response) => {
      response.statusCode = isDown ? 500 : 200
      response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [key] }))
    })
    await new Promise<void>((resolve) => jwks.listen(0, "127.0.0.1", resolve))
    edge = await startEdge({
      mode: "production",
      tokenIssuer: {
        issuer: ISSUER,
        audience: AUDIENCE,
        jwksUrl: new URL(`http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks`),
      },
    })
  })
  afterAll(async () => {
    await edge.stop()
    await new Promise((resolve) => jwks.close(resolve))
  })

  const token = (claims: { iss?: string; aud?: string; sub?: string; exp?: string | number } = {}) => {
    const jwt = new SignJWT({})
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .setIssuer(claims.iss ?? ISSUER)
      .setAudience(claims.aud ?? AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(claims.exp ?? "5m")
    return (claims.sub === "" ? jwt : jwt.setSubject(claims.sub ?? "user-1")).sign(keys.privateKey)
  }
  const wallet = async (credential: string) => edge.fetch("/api/v1/wallet", { token: credential })

  it("while the keys cannot be fetched nobody is sent away: 503, not 401", async () => {
    isDown = true
    expect((await wallet(await token())).status).toBe(503)
    isDown = false
    await until(async () => (await wallet(await token())).status === 200)
  })

  it("a token of the issuer is an account, the same for the same subject", async () => {
    const accounts = await Promise.all(
      ["user-1", "user-1", "user-2"].map(async (sub) => {
        const response = await wallet(await token({ sub }))
        expect(response.status).toBe(200)
        return ((await response.json()) as { accountId: string }).accountId
      }),
    )
    expect(accounts[0]).toBe(accounts[1])
    expect(accounts[2]).not.toBe(accounts[0])
  })

  it("a subject that looks like an account id is not taken for that account", async () => {
    const response = await wallet(await token({ sub: "acc_victim" }))
    expect(((await response.json()) as { accountId: string }).accountId).not.toBe("acc_victim")
  })

  it.each([
    ["another issuer", { iss: "https://evil.example.com" }],
    ["another audience", { aud: "other" }],
    ["expired", { exp: 1_700_000_000 }],
    ["without a subject", { sub: "" }],
  ])("a token %s is 401", async (_, claims) => {
    expect((await wallet(await token(claims))).status).toBe(401)
  })

  it("a token signed with the public key as a shared secret is 401", async () => {
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey)))
    const forged = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject("user-1")
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(secret)
    expect((await wallet(forged)).status).toBe(401)
  })

  it("there is no sign-in, no key for the asking and no clock to move", async () => {
    for (const path of ["sign-in", "gateway-key", "clock/advance"]) {
      expect((await edge.fetch(`/api/v1/dev/${path}`, { method: "POST", json: {} })).status).toBe(404)
    }
    expect((await edge.fetch("/api/v1/dev/clock")).status).toBe(404)
    expect(await (await edge.fetch("/openapi.json")).text()).not.toContain("/api/v1/dev/")
  })

  it("a start without its settings stops and names every variable that is missing", async () => {
    const { code, output } = await startMain({ CREDITS_ENV: "production", CREDITS_JWT_ISSUER: ISSUER })
    expect(code).not.toBe(0)
    expect(output).toContain("CREDITS_JWT_AUDIENCE, CREDITS_JWKS_URL, CREDITS_NATS_SEED")
    expect(output).not.toContain("CREDITS_JWT_ISSUER,")
  })

  it.each([
    [{ CREDITS_OIDC_CLIENT_ID: "edge" }, "CREDITS_OIDC_CLIENT_SECRET, CREDITS_PUBLIC_URL"],
    [{ CREDITS_OIDC_CLIENT_SECRET: "s", CREDITS_PUBLIC_URL: "https://x.example" }, "needs CREDITS_OIDC_CLIENT_ID:"],
    [
      { CREDITS_OIDC_CLIENT_ID: "edge", CREDITS_OIDC_CLIENT_SECRET: "s", CREDITS_PUBLIC_URL: "http://x.example" },
      "CREDITS_PUBLIC_URL must begin with https://",
    ],
    [{ CREDITS_ALLOWED_ORIGINS: "https://ok.example, *" }, "CREDITS_ALLOWED_ORIGINS must be exact origins"],
  ])("people signing in half configured stops the start: %j", async (given, named) => {
    const whole = {
      CREDITS_ENV: "production",
      CREDITS_JWT_ISSUER: ISSUER,
      CREDITS_JWT_AUDIENCE: AUDIENCE,
      CREDITS_JWKS_URL: `${ISSUER}/jwks`,
      CREDITS_NATS_SEED: "seed",
    }
    const { code, output } = await startMain({ ...whole, ...given } as Record<string, string>)
    expect(code).not.toBe(0)
    expect(output).toContain(named)
  })

  it("a mode that does not exist stops the start", async () => {
    const { code, output } = await startMain({ CREDITS_ENV: "prod" })
    expect(code).not.toBe(0)
    expect(output).toContain("CREDITS_ENV")
  })
})
