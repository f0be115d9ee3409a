/** Who is signed in, and signing out (contract section 3). A session that has ended is no error here: nobody is. */
import { Api } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpEffect, HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Credentials, customerOf } from "./auth.ts"
import { unavailable } from "./refusal.ts"
import { Sessions } from "./sessions.ts"
import { EdgeStore } from "./store.ts"
import type { EdgeStoreUnavailable } from "./store-answer.ts"

const comeBack = (_: EdgeStoreUnavailable) =>
  Effect.fail(unavailable("unavailable", "sessions cannot be read right now"))

const NOBODY_TOLD = { email: "", name: "" }

export const sessionEndpoints = HttpApiBuilder.group(
  Api,
  "session",
  Effect.fn(function* (handlers) {
    const credentials = yield* Credentials
    const sessions = yield* Sessions
    const store = yield* EdgeStore
    return handlers.handleAll({
      show: Effect.fnUntraced(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const caller = yield* credentials
          .callerIfAny(request)
          .pipe(Effect.catch((problem) => (problem.status === 401 ? Effect.succeed(null) : Effect.fail(problem))))
        if (caller === null) return null
        const { accountId, person } = yield* customerOf(caller)
        const known = yield* store.personOf(accountId).pipe(Effect.catch(comeBack))
        const { email, name } = person ?? known ?? NOBODY_TOLD
        return { user: { id: accountId, name, email } }
      }),
      signOut: Effect.fnUntraced(function* () {
        const secret = sessions.cookieOf(yield* HttpServerRequest.HttpServerRequest)
        if (secret !== undefined) yield* sessions.end(secret).pipe(Effect.catch(comeBack))
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(sessions.withoutCookie(response)),
        )
        return { success: true as const }
      }),
    })
  }),
)
