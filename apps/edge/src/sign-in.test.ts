/**
 * Goal: people sign in with their browser at a real issuer, and nobody else does in their name (D1 #4, #5). Method: an
 * edge in production, npm's oidc-provider beside it, and browsers that do what they should and what they should not.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { SUBJECTS } from "@credits/contracts"
import { Redacted } from "effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"
import { topupOf } from "./paying.fixture.ts"
import { Browser, CLIENT_ID, CLIENT_SECRET, type IssuerUnderTest, startIssuer } from "./issuer.fixture.ts"
import { SESSION_IDLE_MS, SESSION_LIFE_MS } from "./session.ts"
import { decodeFlow, encodeFlow, HOME, returnPathOf, SIGN_IN_LIFE_MS } from "./sign-in.ts"

const SESSION = "__Host-credits_session"
const FLOW = "__Host-credits_sign_in"

/** A port nobody uses: the issuer must know the edge's address before the edge has one. */
const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

let issuer: IssuerUnderTest
let edge: EdgeUnderTest
let own = ""
let browser: Browser

beforeAll(async () => {
  const port = await freePort()
  own = `http://127.0.0.1:${port}`
  issuer = await startIssuer(`${own}/api/auth/callback`)
  edge = await startEdge({
    mode: "production",
    port,
    trustedProxies: 1,
    tokenIssuer: { issuer: issuer.url, audience: "credits", jwksUrl: new URL(`${issuer.url}/jwks`) },
    oidc: { clientId: CLIENT_ID, clientSecret: Redacted.make(CLIENT_SECRET), publicUrl: new URL(own) },
    publicUrl: new URL(own),
  })
})
afterAll(async () => {
  await edge.stop()
  await issuer.stop()
})
beforeEach(() => {
  issuer.person = "ada"
  issuer.prompts = 0
  issuer.signedInBefore = 0
  issuer.isDown = false
  browser = new Browser()
  edge.paying.reset()
  return () => vi.useRealTimers()
})

const isOwn = (path: string) => (url: URL) => url.origin === own && url.pathname === path
const signIn = (returnTo = "/wallet", who = browser, query = "") =>
  who.visit(`${own}/api/auth/sign-in?returnTo=${encodeURIComponent(returnTo)}${query}`, isOwn(returnTo.split("?")[0]!))
const user = async (who = browser) => (await (await who.fetch(`${own}/api/auth/get-session`)).json()) as unknown
const wallet = (who = browser) => who.fetch(`${own}/api/v1/wallet`)
/** Leaves for the issuer and stops at its door to our callback. */
const untilCallback = (who = browser, query = "") =>
  who.visit(`${own}/api/auth/sign-in?returnTo=/wallet${query}`, isOwn("/api/auth/callback"))

describe("signing in", () => {
  it("D1 #4 off with PKCE, state and nonce; back with a session and nothing of the issuer's", async () => {
    const leaving = await browser.visit(
      `${own}/api/auth/sign-in?returnTo=/wallet`,
      ({ origin }) => origin === issuer.url,
    )
    const asked = leaving.url.searchParams
    expect(leaving.response.status).toBe(302)
    expect(asked.get("response_type")).toBe("code")
    expect(asked.get("code_challenge_method")).toBe("S256")
    for (const name of ["state", "nonce", "code_challenge"]) expect(asked.get(name)).toMatch(/^[\w-]{43}$/)
    expect(leaving.url.href).not.toContain(CLIENT_SECRET)

    const { url, cookies } = await signIn("/wallet?tab=plan")
    expect(url.href).toBe(`${own}/wallet?tab=plan`)
    const session = cookies.find((line) => line.startsWith(SESSION))!
    expect(session).toMatch(new RegExp(`^${SESSION}=ses_[\\w-]{43}; `))
    const attributes = session
      .split("; ")
      .slice(1)
      .map((each) => each.toLowerCase())
    expect(attributes).toEqual(expect.arrayContaining(["httponly", "secure", "samesite=lax", "path=/"]))
    expect(attributes.some((each) => each.startsWith("domain"))).toBe(false)
    expect([...browser.cookies(own).keys()]).toEqual([SESSION])
    // A token begins like that, and has two dots.
    expect(cookies.join("\n")).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    expect(await user()).toEqual({ user: { id: expect.any(String), name: "Name of ada", email: "ada@example.com" } })
    expect((await wallet()).status).toBe(200)
  })

  it("the same person has the same account, also through a token of the issuer; another has another", async () => {
    const idOf = async (person: string) => {
      issuer.person = person
      const one = new Browser()
      await signIn("/wallet", one)
      return ((await user(one)) as { user: { id: string } }).user.id
    }
    const [first, again, bob] = [await idOf("ada"), await idOf("ada"), await idOf("bob")]
    expect(first).toMatch(/^acc_/)
    expect(again).toBe(first)
    expect(bob).not.toBe(first)
  })

  it("an address that the issuer does not vouch for is not kept", async () => {
    issuer.person = "unproven"
    await signIn()
    expect(await user()).toMatchObject({ user: { email: "", name: "Name of unproven" } })
  })

  it("who gives up at the issuer is told so and is not signed in", async () => {
    issuer.person = null
    const { response } = await signIn()
    expect([response.status, response.headers.get("content-type")]).toEqual([400, "text/html; charset=utf-8"])
    expect(await response.text()).toContain("You are not signed in")
    expect(await user()).toBeNull()
  })
})

describe("what does not sign in", () => {
  const callback = (url: URL, who = browser) => who.fetch(url.href)
  const refused = async (response: Response) => {
    expect(response.status).toBe(400)
    expect(response.headers.getSetCookie().some((line) => line.startsWith(SESSION))).toBe(false)
  }

  it("D1 #4 the answer to somebody else's sign-in (login CSRF): the browser has no such flow", async () => {
    const { url } = await untilCallback()
    await refused(await callback(url, new Browser()))
    const victim = new Browser()
    await untilCallback(victim)
    await refused(await callback(url, victim))
    expect(await user(victim)).toBeNull()
  })

  it("another state, no state, another code, no code", async () => {
    for (const change of [{ state: "other" }, { state: null }, { code: "other" }, { code: null }]) {
      const one = new Browser()
      const { url } = await untilCallback(one)
      for (const [name, value] of Object.entries(change)) {
        if (value === null) url.searchParams.delete(name)
        else url.searchParams.set(name, value)
      }
      await refused(await callback(url, one))
    }
  })

  it("another issuer's answer (mix-up)", async () => {
    const { url } = await untilCallback()
    url.searchParams.set("iss", "https://evil.example.com")
    await refused(await callback(url))
  })

  it("a nonce or a proof that the browser changed", async () => {
    for (const change of [{ nonce: "other" }, { verifier: "other-".repeat(8) }]) {
      const one = new Browser()
      const { url } = await untilCallback(one)
      const flow = decodeFlow(one.cookies(own).get(FLOW), Date.now())!
      one.cookies(own).set(FLOW, encodeFlow({ ...flow, ...change }))
      await refused(await callback(url, one))
    }
  })

  it("the same answer twice", async () => {
    const { url } = await untilCallback()
    const flow = browser.cookies(own).get(FLOW)!
    expect((await callback(url)).status).toBe(302)
    const second = new Browser()
    second.cookies(own).set(FLOW, flow)
    await refused(await callback(url, second))
  })

  it("an answer that comes too late", async () => {
    const { url } = await untilCallback()
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + SIGN_IN_LIFE_MS + 1 })
    await refused(await callback(url))
  })

  it("an issuer that is away: 503 with Retry-After, and all is well when it is back", async () => {
    const { url } = await untilCallback()
    issuer.isDown = true
    const answer = await callback(url)
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"])
    issuer.isDown = false
    expect((await signIn()).url.pathname).toBe("/wallet")
  })

  it("D1 #4 nobody is sent to another site after signing in", async () => {
    const { url } = await browser.visit(
      `${own}/api/auth/sign-in?returnTo=//evil.example/x`,
      ({ pathname }) => pathname === HOME,
    )
    expect(url.href).toBe(`${own}${HOME}`)
  })
})

describe("where a person goes after signing in", () => {
  const bad = ["https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)"]
  it.each([...bad, "wallet", "", " /wallet", "/a\nb", "/\t/evil.example", "/api/auth/sign-out"])(
    "D1 #4 %j is not a path of ours: the wallet",
    (asked) => expect(returnPathOf(asked)).toBe(HOME),
  )

  it.each([
    ["/", "/"],
    ["/plans?interval=yearly#pro", "/plans?interval=yearly#pro"],
    ["/a/../b", "/b"],
  ])("%j is %j", (asked, path) => expect(returnPathOf(asked)).toBe(path))

  it("D1 #4 however the path is written, it stays here", () => {
    const rest = fc.string({ unit: "binary", maxLength: 20 })
    fc.assert(
      fc.property(fc.constantFrom("", "/", "//", "/\\", "/.", "/@", "https:", "/%2f"), rest, (head, tail) => {
        expect(new URL(returnPathOf(head + tail), "https://own.example").origin).toBe("https://own.example")
      }),
    )
  })
})

describe("the session", () => {
  it("ends where it is kept: after sign-out its cookie is worth nothing", async () => {
    await signIn()
    const secret = browser.cookies(own).get(SESSION)!
    expect((await browser.fetch(`${own}/api/auth/sign-out`, { method: "POST" })).status).toBe(200)
    expect([...browser.cookies(own).keys()]).toEqual([])
    browser.cookies(own).set(SESSION, secret)
    expect((await wallet()).status).toBe(401)
    expect(await user()).toBeNull()
  })

  it("operators see a customer's sessions and end them all: every browser has to sign in again", async () => {
    await signIn()
    const { accountId: account } = (await (await wallet()).json()) as { readonly accountId: string }
    const ask = async (op: string) => {
      const reply = await edge.bus.connection.request(SUBJECTS.edgeRequest(op), JSON.stringify({ op, account }))
      return (JSON.parse(reply.string()) as { ok: { items: ReadonlyArray<Record<string, unknown>> } }).ok.items
    }
    expect((await ask("session-list")).length).toBeGreaterThan(0)
    expect(JSON.stringify(await ask("session-list"))).not.toContain(browser.cookies(own).get(SESSION))
    await ask("session-end")
    expect((await wallet()).status).toBe(401)
    expect(await ask("session-list")).toEqual([])
  })

  it("is rotated at every sign-in; the one before is over", async () => {
    await signIn()
    const first = browser.cookies(own).get(SESSION)!
    await signIn()
    expect(browser.cookies(own).get(SESSION)).not.toBe(first)
    const thief = new Browser()
    thief.cookies(own).set(SESSION, first)
    expect((await wallet(thief)).status).toBe(401)
  })

  it("is over after 12 idle hours, and after 30 days however much it is used", async () => {
    await signIn()
    let now = Date.now()
    const at = async (next: number) => {
      now = next
      vi.useFakeTimers({ toFake: ["Date"], now })
      return (await wallet()).status
    }
    const end = now + SESSION_LIFE_MS
    while (now + SESSION_IDLE_MS < end) expect(await at(now + SESSION_IDLE_MS - 60_000)).toBe(200)
    expect(await at(end + 1_000)).toBe(401)
    vi.useRealTimers()
    await signIn()
    expect(await at(Date.now() + SESSION_IDLE_MS + 1_000)).toBe(401)
  })

  it("is stored by its hash alone, and neither a token nor a key passes for one", async () => {
    await signIn()
    const secret = browser.cookies(own).get(SESSION)!
    for (const value of [secret.slice(0, -1), `${secret}x`, "ses_", "eyJhbGciOiJub25lIn0.e30.", "wk_live_x"]) {
      browser.cookies(own).set(SESSION, value)
      expect((await wallet()).status).toBe(401)
    }
    // Without the prefix that makes a browser guard it, the name means nothing.
    browser.cookies(own).clear()
    browser.cookies(own).set("credits_session", secret)
    expect((await wallet()).status).toBe(401)
  })
})

describe("D1 #5 proving anew who one is", () => {
  const MINUTES = 60_000
  const send = (method: string, path: string, json: unknown) =>
    browser.fetch(`${own}${path}`, {
      method,
      headers: { "content-type": "application/json", origin: own },
      body: JSON.stringify(json),
    })
  const saveCard = () => send("POST", "/api/v1/payment-method", { setupToken: "tok_ok" })
  const cap = (monthlyCapUsd: string) => send("PUT", "/api/v1/wallet/auto-top-up", { monthlyCapUsd, consent: true })
  const makeKey = () => send("POST", "/api/v1/control-keys", { name: "laptop" })
  const later = (ms: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms })
  const running = { enabled: true, state: "ready", monthlyCapCents: 5000 } as const

  it("a card, auto top-up and keys need a sign-in of the last 10 minutes; the answer says where", async () => {
    await signIn()
    later(9 * MINUTES)
    for (const attempt of [saveCard, makeKey, () => cap("50.00")]) expect((await attempt()).status).toBeLessThan(300)
    later(2 * MINUTES)
    edge.paying.reset()
    const setup = () => send("POST", "/api/v1/payment-method/setup", {})
    for (const attempt of [saveCard, setup, makeKey, () => cap("50.00")]) {
      const response = await attempt()
      expect(response.status).toBe(403)
      expect(await response.json()).toMatchObject({
        code: "step_up_required",
        signInUrl: "/api/auth/sign-in?stepUp=1&returnTo=%2Fwallet",
      })
    }
    expect(edge.paying.asked.payments).toEqual([])
    expect(edge.paying.asked.topup.some(({ op }) => op === "enable")).toBe(false)
  })

  it("lowering the cap, turning off, removing and everything else never need it", async () => {
    await signIn()
    later(60 * MINUTES)
    edge.paying.topup = ({ op, ...rest }) =>
      op === "show" && "account" in rest ? { ok: topupOf(rest.account, running) } : null
    expect((await cap("50.00")).status).toBe(200)
    expect((await cap("49.99")).status).toBe(200)
    expect((await cap("50.01")).status).toBe(403)
    edge.paying.topup = ({ op, ...rest }) =>
      op === "show" && "account" in rest ? { ok: topupOf(rest.account, { ...running, state: "suspended" }) } : null
    expect((await cap("5.00")).status).toBe(403)
    expect((await send("DELETE", "/api/v1/wallet/auto-top-up", undefined)).status).toBe(200)
    expect((await send("DELETE", "/api/v1/payment-method", undefined)).status).toBe(204)
    expect((await send("POST", "/api/v1/subscription/cancel", {})).status).toBe(200)
  })

  it("who proves it goes on with a new session; the issuer asks, though it remembers the person", async () => {
    issuer.signedInBefore = 3600
    await signIn()
    const before = browser.cookies(own).get(SESSION)!
    // An hour ago, says the issuer: a sign-in that it answers from memory proves nothing new.
    expect((await saveCard()).status).toBe(403)
    issuer.signedInBefore = 0
    issuer.prompts = 0
    const leaving = await browser.visit(
      `${own}/api/auth/sign-in?stepUp=1&returnTo=/wallet`,
      ({ origin }) => origin === issuer.url,
    )
    expect([leaving.url.searchParams.get("prompt"), leaving.url.searchParams.get("max_age")]).toEqual(["login", "0"])
    await signIn("/wallet", browser, "&stepUp=1")
    expect(issuer.prompts).toBe(1)
    expect(browser.cookies(own).get(SESSION)).not.toBe(before)
    expect((await saveCard()).status).toBe(200)
  })

  it("an issuer that did not ask the person is not believed", async () => {
    await signIn()
    issuer.signedInBefore = 600
    const { response } = await signIn("/wallet", browser, "&stepUp=1")
    expect(response.status).toBe(400)
    expect((await wallet()).status).toBe(200)
  })

  it("somebody else at the same browser does not get the wallet that is open in it", async () => {
    await signIn()
    const before = await user()
    issuer.person = "bob"
    browser.cookies(issuer.url).clear()
    const { response } = await signIn("/wallet", browser, "&stepUp=1")
    expect(response.status).toBe(403)
    expect(await user()).toEqual(before)
  })
})
