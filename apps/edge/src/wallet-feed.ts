/**
 * Live wallets for event streams (contract 2, decision 9). Follows the ledger's ticks while somebody looks, and re-reads
 * the wallet on connect, after a reconnect and every 15 s, so that a lost tick is only a delay. Owns no numbers: what it
 * sends is what the ledger answered.
 */
import { Bus } from "@credits/bus"
import { SUBJECTS, type TickMessage } from "@credits/contracts"
import type { Wallet, WalletEvent } from "@credits/contracts/http"
import { Context, Duration, Effect, Layer, Queue, Stream } from "effect"
import { Ledger } from "./ledger.ts"
import { EdgeMetrics } from "./metrics.ts"
import { walletView } from "./wallet-view.ts"

/** The ledger sends ticks for 15 s after the last interest; three chances in that time. */
const INTEREST_MS = 5_000
/** Contract: at most 15 s between two signs of life. */
const HEARTBEAT_MS = 10_000
const REREAD_MS = 15_000
/** Newest wins: a slow reader gets the latest wallets, not all of them. */
const BUFFER_EVENTS = 16
/** ~20 KiB a stream; more clients need more edges. */
export const STREAMS_MAX = 10_000
export const STREAMS_PER_ACCOUNT_MAX = 32

type Listener = (event: WalletEvent) => void

/** One account somebody looks at. At most one read is under way; a tick during it makes one more. */
interface Watched {
  readonly listeners: Set<Listener>
  seq: number
  reading: boolean
  again: boolean
}

export const walletEvent = (wallet: Wallet): WalletEvent => ({ id: String(wallet.seq), event: "wallet", data: wallet })
const heartbeat: WalletEvent = { event: "heartbeat", data: {} }

const parseTick = (text: string): TickMessage["accounts"] => {
  try {
    const tick = JSON.parse(text) as TickMessage
    return Array.isArray(tick.accounts) ? tick.accounts : []
  } catch {
    return []
  }
}

export class WalletFeed extends Context.Service<
  WalletFeed,
  {
    /** False when there are as many streams as this process, or this account, may have. */
    readonly hasRoom: (accountId: string) => boolean
    /** The stream after the first read: `ready`, then `wallet` unless the client has seen this seq, then live. */
    readonly follow: (wallet: Wallet, lastEventId: string | undefined) => Stream.Stream<WalletEvent>
  }
>()("edge/WalletFeed") {
  static readonly layer = Layer.effect(
    WalletFeed,
    Effect.gen(function* () {
      const bus = yield* Bus
      const ledger = yield* Ledger
      const metrics = yield* EdgeMetrics
      const fork = Effect.runForkWith(yield* Effect.context())
      const watched = new Map<string, Watched>()
      let streams = 0

      const read = (account: string, one: Watched): void => {
        if (one.reading) {
          one.again = true
          return
        }
        one.reading = true
        fork(
          ledger.ask({ op: "wallet", account }).pipe(
            Effect.map((reply) => {
              one.reading = false
              if ("ok" in reply && reply.ok.seq > one.seq) {
                one.seq = reply.ok.seq
                const event = walletEvent(walletView(reply.ok))
                for (const listener of one.listeners) listener(event)
              }
              if (one.again && one.listeners.size > 0) {
                one.again = false
                read(account, one)
              }
            }),
          ),
        )
      }
      const readAll = (): void => {
        for (const [account, one] of watched) read(account, one)
      }
      const sayInterest = (): void => {
        if (watched.size > 0 && !bus.connection.isClosed())
          bus.connection.publish(SUBJECTS.ledgerTickInterest, '{"v":1}')
      }

      yield* Effect.acquireRelease(
        Effect.sync(() =>
          bus.connection.subscribe("ledger.tick.*", {
            callback: (error, message) => {
              if (error !== null || watched.size === 0) return
              for (const [account, seq] of parseTick(message.string())) {
                const one = watched.get(account)
                if (one !== undefined && seq > one.seq) read(account, one)
              }
            },
          }),
        ),
        (subscription) => Effect.sync(() => subscription.unsubscribe()),
      )
      yield* every(INTEREST_MS, sayInterest)
      yield* every(REREAD_MS, readAll)
      yield* Effect.forkScoped(
        Effect.promise(async (signal) => {
          for await (const status of bus.connection.status()) {
            if (signal.aborted) return
            if (status.type === "reconnect") readAll()
          }
        }),
      )

      const join = (account: string, seq: number, listener: Listener): (() => void) => {
        let one = watched.get(account)
        if (one === undefined) {
          one = { listeners: new Set(), seq, reading: false, again: false }
          watched.set(account, one)
          sayInterest()
        }
        one.listeners.add(listener)
        streams += 1
        metrics.streamsOpen(1)
        const joined = one
        // What was committed between the first read and now.
        read(account, joined)
        return () => {
          joined.listeners.delete(listener)
          if (joined.listeners.size === 0) watched.delete(account)
          streams -= 1
          metrics.streamsOpen(-1)
        }
      }

      return WalletFeed.of({
        hasRoom: (accountId) =>
          streams < STREAMS_MAX && (watched.get(accountId)?.listeners.size ?? 0) < STREAMS_PER_ACCOUNT_MAX,
        follow: (wallet, lastEventId) =>
          Stream.callback<WalletEvent>(
            (queue) =>
              Effect.gen(function* () {
                const { accountId, seq, asOf } = wallet
                const offer: Listener = (event) => void Queue.offerUnsafe(queue, event)
                offer({ id: String(seq), event: "ready", data: { accountId, seq, asOf } })
                if (lastEventId !== String(seq)) offer(walletEvent(wallet))
                yield* Effect.acquireRelease(
                  Effect.sync(() => join(accountId, seq, offer)),
                  (leave) => Effect.sync(leave),
                )
                yield* every(HEARTBEAT_MS, () => offer(heartbeat))
              }),
            { bufferSize: BUFFER_EVENTS, strategy: "sliding" },
          ),
      })
    }),
  )
}

const every = (ms: number, run: () => void) =>
  Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(Duration.millis(ms)), Effect.sync(run))))
