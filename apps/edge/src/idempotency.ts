/**
 * `Idempotency-Key` of requests that change something: the same key with another body is refused for ever (422), a
 * request whose first one still runs is asked to wait (409), and a repeat gets the first answer. The request id or the
 * key becomes the command id of whoever decides, so that a repeat is harmless there too, from another edge or after a
 * crash (R6.6). What a gateway asks is answered again by the ledger; answers to customers are kept here.
 */
import { createHash, randomBytes } from "node:crypto"
import type { Authorize } from "@credits/contracts"
import {
  type Authorization,
  type KeyReused,
  makeProblem,
  type RequestInProgress,
  type Unavailable,
} from "@credits/contracts/http"
import { makeId } from "@credits/kernel"
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

/**
 * The command id of a request: from its key, so that a repeat is the same command; without one each request is its own.
 */
export const commandIdOf = (key: string | undefined): string =>
  key === undefined
    ? makeId("cmd", Date.now(), randomBytes(10))
    : `http:${createHash("sha256").update(key).digest("base64url")}`

/** Answers that say "not decided yet": a repeat asks again instead of hearing that for ever. */
const UNDECIDED = new Set(["payment_being_confirmed", "payment_action_required"])

interface AnyAnswer {
  readonly status?: number | string
  readonly code?: string
}
const isDecided = (answer: unknown): boolean => {
  if (typeof answer !== "object" || answer === null) return true
  const { status, code } = answer as AnyAnswer
  return !(code !== undefined && UNDECIDED.has(code)) && !(typeof status === "number" && status >= 500)
}

const hashOf = (value: unknown): string => createHash("sha256").update(canonical(value)).digest("base64url")

type Wrap = <A, E, R>(
  work: Effect.Effect<A, E, R>,
) => Effect.Effect<A, E | RequestInProgress | KeyReused | Unavailable, R>

/** An answer as it is kept: what an endpoint gave or failed with, which HTTP's schemas turn into the same bytes. */
type StoredAnswer = { readonly ok: unknown } | { readonly problem: unknown }

const answerOf = <Work>(stored: string): Work => {
  const answer = JSON.parse(stored) as StoredAnswer
  return ("ok" in answer ? Effect.succeed(answer.ok) : Effect.fail(answer.problem)) as Work
}

export class Idempotency extends Context.Service<
  Idempotency,
  {
    /**
     * Wraps the work of a request; without a key it runs as it is. `request` is what must be the same. A repeat runs
     * again: who does the work knows it by its command id.
     */
    readonly once: (owner: string, key: string | undefined, request: unknown) => Wrap
    /** The same, and a repeat gets the first decided answer as it was, without asking anybody. */
    readonly answeredOnce: (owner: string, key: string | undefined, request: unknown) => Wrap
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

      const bind = (owner: string, key: string, request: unknown) =>
        Effect.gen(function* () {
          const bound = yield* store
            .bindIdempotencyKey(owner, key, hashOf(request), Date.now())
            .pipe(Effect.catch(() => Effect.fail(unavailable("unavailable", "the key could not be stored"))))
          if (bound.isSame) return bound.answer
          const detail = "this Idempotency-Key was used with another request"
          return yield* Effect.fail(makeProblem(422, "idempotency_conflict", detail))
        })
      const alone = (owner: string, key: string): Wrap => {
        const name = `${owner}|${key}`
        return (work) =>
          Effect.gen(function* () {
            if (running.has(name)) {
              const detail = "the first request with this Idempotency-Key is still running"
              return yield* Effect.fail(makeProblem(409, "request_in_progress", detail))
            }
            running.add(name)
            return yield* Effect.ensuring(
              work,
              Effect.sync(() => running.delete(name)),
            )
          })
      }
      const once = (owner: string, key: string | undefined, request: unknown): Wrap =>
        key === undefined
          ? (work) => work
          : (work) => alone(owner, key)(Effect.andThen(bind(owner, key, request), work))

      const answeredOnce = (owner: string, key: string | undefined, request: unknown): Wrap =>
        key === undefined
          ? (work) => work
          : (work) =>
              alone(
                owner,
                key,
              )(
                Effect.gen(function* () {
                  const stored = yield* bind(owner, key, request)
                  if (stored !== null) return yield* answerOf<typeof work>(stored)
                  // A lost answer is only asked for again: the command id of the work is the key's.
                  const keep = (answer: StoredAnswer, value: unknown) =>
                    isDecided(value) ? Effect.ignore(store.keepAnswer(owner, key, JSON.stringify(answer))) : Effect.void
                  return yield* work.pipe(
                    Effect.tap((value) => keep({ ok: value }, value)),
                    Effect.tapError((problem) => keep({ problem }, problem)),
                  )
                }),
              )

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

      return Idempotency.of({ once, answeredOnce, sameAmount })
    }),
  )
}
