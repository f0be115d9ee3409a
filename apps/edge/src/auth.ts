/**
 * Who is asking (contract sections 2 and 4): checks sessions, access tokens and API keys, and gives the endpoints a
 * customer or a gateway. The account comes only from here. A credential of the wrong kind is 403, none or a bad one
 * 401, and a key store or token issuer that does not answer 503: never a refusal that sends a client to log in.
 */
import {
  Customer,
  CustomerAuth,
  Gateway,
  GatewayAuth,
  makeProblem,
  type RateLimited,
  RequestKind,
  type Unauthorized,
  type Unavailable,
  type WrongScope,
} from "@credits/contracts/http"
import { hashApiKey, isAccountId, isApiKey, keyUseIsWritten, looksLikeApiKey, makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import type { HttpApiEndpoint } from "effect/http-api"
import { EdgeConfig } from "./config.ts"
import { RateLimits } from "./rate-limits.ts"
import { unavailable } from "./refusal.ts"
import { looksLikeSession } from "./session.ts"
import type { Person } from "./session-table.ts"
import { Sessions } from "./sessions.ts"
import { EdgeStore } from "./store.ts"
import type { EdgeStoreUnavailable } from "./store-answer.ts"
import { type TokenKeysUnavailable, Tokens } from "./tokens.ts"

const authRequired = (detail: string): Unauthorized => makeProblem(401, "auth_required", detail)
const wrongScope = (detail: string): WrongScope => makeProblem(403, "wrong_scope", detail)

const comeBack = (error: EdgeStoreUnavailable | TokenKeysUnavailable): Effect.Effect<never, Unavailable> =>
  Effect.andThen(
    Effect.logWarning(`credentials cannot be checked: ${error.detail}`),
    Effect.fail(unavailable("unavailable", "credentials cannot be checked right now")),
  )

export interface CustomerCaller {
  readonly kind: "customer"
  readonly accountId: string
  readonly isPerson: boolean
  /** When the person proved who they are, milliseconds since 1970; null when the credential does not say. */
  readonly authenticatedAt: number | null
  /** What a token says of the person; null where the store knows. */
  readonly person: Person | null
}
export type Caller = CustomerCaller | { readonly kind: "gateway"; readonly keyId: string }

type Request = HttpServerRequest.HttpServerRequest
type Read<A> = Effect.Effect<A, Unauthorized | Unavailable>

const BEARER = /^Bearer +(\S+)$/i
const SEND_ONE = "send Authorization: Bearer <access token or API key>"

/** Reads a credential into a caller. */
export class Credentials extends Context.Service<
  Credentials,
  {
    /**
     * The caller of a request. A bearer speaks for itself: an old cookie beside it says nothing. Null when neither is
     * there.
     */
    readonly callerIfAny: (request: Request) => Read<Caller | null>
    /** The same, or 401. */
    readonly callerOf: (request: Request) => Read<Caller>
    /** The caller whom an access token or an API key stands for. */
    readonly callerOfBearer: (credential: string) => Read<Caller>
    /** The account of a token's or sign-in's subject; made when first seen. */
    readonly accountOfSubject: (subject: string) => Effect.Effect<string, Unavailable>
  }
>()("edge/Credentials") {
  static readonly layer = Layer.effect(
    Credentials,
    Effect.gen(function* () {
      const tokens = yield* Tokens
      const store = yield* EdgeStore
      const sessions = yield* Sessions
      const config = yield* EdgeConfig

      const accountOfSubject = (subject: string) => {
        const now = Date.now()
        return store.accountOf(subject, makeId("acc", now, randomBytes(10)), now).pipe(Effect.catch(comeBack))
      }
      const callerOfKey = Effect.fnUntraced(function* (key: string) {
        const hash = hashApiKey(key)
        const found = isApiKey(key) ? yield* store.findKey(hash).pipe(Effect.catch(comeBack)) : null
        if (found === null) return yield* Effect.fail(authRequired("this API key is not known"))
        const now = Date.now()
        if (found.expiresAt !== null && found.expiresAt <= now) {
          return yield* Effect.fail(authRequired("this API key has expired"))
        }
        if (keyUseIsWritten(found.lastUsedAt, now)) yield* store.keyUsed(hash, now).pipe(Effect.catch(comeBack))
        if (found.scope === "gateway") return { kind: "gateway" as const, keyId: found.id }
        if (found.account === null) return yield* Effect.fail(authRequired("this API key has no account"))
        const { account: accountId } = found
        return { kind: "customer" as const, accountId, isPerson: false, authenticatedAt: null, person: null }
      })
      const callerOfToken = Effect.fnUntraced(function* (token: string) {
        const verified = yield* tokens.verify(token).pipe(Effect.catch(comeBack))
        if (verified === null) return yield* Effect.fail(authRequired("this access token is not valid; sign in again"))
        const { subject, authenticatedAt, person } = verified
        // Our own tokens name the account; an issuer's subject gets one when it is first seen.
        const isOwn = config.tokenIssuer === undefined && isAccountId(subject)
        const accountId = isOwn ? subject : yield* accountOfSubject(`${tokens.issuer}|${subject}`)
        return { kind: "customer" as const, accountId, isPerson: true, authenticatedAt, person }
      })
      const callerOfBearer = (credential: string): Read<Caller> =>
        looksLikeApiKey(credential) ? callerOfKey(credential) : callerOfToken(credential)

      const callerOfCookie = Effect.fnUntraced(function* (secret: string) {
        // Where anybody can sign in as anybody, a script may put the token it got into the cookie.
        if (config.mode !== "production" && !looksLikeSession(secret)) return yield* callerOfBearer(secret)
        const found = yield* sessions.find(secret).pipe(Effect.catch(comeBack))
        if (found === null) return yield* Effect.fail(authRequired("this session has ended; sign in again"))
        const { account: accountId, authenticatedAt } = found
        return { kind: "customer" as const, accountId, isPerson: true, authenticatedAt, person: null }
      })
      const callerIfAny = (request: Request): Read<Caller | null> => {
        const { authorization } = request.headers
        if (authorization !== undefined) {
          const credential = BEARER.exec(authorization)?.[1]
          return credential === undefined ? Effect.fail(authRequired(SEND_ONE)) : callerOfBearer(credential)
        }
        const secret = sessions.cookieOf(request)
        return secret === undefined || secret === "" ? Effect.succeed(null) : callerOfCookie(secret)
      }
      const callerOf = (request: Request): Read<Caller> =>
        Effect.flatMap(callerIfAny(request), (caller) =>
          caller === null ? Effect.fail(authRequired(SEND_ONE)) : Effect.succeed(caller),
        )
      return Credentials.of({ callerIfAny, callerOf, callerOfBearer, accountOfSubject })
    }),
  )
}

/** A customer, or 403 for a gateway's key. */
export const customerOf = (caller: Caller): Effect.Effect<CustomerCaller, WrongScope> =>
  caller.kind === "customer"
    ? Effect.succeed(caller)
    : Effect.fail(wrongScope("a gateway key cannot read a wallet; use an access token or a control key"))

/**
 * Reading a credential, whose failures cost the address it came from. Good credentials are read all the same: one
 * program with an old key must not lock out the others of its machine, and nobody guesses 160 bits.
 */
const guarded = <A, E>(
  limits: RateLimits["Service"],
  request: Request,
  reading: Effect.Effect<A, E | Unauthorized>,
): Effect.Effect<A, E | Unauthorized | RateLimited> =>
  Effect.tapError(reading, (problem) =>
    request.headers.authorization !== undefined && (problem as { readonly status?: number }).status === 401
      ? limits.take("failedCredential", limits.addressOf(request))
      : Effect.void,
  )

export const customerAuthLayer = Layer.effect(
  CustomerAuth,
  Effect.gen(function* () {
    const credentials = yield* Credentials
    const limits = yield* RateLimits
    const admitted = Effect.fnUntraced(function* (caller: Caller, endpoint: HttpApiEndpoint.Top, request: Request) {
      const customer = yield* customerOf(caller)
      yield* limits.takeOfAccount(Context.get(endpoint.annotations, RequestKind), customer.accountId, request)
      return customer
    })
    return CustomerAuth.of({
      // Asked first, its refusals are not heard: what it cannot say yes to is the other's to answer, cookies included.
      session: Effect.fnUntraced(function* (next, { endpoint }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        if (request.headers.authorization !== undefined) return yield* Effect.fail(authRequired("see the bearer"))
        const caller = yield* credentials.callerOf(request)
        return yield* Effect.provideService(next, Customer, yield* admitted(caller, endpoint, request))
      }),
      bearer: Effect.fnUntraced(function* (next, { endpoint }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        const caller = yield* guarded(limits, request, credentials.callerOf(request))
        return yield* Effect.provideService(next, Customer, yield* admitted(caller, endpoint, request))
      }),
    })
  }),
)

/** The account of a person: a control key only reads, it neither moves money nor makes more of itself. */
export const personsAccount = (what: string): Effect.Effect<string, WrongScope, Customer> =>
  Effect.flatMap(Customer, ({ accountId, isPerson }) =>
    isPerson ? Effect.succeed(accountId) : Effect.fail(wrongScope(`sign in to ${what}; a control key only reads`)),
  )

export const gatewayAuthLayer = Layer.effect(
  GatewayAuth,
  Effect.gen(function* () {
    const credentials = yield* Credentials
    const limits = yield* RateLimits
    return GatewayAuth.of({
      bearer: Effect.fnUntraced(function* (next) {
        const request = yield* HttpServerRequest.HttpServerRequest
        // A browser's session is no gateway, whatever it is sent to.
        const caller =
          request.headers.authorization === undefined
            ? yield* Effect.fail(authRequired(SEND_ONE))
            : yield* guarded(limits, request, credentials.callerOf(request))
        if (caller.kind !== "gateway") {
          return yield* Effect.fail(wrongScope("this endpoint takes an API key with the gateway scope"))
        }
        yield* limits.take("gateway", caller.keyId)
        return yield* Effect.provideService(next, Gateway, { keyId: caller.keyId })
      }),
    })
  }),
)
