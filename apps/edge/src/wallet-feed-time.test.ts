/**
 * Goal: what the event stream does when nothing happens. Method: virtual time; the bus is a recorder, because no
 * message matters here, only when one is sent.
 */
import { assert, describe, it } from "@effect/vitest"
import { Bus, type BusHandle } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import type { WalletEvent } from "@credits/contracts/http"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Topup } from "./asking.ts"
import { walletOf } from "./edge.fixture.ts"
import { Ledger } from "./ledger.ts"
import { EdgeMetrics } from "./metrics.ts"
import { NotificationFeed } from "./notification-feed.ts"
import { SubscriptionFeed } from "./subscription-feed.ts"
import { WalletFeed } from "./wallet-feed.ts"
import { walletView } from "./wallet-view.ts"

const NOBODY = { code: "unavailable", detail: "nobody" }

const world = () => {
  const published: Array<string> = []
  let seq = 1
  const connection = {
    subscribe: () => ({ unsubscribe: () => undefined }),
    publish: (subject: string) => void published.push(subject),
    isClosed: () => false,
    // eslint-disable-next-line require-yield -- a bus whose state never changes
    async *status() {
      await new Promise(() => undefined)
    },
  }
  const layer = WalletFeed.layer.pipe(
    Layer.provide(Layer.succeed(Bus, { connection } as unknown as BusHandle)),
    Layer.provide(
      Layer.succeed(Ledger, {
        ask: (request) => Effect.succeed({ ok: walletOf(request.account, { seq }) }) as never,
      }),
    ),
    Layer.provide(Layer.succeed(Topup, { ask: () => Effect.succeed({ refused: NOBODY }) as never })),
    Layer.provide(Layer.succeed(SubscriptionFeed, { join: () => Effect.void })),
    Layer.provide(Layer.succeed(NotificationFeed, { join: () => Effect.void })),
    Layer.provide(EdgeMetrics.layer),
  )
  return { published, layer, commit: () => void (seq += 1) }
}

/** Follows acc_1 and gives what arrived so far. */
const follow = Effect.fnUntraced(function* () {
  const feed = yield* WalletFeed
  const events: Array<WalletEvent> = []
  const fiber = yield* feed.follow(walletView(walletOf("acc_1"), null), undefined).pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.forkChild,
  )
  yield* settle
  return { events, fiber, names: () => events.map(({ event }) => event) }
})
/** Lets promises of reads and fibers of the stream run. */
const settle = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeat({ times: 5 }))
const pass = (seconds: number) => Effect.andThen(TestClock.adjust(seconds * 1000), settle)

describe("an event stream in time", () => {
  it.effect("gives a sign of life at least every 15 s", () => {
    const { layer } = world()
    return Effect.gen(function* () {
      const { names, fiber } = yield* follow()
      assert.deepStrictEqual(names(), ["ready", "wallet"])
      let seen = 2
      for (let quarter = 0; quarter < 4; quarter++) {
        yield* pass(15)
        assert.isAbove(names().length, seen)
        seen = names().length
      }
      assert.deepStrictEqual(new Set(names().slice(2)), new Set(["heartbeat"]))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(layer))
  })

  it.effect("decision 9: re-reads every 15 s, so a change whose tick was lost is only late", () => {
    const { layer, commit } = world()
    return Effect.gen(function* () {
      const { events, fiber } = yield* follow()
      commit()
      yield* pass(5)
      assert.isFalse(events.some(({ id }) => id === "2"))
      yield* pass(10)
      assert.isTrue(events.some(({ event, id }) => event === "wallet" && id === "2"))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(layer))
  })

  it.effect("decision 9: says every 5 s that it wants ticks while somebody looks, and only then", () => {
    const { layer, published } = world()
    return Effect.gen(function* () {
      yield* WalletFeed
      yield* pass(20)
      assert.deepStrictEqual(published, [])
      const { fiber } = yield* follow()
      const atOnce = published.length
      assert.isAtLeast(atOnce, 1)
      for (let i = 0; i < 3; i++) yield* pass(5)
      assert.isAtLeast(published.length - atOnce, 3)
      assert.deepStrictEqual(new Set(published), new Set([SUBJECTS.ledgerTickInterest]))
      yield* Fiber.interrupt(fiber)
      yield* settle
      const atEnd = published.length
      yield* pass(20)
      assert.strictEqual(published.length, atEnd)
    }).pipe(Effect.provide(layer))
  })
})
