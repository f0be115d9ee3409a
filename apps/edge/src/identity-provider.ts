/**
 * The issuer as a place where people sign in (OpenID Connect, code flow with PKCE; the edge is the client). Owns what
 * is asked of it and what of its answer is believed. Its tokens end here: nobody outside this file sees one.
 */
import { Context, Data, Effect, Layer, Redacted } from "effect"
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client"
import { EdgeConfig, isLoopback, type OidcClient } from "./config.ts"
import { SESSION_LIFE_MS } from "./session.ts"
import type { Person } from "./session-table.ts"
import { proofAgeMaxSeconds, type SignInFlow } from "./sign-in.ts"

export const CALLBACK_PATH = "/api/auth/callback"
const SCOPE = "openid email profile"
const TIMEOUT_SECONDS = 10

/** `refused`: the answer is not one to believe, or the person gave up. `unavailable`: the issuer does not answer. */
export class SignInFailed extends Data.TaggedError("SignInFailed")<{
  readonly reason: "refused" | "unavailable"
  readonly detail: string
}> {}

/** Who signed in, as the issuer says. */
export interface Authenticated {
  readonly subject: string
  /** Milliseconds since 1970; 0 when the issuer does not say: long ago. */
  readonly authenticatedAt: number
  readonly person: Person
}

interface Claims {
  readonly email?: unknown
  readonly email_verified?: unknown
  readonly name?: unknown
  readonly preferred_username?: unknown
}

const textOf = (...values: ReadonlyArray<unknown>): string =>
  values.find((value): value is string => typeof value === "string" && value !== "") ?? ""

/** An address that the issuer itself does not vouch for is not written to. */
const personOf = ({ email, email_verified, name, preferred_username }: Claims): Person => ({
  email: email_verified === false ? "" : textOf(email),
  name: textOf(name, preferred_username),
})

interface LibraryError {
  readonly name?: string
  readonly code?: string
  readonly status?: number
  readonly cause?: unknown
}

/** HTTP status somewhere behind an error of the library. */
const statusOf = (error: unknown): number | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const { status, cause } = error as LibraryError
  return typeof status === "number" ? status : statusOf(cause)
}

/** Errors of an answer that arrived; everything else is the way there. */
const isAnswer = (error: unknown): boolean => {
  if ((statusOf(error) ?? 0) >= 500) return false
  const { name, code } = error as LibraryError
  return name === "AuthorizationResponseError" || name === "ResponseBodyError" || /^OAUTH_(?!TIMEOUT)/.test(code ?? "")
}

const failedOf = (error: unknown): SignInFailed =>
  new SignInFailed({ reason: isAnswer(error) ? "refused" : "unavailable", detail: String(error) })

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, SignInFailed> =>
  Effect.tryPromise({ try: work, catch: failedOf })

/** Discovered when the first person signs in, so that an issuer that is away does not keep the API from starting. */
const discovering = (issuer: string, { clientId, clientSecret }: OidcClient): (() => Promise<Configuration>) => {
  const url = new URL(issuer)
  const insecure = url.protocol === "http:" && isLoopback(url) ? [allowInsecureRequests] : []
  let found: Promise<Configuration> | undefined
  return () => {
    found ??= discovery(url, clientId, Redacted.value(clientSecret), undefined, {
      execute: [...insecure, enableNonRepudiationChecks],
      timeout: TIMEOUT_SECONDS,
    }).catch((error: unknown) => {
      found = undefined
      throw new SignInFailed({ reason: "unavailable", detail: String(error) })
    })
    return found
  }
}

/** What the ID token leaves out, where the issuer tells it elsewhere; a sign-in does not fail for want of a name. */
const toldElsewhere = async (config: Configuration, accessToken: string, subject: string): Promise<Claims> => {
  if (config.serverMetadata().userinfo_endpoint === undefined) return {}
  return fetchUserInfo(config, accessToken, subject).catch(() => ({}))
}

const signingIn = (issuer: string, client: OidcClient) => {
  const configuration = discovering(issuer, client)
  const redirectUri = new URL(CALLBACK_PATH, client.publicUrl).href

  const begin = (returnTo: string, isStepUp: boolean, now: number) =>
    attempt(async () => {
      const config = await configuration()
      const verifier = randomPKCECodeVerifier()
      const flow: SignInFlow = {
        state: randomState(),
        nonce: randomNonce(),
        verifier,
        returnTo,
        isStepUp,
        startedAt: now,
      }
      const url = buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: SCOPE,
        state: flow.state,
        nonce: flow.nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        // Asked for an age, an issuer says when the person signed in there (OpenID Connect Core 3.1.2.1).
        ...(isStepUp ? { prompt: "login", max_age: "0" } : { max_age: String(SESSION_LIFE_MS / 1000) }),
      })
      return { url, flow }
    })

  /** `query`: what the issuer sent the browser back with. */
  const finish = (query: string, flow: SignInFlow, now: number) =>
    attempt(async (): Promise<Authenticated> => {
      const config = await configuration()
      const answer = new URL(redirectUri)
      answer.search = query
      const tokens = await authorizationCodeGrant(config, answer, {
        expectedState: flow.state,
        expectedNonce: flow.nonce,
        pkceCodeVerifier: flow.verifier,
        idTokenExpected: true,
        ...(flow.isStepUp ? { maxAge: proofAgeMaxSeconds(flow, now) } : {}),
      })
      const claims = tokens.claims()!
      const told = "email" in claims ? {} : await toldElsewhere(config, tokens.access_token, claims.sub)
      return {
        subject: claims.sub,
        authenticatedAt: (claims.auth_time ?? 0) * 1000,
        person: personOf({ ...told, ...claims }),
      }
    })
  return { begin, finish }
}

export class IdentityProvider extends Context.Service<
  IdentityProvider,
  {
    /** Undefined where nobody is signed in here. */
    readonly signIn: ReturnType<typeof signingIn> | undefined
  }
>()("edge/IdentityProvider") {
  static readonly layer = Layer.effect(
    IdentityProvider,
    Effect.map(EdgeConfig, ({ tokenIssuer, oidc }) =>
      IdentityProvider.of({
        signIn: tokenIssuer === undefined || oidc === undefined ? undefined : signingIn(tokenIssuer.issuer, oidc),
      }),
    ),
  )
}
