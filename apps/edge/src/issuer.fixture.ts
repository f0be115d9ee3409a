/**
 * An issuer under test: npm's oidc-provider, running for real, whose sign-in page signs in whoever the test says; and a
 * browser of few words that follows redirects and keeps cookies by origin.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type KoaContextWithOIDC, Provider } from "oidc-provider"

export const CLIENT_ID = "edge"
export const CLIENT_SECRET = "a-secret-of-the-test-that-is-long-enough"

export class IssuerUnderTest {
  readonly url: string
  readonly #server: Server
  readonly #provider: Provider
  /** Who the sign-in page signs in next; null: the person gives up. */
  person: string | null = "ada"
  /** Sign-in pages shown. */
  prompts = 0
  /** Added to the instant at which the person is said to have signed in, seconds. */
  signedInBefore = 0
  /** The issuer's answers to everything. */
  isDown = false

  constructor(server: Server, redirectUri: string) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.#server = server
    this.#provider = new Provider(this.url, {
      clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [redirectUri] }],
      cookies: { keys: ["cookie-key-of-the-test"] },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          email: `${id}@example.com`,
          email_verified: id !== "unproven",
          name: `Name of ${id}`,
        }),
      }),
      loadExistingGrant: (ctx) => this.#grant(ctx),
      ttl: { AccessToken: 600, IdToken: 600, Interaction: 600, Session: 6000, Grant: 6000 },
    })
    const handle = this.#provider.callback()
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      if (this.isDown) response.writeHead(503).end()
      else if (request.url!.startsWith("/interaction/")) void this.#interaction(request, response)
      else void handle(request, response)
    })
  }

  async #grant(ctx: KoaContextWithOIDC) {
    const { client, session } = ctx.oidc
    const grant = new this.#provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
    grant.addOIDCScope("openid email profile")
    await grant.save()
    return grant
  }

  async #interaction(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.prompts += 1
    const ts = Math.floor(Date.now() / 1000) - this.signedInBefore
    const result =
      this.person === null
        ? { error: "access_denied", error_description: "the person gave up" }
        : { login: { accountId: this.person, ts } }
    await this.#provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(resolve))
  }
}

export const startIssuer = async (redirectUri: string): Promise<IssuerUnderTest> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return new IssuerUnderTest(server, redirectUri)
}

export interface Visit {
  readonly url: URL
  readonly response: Response
  /** `Set-Cookie` lines of every answer on the way. */
  readonly cookies: ReadonlyArray<string>
}

let browsers = 0

/** Every browser is somewhere else, as the proxy in front of the edge says: budgets are an address's own. */
export class Browser {
  readonly #jar = new Map<string, Map<string, string>>()
  readonly #address = `10.0.${++browsers >> 8}.${browsers & 255}`

  cookies(origin: string): Map<string, string> {
    let cookies = this.#jar.get(origin)
    if (cookies === undefined) this.#jar.set(origin, (cookies = new Map()))
    return cookies
  }

  async #once(url: URL, init: RequestInit): Promise<Response> {
    const cookies = this.cookies(url.origin)
    const headers = new Headers(init.headers)
    headers.set("x-forwarded-for", this.#address)
    if (cookies.size > 0) headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "))
    const response = await fetch(url, { ...init, headers, redirect: "manual" })
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(/;\s*/)
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]
      const isGone = attributes.some((each) => /^max-age=0$/i.test(each) || /^expires=Thu, 01 Jan 1970/i.test(each))
      if (isGone) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  fetch(url: string, init: RequestInit = {}): Promise<Response> {
    return this.#once(new URL(url), init)
  }

  /** Follows redirects until a page answers, or until `stop` says that this address is not visited. */
  async visit(address: string, stop: (url: URL) => boolean = () => false): Promise<Visit> {
    let url = new URL(address)
    const cookies: Array<string> = []
    for (let hops = 0; hops < 20; hops++) {
      const response = await this.#once(url, {})
      cookies.push(...response.headers.getSetCookie())
      const location = response.headers.get("location")
      if (location === null) return { url, response, cookies }
      await response.body?.cancel()
      const next = new URL(location, url)
      if (stop(next)) return { url: next, response, cookies }
      url = next
    }
    throw new Error(`too many redirects from ${address}`)
  }
}
