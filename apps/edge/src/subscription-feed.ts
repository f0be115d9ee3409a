/**
 * Live subscriptions for event streams (contract 2): what subscriptions publishes of an account goes to whoever looks
 * at it. Facts may be lost with the connection, so after a reconnect the subscription is read and told. Owns no state
 * of a subscription.
 */
import { Bus, onReconnect } from "@credits/bus"
import { MESSAGE_VERSION, type SubscriptionFact, SUBJECTS } from "@credits/contracts"
import type { Subscription } from "@credits/contracts/http"
import { Context, Effect, Layer, type Scope } from "effect"
import { AccountListeners } from "./account-listeners.ts"
import { Subscriptions } from "./asking.ts"
import { subscriptionView } from "./subscription-view.ts"

type Listener = (subscription: Subscription) => void

/** A fact this edge can read; text that is none, or a newer one, is no news (the next read finds it). */
const factOf = (text: string): SubscriptionFact | null => {
  try {
    const fact = JSON.parse(text) as SubscriptionFact
    return fact.v === MESSAGE_VERSION && typeof fact.account === "string" ? fact : null
  } catch {
    return null
  }
}

export class SubscriptionFeed extends Context.Service<
  SubscriptionFeed,
  {
    /** Tells the account's subscription whenever something of it happened, for the life of the scope. */
    readonly join: (account: string, listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  }
>()("edge/SubscriptionFeed") {
  static readonly layer = Layer.effect(
    SubscriptionFeed,
    Effect.gen(function* () {
      const { connection } = yield* Bus
      const subscriptions = yield* Subscriptions
      const run = Effect.runForkWith(yield* Effect.context())
      const watched = new AccountListeners<Subscription>()

      const readAndTell = (account: string) =>
        Effect.map(subscriptions.ask({ op: "show", account }), (reply) => {
          if ("ok" in reply) watched.tell(account, subscriptionView(reply.ok))
        })
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          connection.subscribe(SUBJECTS.subscriptionsFact, {
            callback: (error, message) => {
              if (error !== null || watched.isEmpty) return
              const fact = factOf(message.string())
              if (fact !== null && watched.has(fact.account))
                watched.tell(fact.account, subscriptionView(fact.subscription))
            },
          }),
        ),
        (subscription) => Effect.sync(() => subscription.unsubscribe()),
      )
      const readAll = (): void => {
        for (const account of watched.accounts()) run(readAndTell(account))
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => onReconnect(connection, readAll)),
        (forget) => Effect.sync(forget),
      )

      return SubscriptionFeed.of({ join: (account, listener) => watched.join(account, listener) })
    }),
  )
}
