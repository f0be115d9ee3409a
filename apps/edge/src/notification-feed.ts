/**
 * Live notifications for event streams (contract 2): what notifications publishes of an account goes to whoever looks
 * at it. A fact may be lost with the connection: then the list has it. One that comes twice is passed on once for a
 * while.
 */
import { Bus } from "@credits/bus"
import { MESSAGE_VERSION, type NotificationFact, SUBJECTS } from "@credits/contracts"
import type { Notification } from "@credits/contracts/http"
import { Context, Effect, Layer, type Scope } from "effect"
import { AccountListeners } from "./account-listeners.ts"
import { notificationView } from "./notification-view.ts"

export interface NotificationNews {
  readonly notification: Notification
  readonly unreadCount: number
}
type Listener = (news: NotificationNews) => void

/** Repeats follow a crash: within the few that were under way. */
const REMEMBERED_MAX = 1_000

/** A fact this edge can read; text that is none, or a newer one, is no news. */
const factOf = (text: string): NotificationFact | null => {
  try {
    const fact = JSON.parse(text) as NotificationFact
    return fact.v === MESSAGE_VERSION && typeof fact.account === "string" ? fact : null
  } catch {
    return null
  }
}

export class NotificationFeed extends Context.Service<
  NotificationFeed,
  {
    /** Tells every notification of the account that is written from now on, for the life of the scope. */
    readonly join: (account: string, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  }
>()("edge/NotificationFeed") {
  static readonly layer = Layer.effect(
    NotificationFeed,
    Effect.gen(function* () {
      const { connection } = yield* Bus
      const watched = new AccountListeners<NotificationNews>()
      const seen = new Set<string>()

      const take = (text: string): void => {
        if (watched.isEmpty) return
        const fact = factOf(text)
        if (fact === null || !watched.has(fact.account) || seen.has(fact.notification.id)) return
        if (seen.size >= REMEMBERED_MAX) seen.clear()
        seen.add(fact.notification.id)
        const { account, notification, unreadCount } = fact
        watched.tell(account, { notification: notificationView(notification), unreadCount })
      }
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          connection.subscribe(SUBJECTS.notificationsFact, {
            callback: (error, message) => (error === null ? take(message.string()) : undefined),
          }),
        ),
        (subscription) => Effect.sync(() => subscription.unsubscribe()),
      )

      return NotificationFeed.of({ join: (account, listener) => watched.join(account, listener) })
    }),
  )
}
