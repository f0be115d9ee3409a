/**
 * Who is asking (contract sections 2 and 4): checks the session cookie, access tokens and API keys, and gives the
 * endpoints a customer or a gateway. The account comes only from here. A credential of the wrong kind is 403, none or a
 * bad one 401, and a key store or token issuer that does not answer 503: never a refusal that sends a client to log in.
 */
import {
  Customer,
  CustomerAuth,
  Gateway,
  GatewayAuth,
  makeProblem,
  type Unauthorized,
  type Unavailable,
  type WrongScope,
} from "@credits/contracts/http"
import { isAccountId, makeId } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpServerRequest } from "effect/http"
import { hashApiKey, isApiKey, looksLikeApiKey } from "./api-key.ts"
import { EdgeConfig } from "./config.ts"
import { unavailable } from "./refusal.ts"
import { type EdgeStoreUnavailable, EdgeStore, type StoredKey } from "./store.ts"
import { type TokenKeysUnavailable, Tokens } from "./tokens.ts"

const authRequired = (detail: string): Unauthorized => makeProblem(401, "auth_required", detail)
const wrongScope = (detail: string): WrongScope => makeProblem(403, "wrong_scope", detail)

const comeBack = (error: EdgeStoreUnavailable | TokenKeysUnavailable): Effect.Effect<never, Unavailable> =>
  Effect.andThen(
    Effect.logWarning(`credentials cannot be checked: ${error.detail}`),
    Effect.fail(unavailable("unavailable", "credentials cannot be checked right now")),
  )

type Caller =
  | { readonly kind: "customer"; readonly accountId: string; readonly isPerson: boolean }
  | { readonly kind: "gateway"; readonly keyId: string }

/** Reads a credential into a caller. */
export class Credentials extends Context.Service<
  Credentials,
  {
    readonly callerOf: (credential: string) => Effect.Effect<Caller, Unauthorized | Unavailable>
    /** The account of a token's or sign-in's subject; made when first seen. */
    readonly accountOfSubject: (subject: string) => Effect.Effect<string, Unavailable>
  }
>()("edge/Credentials") {
  static readonly layer = Layer.effect(
    Credentials,
    Effect.gen(function* () {
      const tokens = yield* Tokens
      const store = yield* EdgeStore
      const config = yield* EdgeConfig

      const accountOfSubject = (subject: string) => {
        const now = Date.now()
        return store.accountOf(subject, makeId("acc", now, randomBytes(10)), now).pipe(Effect.catch(comeBack))
      }
      const callerOfKey = Effect.fnUntraced(function* (key: string) {
        const found: StoredKey | null = isApiKey(key)
          ? yield* store.findKey(hashApiKey(key)).pipe(Effect.catch(comeBack))
          : null
        if (found === null) return yield* Effect.fail(authRequired("this API key is not known"))
        if (found.scope === "gateway") return { kind: "gateway" as const, keyId: found.id }
        if (found.account === null) return yield* Effect.fail(authRequired("this API key has no account"))
        return { kind: "customer" as const, accountId: found.account, isPerson: false }
      })
      const callerOfToken = Effect.fnUntraced(function* (token: string) {
        const subject = yield* tokens.verify(token).pipe(Effect.catch(comeBack))
        if (subject === null) return yield* Effect.fail(authRequired("this access token is not valid; sign in again"))
        // Our own tokens name the account; an issuer's subject gets one when it is first seen.
        if (config.tokenIssuer === undefined && isAccountId(subject)) {
          return { kind: "customer" as const, accountId: subject, isPerson: true }
        }
        const accountId = yield* accountOfSubject(`${tokens.issuer}|${subject}`)
        return { kind: "customer" as const, accountId, isPerson: true }
      })
      const callerOf = (credential: string): Effect.Effect<Caller, Unauthorized | Unavailable> => {
        if (credential === "") return Effect.fail(authRequired("send Authorization: Bearer <access token or API key>"))
        return looksLikeApiKey(credential) ? callerOfKey(credential) : callerOfToken(credential)
      }
      return Credentials.of({ callerOf, accountOfSubject })
    }),
  )
}

/** A customer, or 403 for a gateway's key. */
export const customerOf = (caller: Caller): Effect.Effect<Customer["Service"], WrongScope> =>
  caller.kind === "customer"
    ? Effect.succeed({ accountId: caller.accountId, isPerson: caller.isPerson })
    : Effect.fail(wrongScope("a gateway key cannot read a wallet; use an access token or a control key"))

export const customerAuthLayer = Layer.effect(
  CustomerAuth,
  Effect.gen(function* () {
    const credentials = yield* Credentials
    const signIn = (credential: string) => Effect.flatMap(credentials.callerOf(credential), customerOf)
    return CustomerAuth.of({
      session: Effect.fnUntraced(function* (next, { credential }) {
        const request = yield* HttpServerRequest.HttpServerRequest
        // A bearer token speaks for itself: its answer must not be covered by that of an old cookie.
        if (request.headers.authorization !== undefined) return yield* Effect.fail(authRequired("see the bearer"))
        return yield* Effect.provideService(next, Customer, yield* signIn(Redacted.value(credential)))
      }),
      bearer: Effect.fnUntraced(function* (next, { credential }) {
        return yield* Effect.provideService(next, Customer, yield* signIn(Redacted.value(credential)))
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
    return GatewayAuth.of({
      bearer: Effect.fnUntraced(function* (next, { credential }) {
        const caller = yield* credentials.callerOf(Redacted.value(credential))
        if (caller.kind !== "gateway") {
          return yield* Effect.fail(wrongScope("this endpoint takes an API key with the gateway scope"))
        }
        return yield* Effect.provideService(next, Gateway, { keyId: caller.keyId })
      }),
    })
  }),
)
