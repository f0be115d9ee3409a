/** Development and sandbox: signing in without a password, a gateway key for the asking, the business clock. */
import { Api, makeProblem } from "@credits/contracts/http"
import {
  API_KEY_RANDOM_BYTES,
  formatInstant,
  hashApiKey,
  keyPrefixOf,
  makeApiKey,
  makeId,
  parseInstant,
} from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { Effect } from "effect"
import { HttpEffect, HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AdvancingClock, type ClockNotAdvanced } from "./advancing-clock.ts"
import { Credentials } from "./auth.ts"
import { addDuration } from "./duration.ts"
import { Contacts } from "./notifications.ts"
import { unavailable } from "./refusal.ts"
import { Sessions } from "./sessions.ts"
import { accountSignedIn } from "./signed-in.ts"
import { EdgeStore } from "./store.ts"
import type { EdgeStoreUnavailable } from "./store-answer.ts"
import { Tokens } from "./tokens.ts"

const wrong = (field: string, detail: string) =>
  makeProblem(400, "invalid_request", `${field}: ${detail}`, { field, errors: [{ field, detail }] })

/** The instant to advance to as a function of the clock's now, or what is wrong with the request. */
export const advanceTarget = (payload: { readonly by?: string; readonly to?: string }) => {
  const { by, to } = payload
  if (by !== undefined && to !== undefined) return wrong("to", "give either by or to, not both")
  if (by !== undefined) {
    return addDuration(0, by) === null ? wrong("by", "is too long") : (now: number) => addDuration(now, by) ?? now
  }
  if (to === undefined) return wrong("by", "give by or to")
  const at = parseInstant(to)
  return at === null ? wrong("to", "there is no such instant") : () => at
}

const clockProblem = (error: ClockNotAdvanced) =>
  Effect.fail(
    error.reason === "busy"
      ? unavailable("clock_advancing", error.detail)
      : unavailable("unavailable", `the clock could not be advanced: ${error.detail}`),
  )

const comeBack = (_: EdgeStoreUnavailable) =>
  Effect.fail(unavailable("unavailable", "nobody can be signed in right now"))

export const developmentEndpoints = HttpApiBuilder.group(
  Api,
  "development",
  Effect.fn(function* (handlers) {
    const credentials = yield* Credentials
    const tokens = yield* Tokens
    const store = yield* EdgeStore
    const sessions = yield* Sessions
    const withStore = Effect.provideService(EdgeStore, store)
    const withContacts = Effect.provideService(Contacts, yield* Contacts)
    const clock = yield* AdvancingClock
    return handlers.handleAll({
      signIn: Effect.fnUntraced(function* ({ payload }) {
        const email = payload.email.toLowerCase()
        const accountId = yield* credentials.accountOfSubject(`email:${email}`)
        const { token, expiresAt } = yield* tokens.sign!(accountId)
        const before = sessions.cookieOf(yield* HttpServerRequest.HttpServerRequest)
        const secret = yield* sessions.begin(accountId, Date.now(), before).pipe(Effect.catch(comeBack))
        const person = { accountId, email, name: email.slice(0, email.indexOf("@")) }
        yield* accountSignedIn(person).pipe(withStore, withContacts, Effect.catch(comeBack))
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(sessions.withCookie(response, secret)),
        )
        return { accountId, accessToken: token, expiresAt: formatInstant(expiresAt) }
      }),
      gatewayKey: Effect.fnUntraced(function* () {
        const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))
        const now = Date.now()
        const id = makeId("key", now, randomBytes(10))
        yield* store
          .addKey(
            hashApiKey(key),
            { id, scope: "gateway", account: null, name: "development", prefix: keyPrefixOf(key), expiresAt: null },
            now,
          )
          .pipe(Effect.catch(() => Effect.fail(unavailable("unavailable", "the key could not be stored"))))
        return { key }
      }),
      clock: () => Effect.sync(() => ({ now: formatInstant(clock.now()), advancing: clock.isAdvancing() })),
      advance: Effect.fnUntraced(function* ({ payload }) {
        const target = advanceTarget(payload)
        if (typeof target !== "function") return yield* Effect.fail(target)
        if (target(clock.now()) < clock.now() - PAST_TOLERANCE_MS) {
          return yield* Effect.fail(wrong(payload.to === undefined ? "by" : "to", "the clock only moves forward"))
        }
        const { now, ran } = yield* clock.advance(target).pipe(Effect.catch(clockProblem))
        return { now: formatInstant(now), ran }
      }),
    })
  }),
)

/** "Now" as a client read it a moment ago is not the past. */
const PAST_TOLERANCE_MS = 1_000
