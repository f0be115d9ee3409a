/** Development and sandbox: signing in without a password, a gateway key for the asking, the business clock. */
import { Api, makeProblem, SESSION_COOKIE } from "@credits/contracts/http"
import { formatInstant, makeId, parseInstant } from "@credits/kernel"
import { randomBytes } from "node:crypto"
import { Duration, Effect } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AdvancingClock, type ClockNotAdvanced } from "./advancing-clock.ts"
import { API_KEY_RANDOM_BYTES, hashApiKey, makeApiKey } from "./api-key.ts"
import { Credentials } from "./auth.ts"
import { addDuration } from "./duration.ts"
import { Contacts } from "./notifications.ts"
import { unavailable } from "./refusal.ts"
import { EdgeStore } from "./store.ts"
import { TOKEN_LIFE_SECONDS, Tokens } from "./tokens.ts"

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

export const developmentEndpoints = HttpApiBuilder.group(
  Api,
  "development",
  Effect.fn(function* (handlers) {
    const credentials = yield* Credentials
    const tokens = yield* Tokens
    const store = yield* EdgeStore
    const clock = yield* AdvancingClock
    const contacts = yield* Contacts
    return handlers.handleAll({
      signIn: Effect.fnUntraced(function* ({ payload }) {
        const accountId = yield* credentials.accountOfSubject(`email:${payload.email.toLowerCase()}`)
        yield* contacts.contact(accountId, payload.email, null)
        const { token, expiresAt } = yield* tokens.sign!(accountId)
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          HttpServerResponse.setCookie(response, SESSION_COOKIE, token, {
            httpOnly: true,
            sameSite: "lax",
            path: "/",
            maxAge: Duration.seconds(TOKEN_LIFE_SECONDS),
          }).pipe(Effect.orDie),
        )
        return { accountId, accessToken: token, expiresAt: formatInstant(expiresAt) }
      }),
      gatewayKey: Effect.fnUntraced(function* () {
        const key = makeApiKey(randomBytes(API_KEY_RANDOM_BYTES))
        const now = Date.now()
        const id = makeId("key", now, randomBytes(10))
        yield* store
          .addKey(hashApiKey(key), { id, scope: "gateway", account: null, name: "development" }, now)
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
