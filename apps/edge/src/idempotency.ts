/**
 * `Idempotency-Key` of money-moving requests: the same key with another body is refused for ever (422), a request whose
 * first one still runs is asked to wait (409). The stored first answer is the ledger's: the request id or the key is
 * its command id, so a repeat gets the answer the first one got (R6.6), also from another edge or after a restart.
 */
import { createHash } from "node:crypto"
import type { Authorize } from "@credits/contracts"
import {
  type Authorization,
  type Conflict,
  makeProblem,
  type Unavailable,
  type Unprocessable,
} from "@credits/contracts/http"
import { Context, Effect, Layer } from "effect"
import { unavailable } from "./refusal.ts"
import { EdgeStore } from "./store.ts"

/** Retries come within seconds; this many amounts cover minutes of a busy gateway. */
const AMOUNTS_KEPT = 20_000

/** JSON with sorted keys: the same request however its fields were ordered. */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(",")}}`
  }
  return JSON.stringify(value)
}

const hashOf = (value: unknown): string => createHash("sha256").update(canonical(value)).digest("base64url")

export class Idempotency extends Context.Service<
  Idempotency,
  {
    /** Wraps the work of a request; without a key it runs as it is. `request` is what must be the same. */
    readonly once: (
      owner: string,
      key: string | undefined,
      request: unknown,
    ) => <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Conflict | Unprocessable | Unavailable, R>
    /**
     * The command with the amount its first try had: a new price book between a try and its repeat must not make the
     * repeat another body.
     */
    readonly sameAmount: (body: Authorization, command: Authorize) => Authorize
  }
>()("edge/Idempotency") {
  static readonly layer = Layer.effect(
    Idempotency,
    Effect.gen(function* () {
      const store = yield* EdgeStore
      const running = new Set<string>()
      const amounts = new Map<string, { readonly body: string; readonly command: Authorize }>()

      const once = (owner: string, key: string | undefined, request: unknown) => {
        return <A, E, R>(
          work: Effect.Effect<A, E, R>,
        ): Effect.Effect<A, E | Conflict | Unprocessable | Unavailable, R> => {
          if (key === undefined) return work
          const name = `${owner}|${key}`
          return Effect.gen(function* () {
            if (running.has(name)) {
              const detail = "the first request with this Idempotency-Key is still running"
              return yield* Effect.fail(makeProblem(409, "request_in_progress", detail))
            }
            running.add(name)
            return yield* Effect.gen(function* () {
              const same = yield* store
                .bindIdempotencyKey(owner, key, hashOf(request), Date.now())
                .pipe(Effect.catch(() => Effect.fail(unavailable("unavailable", "the key could not be stored"))))
              if (!same) {
                const detail = "this Idempotency-Key was used with another request"
                return yield* Effect.fail(makeProblem(422, "idempotency_conflict", detail))
              }
              return yield* work
            }).pipe(Effect.ensuring(Effect.sync(() => running.delete(name))))
          })
        }
      }

      const sameAmount = (body: Authorization, command: Authorize): Authorize => {
        if (body.estimate === undefined) return command
        const name = `${body.accountId}|${body.requestId}`
        const text = canonical(body)
        const first = amounts.get(name)
        if (first?.body === text) return first.command
        if (first === undefined) {
          amounts.set(name, { body: text, command })
          if (amounts.size > AMOUNTS_KEPT) amounts.delete(amounts.keys().next().value!)
        }
        return command
      }

      return Idempotency.of({ once, sameAmount })
    }),
  )
}
