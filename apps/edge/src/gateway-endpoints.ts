/**
 * The gateway's endpoints (contract section 4): an amount to hold from the price book, the ledger's word, usage to the
 * stream.
 */
import { Bus, type BusError, publishAtomic } from "@credits/bus"
import { HEADERS, type HoldAnswer, type LedgerRefusal, MESSAGE_VERSION, SUBJECTS } from "@credits/contracts"
import {
  Api,
  type Authorization,
  Gateway,
  type Hold,
  makeProblem,
  type Unavailable,
  type WayOn,
} from "@credits/contracts/http"
import { accountOfHold, formatInstant, makeId } from "@credits/kernel"
import type { PriceBook } from "@credits/pricebook"
import { CurrentTrace, traceparentOf } from "@credits/telemetry"
import { randomBytes } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdvancingClock } from "./advancing-clock.ts"
import { Credentials } from "./auth.ts"
import { authorizeCommand, positiveAmount } from "./authorization.ts"
import { callerAnswer } from "./caller-border.ts"
import { Idempotency } from "./idempotency.ts"
import { IntakeRoom } from "./intake-room.ts"
import { Ledger } from "./ledger.ts"
import { EdgeMetrics } from "./metrics.ts"
import { PriceBooks } from "./price-books.ts"
import { takeForeign } from "./foreign-intake.ts"
import { commandProblem, type CommandProblem, unavailable } from "./refusal.ts"
import { Upgrades } from "./upgrades.ts"
import { endPublishSpan, publishSpan } from "./publish-span.ts"
import { EVENTS_PER_REQUEST_MAX, takeUsage } from "./usage-intake.ts"
import { waysOn } from "./ways-on.ts"
import { usdOf } from "./wallet-view.ts"

const holdView = (hold: HoldAnswer): Hold => ({
  holdId: hold.holdId,
  heldUsd: usdOf(hold.held),
  expiresAt: formatInstant(hold.expiresAt),
  availableAfterUsd: usdOf(hold.availableAfter),
})

const holdNotFound = (holdId: string) => makeProblem(404, "hold_not_found", `there is no hold ${holdId.slice(0, 80)}`)

/** Usage was not stored, or nobody knows: in both cases the same events are sent again, their ids make it harmless. */
const usageProblem = (error: BusError) =>
  error._tag === "BusFull"
    ? unavailable("overloaded", "the usage stream is full; send the same events again later")
    : unavailable("unavailable", "usage could not be stored; send the same events again")

/** A person has to make room: asking every second would only warm the machine. */
const NO_SPACE_MS = 30_000

/** What the gateway's endpoints do, once the request is decoded and the caller known. */
class GatewayCalls extends Context.Service<
  GatewayCalls,
  {
    /** The problem of a refusal; a 402 names the ways on, which depend on the subscription. */
    readonly problemOf: (account: string, refusal: LedgerRefusal) => Effect.Effect<never, CommandProblem>
    readonly authorize: (body: Authorization) => Effect.Effect<Hold, CommandProblem>
    /** In force now. */
    readonly book: Effect.Effect<PriceBook, Unavailable>
    /** All of it or nothing, acknowledged by the stream. */
    readonly publishUsage: (messages: ReadonlyArray<string>, trace?: string) => Effect.Effect<unknown, Unavailable>
  }
>()("edge/GatewayCalls") {
  static readonly layer = Layer.effect(
    GatewayCalls,
    Effect.gen(function* () {
      const { js } = yield* Bus
      const ledger = yield* Ledger
      const books = yield* PriceBooks
      const clock = yield* AdvancingClock
      const idempotency = yield* Idempotency
      const upgrades = yield* Upgrades
      const room = yield* IntakeRoom

      const problemOf = Effect.fnUntraced(function* (account: string, refusal: LedgerRefusal) {
        let ways: ReadonlyArray<WayOn> = []
        if (refusal.code === "insufficient_balance" || refusal.code === "payment_past_due") {
          ways = waysOn(yield* upgrades.of(account), books.catalogueAt(clock.now()))
        }
        return yield* Effect.fail(commandProblem(refusal, ways))
      })
      const bookNow = Effect.suspend(() => {
        const book = books.bookAt(clock.now())
        return book === null
          ? Effect.fail(unavailable("unavailable", "no price book has arrived yet"))
          : Effect.succeed(book)
      })
      const authorize = Effect.fnUntraced(function* (body: Authorization) {
        const book = yield* bookNow
        const command = authorizeCommand(body, book)
        if ("status" in command) return yield* Effect.fail(command)
        const reply = yield* ledger.ask(idempotency.sameAmount(body, command))
        return "ok" in reply ? holdView(reply.ok) : yield* problemOf(body.accountId, reply.refused)
      })
      const publishUsage = (messages: ReadonlyArray<string>, trace?: string) =>
        room.isLow
          ? Effect.fail(unavailable("unavailable", "disk space is low; send the same events again later", NO_SPACE_MS))
          : Effect.tryPromise({
              try: () =>
                publishAtomic(
                  js,
                  messages.map((payload) => usageMessage(payload, trace)),
                ),
              catch: (cause) => usageProblem(cause as BusError),
            })
      return GatewayCalls.of({ problemOf, authorize, book: bookNow, publishUsage })
    }),
  )
}

const usageMessage = (payload: string, trace: string | undefined) => ({
  subject: SUBJECTS.usage,
  payload,
  headers: {
    [HEADERS.version]: String(MESSAGE_VERSION),
    ...(trace !== undefined && { [HEADERS.trace]: trace }),
  },
})

export const gatewayEndpoints = HttpApiBuilder.group(
  Api,
  "gateway",
  Effect.fn(function* (handlers) {
    const calls = yield* GatewayCalls
    const ledger = yield* Ledger
    const idempotency = yield* Idempotency
    const metrics = yield* EdgeMetrics
    const withCredentials = Effect.provideService(Credentials, yield* Credentials)
    return handlers.handleAll({
      authorize: Effect.fnUntraced(function* ({ payload, headers }) {
        const { keyId } = yield* Gateway
        const once = idempotency.once(keyId, headers["idempotency-key"], ["authorize", payload])
        return yield* once(calls.authorize(payload))
      }),
      extend: Effect.fnUntraced(function* ({ params: { holdId }, payload, headers }) {
        const { keyId } = yield* Gateway
        const account = accountOfHold(holdId)
        if (account === null) return yield* Effect.fail(holdNotFound(holdId))
        const amount = positiveAmount(payload.amountUsd, "amountUsd")
        if (typeof amount !== "bigint") return yield* Effect.fail(amount)
        const key = headers["idempotency-key"]
        // Without a key every request is one extension of its own.
        const id = key ?? makeId("cmd", Date.now(), randomBytes(10))
        const once = idempotency.once(keyId, key, ["extend", holdId, payload])
        const reply = yield* once(ledger.ask({ op: "extend", id, account, holdId, amount: amount.toString() }))
        return "ok" in reply ? holdView(reply.ok) : yield* calls.problemOf(account, reply.refused)
      }),
      release: Effect.fnUntraced(function* ({ params: { holdId } }) {
        const account = accountOfHold(holdId)
        if (account === null) return yield* Effect.fail(holdNotFound(holdId))
        // One hold is released once: its own id is the key, so a repeat gets the first answer.
        const reply = yield* ledger.ask({ op: "release", id: `release:${holdId}`, account, holdId })
        if ("ok" in reply) return
        const problem = commandProblem(reply.refused, [])
        if (problem.status === 409 || problem.status === 503) return yield* Effect.fail(problem)
        return yield* Effect.fail(holdNotFound(holdId))
      }),
      usage: Effect.fnUntraced(function* ({ payload }) {
        if (payload === undefined || (Array.isArray(payload) && payload.length > EVENTS_PER_REQUEST_MAX)) {
          const detail = `send one event or an array of at most ${EVENTS_PER_REQUEST_MAX}`
          return yield* Effect.fail(makeProblem(400, "invalid_request", detail))
        }
        const span = publishSpan(yield* CurrentTrace, payload)
        const trace = span === undefined ? undefined : traceparentOf(span.context)
        const { accepted, rejected, messages } = takeUsage(payload, trace)
        if (messages.length > 0) {
          yield* calls.publishUsage(messages, trace).pipe(Effect.onExit(({ _tag }) => endPublishSpan(span, _tag)))
        }
        metrics.usageTaken("accepted", accepted)
        for (const { code } of rejected) metrics.usageTaken(code, 1)
        return { accepted, rejected }
      }),
      ingest: Effect.fnUntraced(function* ({ payload }) {
        const book = yield* calls.book
        const taken = takeForeign(payload, book)
        if ("status" in taken) return yield* Effect.fail(taken)
        if (taken.messages.length > 0) yield* calls.publishUsage(taken.messages)
        metrics.usageTaken("accepted", taken.accepted)
      }),
      callers: Effect.fnUntraced(function* ({ payload }) {
        const reply = yield* withCredentials(callerAnswer(payload.credential))
        if ("ok" in reply) return reply.ok
        const { code, detail } = reply.refused
        return yield* Effect.fail(
          code === "unavailable" ? unavailable(code, detail) : makeProblem(422, "caller_unknown", detail),
        )
      }),
    })
  }),
).pipe(Layer.provide(GatewayCalls.layer))
