/**
 * Live wallets for event streams (contract 2, decision 9). Follows the ledger's ticks and auto top-up's facts while
 * somebody looks, and re-reads on connect, after a reconnect and every 15 s, so that a lost one is only a delay.
 * Owns no numbers: what it sends is what the ledger and auto top-up answered. Subscriptions and
 * notifications join from `subscription-feed.ts` and `notification-feed.ts`.
 */
import { Bus } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import type { Wallet, WalletEvent } from "@credits/contracts/http"
import { Context, Duration, Effect, Layer, Queue, Stream } from "effect"
import type { Topup } from "./asking.ts"
import type { Ledger } from "./ledger.ts"
import { EdgeMetrics } from "./metrics.ts"
import { NotificationFeed } from "./notification-feed.ts"
import { readShownWallet } from "./reads.ts"
import { recordShown } from "./shown-span.ts"
import { SubscriptionFeed } from "./subscription-feed.ts"
import { WalletWatchers } from "./wallet-watchers.ts"

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

const walletEvent = (wallet: Wallet): WalletEvent => ({ id: String(wallet.seq), event: "wallet", data: wallet })
const heartbeat: WalletEvent = { event: "heartbeat", data: {} }

const every = (ms: number, run: () => void) =>
  Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(Duration.millis(ms)), Effect.sync(run))))

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
      const { connection } = yield* Bus
      const readings = yield* Effect.context<Ledger | Topup>()
      const subscriptions = yield* SubscriptionFeed
      const notifications = yield* NotificationFeed
      const metrics = yield* EdgeMetrics
      let streams = 0

      const watchers = new WalletWatchers(
        (account) => Effect.runPromiseWith(readings)(readShownWallet(account).pipe(Effect.orElseSucceed(() => null))),
        recordShown,
      )
      const sayInterest = (): void => {
        if (!watchers.isIdle && !connection.isClosed()) connection.publish(SUBJECTS.ledgerTickInterest, '{"v":1}')
      }
      const listen = (subject: string, take: (text: string) => void) =>
        Effect.acquireRelease(
          Effect.sync(() =>
            connection.subscribe(subject, {
              callback: (error, message) => (error === null ? take(message.string()) : undefined),
            }),
          ),
          (subscription) => Effect.sync(() => subscription.unsubscribe()),
        )
      yield* listen("ledger.tick.*", (tick) => watchers.takeTick(tick))
      yield* listen(SUBJECTS.topupFact, (fact) => watchers.takeFact(fact))
      yield* every(INTEREST_MS, sayInterest)
      yield* every(REREAD_MS, () => watchers.readAll())
      yield* Effect.forkScoped(
        Effect.promise(async (signal) => {
          for await (const status of connection.status()) {
            if (signal.aborted) return
            if (status.type === "reconnect") watchers.readAll()
          }
        }),
      )

      const join = ({ accountId, seq }: Wallet, offer: (event: WalletEvent) => void) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            streams += 1
            metrics.streamsOpen(1)
            const leave = watchers.join(accountId, seq, (wallet) => offer(walletEvent(wallet)))
            sayInterest()
            return leave
          }),
          (leave) =>
            Effect.sync(() => {
              leave()
              streams -= 1
              metrics.streamsOpen(-1)
            }),
        )

      return WalletFeed.of({
        hasRoom: (accountId) => streams < STREAMS_MAX && watchers.listenersOf(accountId) < STREAMS_PER_ACCOUNT_MAX,
        follow: (wallet, lastEventId) =>
          Stream.callback<WalletEvent>(
            Effect.fnUntraced(function* (queue) {
              const { accountId, seq, asOf } = wallet
              const offer = (event: WalletEvent): void => void Queue.offerUnsafe(queue, event)
              offer({ id: String(seq), event: "ready", data: { accountId, seq, asOf } })
              if (lastEventId !== String(seq)) offer(walletEvent(wallet))
              yield* join(wallet, offer)
              yield* subscriptions.join(accountId, (data) => offer({ event: "subscription", data }))
              yield* notifications.join(accountId, (data) => offer({ event: "notification", data }))
              yield* every(HEARTBEAT_MS, () => offer(heartbeat))
            }),
            { bufferSize: BUFFER_EVENTS, strategy: "sliding" },
          ),
      })
    }),
  )
}
