/**
 * Sessions of browsers as effects: begun at sign-in, found by the cookie, ended at sign-out. Owns the cookie; who may
 * begin one is decided by whoever signs people in.
 */
import { SESSION_COOKIE } from "@credits/contracts/http"
import { randomBytes } from "node:crypto"
import { Context, Duration, Effect, Layer } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { EdgeConfig, type Mode } from "./config.ts"
import {
  hashSession,
  idleAfterUse,
  makeSessionSecret,
  newSession,
  SESSION_LIFE_MS,
  SESSION_RANDOM_BYTES,
} from "./session.ts"
import type { StoredSession } from "./session-table.ts"
import { EdgeStore } from "./store.ts"
import type { Answer } from "./store-answer.ts"

/** `__Host-`: the browser itself refuses it without Secure, with a Domain, or on another path. It needs HTTPS. */
export const cookieNameOf = (mode: Mode): string =>
  mode === "production" ? `__Host-${SESSION_COOKIE}` : SESSION_COOKIE

/** Lax: links into the wallet work, forms and scripts of other sites go without it. */
const cookieOptionsOf = (mode: Mode) => ({
  httpOnly: true,
  secure: mode === "production",
  sameSite: "lax" as const,
  path: "/",
})

type Response = HttpServerResponse.HttpServerResponse

export class Sessions extends Context.Service<
  Sessions,
  {
    /** What the request's cookie holds. */
    readonly cookieOf: (request: HttpServerRequest.HttpServerRequest) => string | undefined
    /** A new session in place of the one that the browser had. */
    readonly begin: (account: string, authenticatedAt: number, before: string | undefined) => Answer<string>
    readonly find: (secret: string) => Answer<StoredSession | null>
    readonly end: (secret: string) => Answer<void>
    readonly withCookie: (response: Response, secret: string) => Response
    readonly withoutCookie: (response: Response) => Response
  }
>()("edge/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const store = yield* EdgeStore
      const { mode } = yield* EdgeConfig
      const name = cookieNameOf(mode)
      const options = cookieOptionsOf(mode)
      const maxAge = Duration.millis(SESSION_LIFE_MS)
      return Sessions.of({
        cookieOf: (request) => request.cookies[name],
        begin: Effect.fnUntraced(function* (account, authenticatedAt, before) {
          const now = Date.now()
          const secret = makeSessionSecret(randomBytes(SESSION_RANDOM_BYTES))
          const replaced = before === undefined ? null : hashSession(before)
          yield* store.addSession(hashSession(secret), newSession(account, authenticatedAt, now), replaced, now)
          return secret
        }),
        find: Effect.fnUntraced(function* (secret) {
          const now = Date.now()
          const hash = hashSession(secret)
          const session = yield* store.findSession(hash, now)
          const idleAt = session === null ? null : idleAfterUse(session, now)
          if (idleAt !== null) yield* store.sessionUsed(hash, idleAt)
          return session
        }),
        end: (secret) => store.endSession(hashSession(secret)),
        withCookie: (response, secret) =>
          HttpServerResponse.setCookieUnsafe(response, name, secret, { ...options, maxAge }),
        withoutCookie: (response) => HttpServerResponse.expireCookieUnsafe(response, name, options),
      })
    }),
  )
}
