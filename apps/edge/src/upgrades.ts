/**
 * The upgrade an account out of credit is told of (R6.2), as subscriptions sees it. Asked only after a refusal, never
 * on the way of a granted authorization, and kept shortly: a client out of credit asks again and again. Owns no rule.
 */
import type { SubscriptionView } from "@credits/contracts"
import { Context, Effect, Layer } from "effect"
import { Subscriptions } from "./asking.ts"

/** The amount shrinks by the second; two of them are fractions of a cent. */
const KEPT_MS = 2_000
/** Accounts out of credit at the same time; the oldest goes first. */
const KEPT_MAX = 10_000

type Upgrade = SubscriptionView["upgrade"]

export class Upgrades extends Context.Service<
  Upgrades,
  {
    /** Null when there is none, or when subscriptions does not say. */
    readonly of: (account: string) => Effect.Effect<Upgrade>
  }
>()("edge/Upgrades") {
  static readonly layer = Layer.effect(
    Upgrades,
    Effect.map(Subscriptions, (subscriptions) => {
      const kept = new Map<string, { readonly upgrade: Upgrade; readonly until: number }>()
      return Upgrades.of({
        of: Effect.fnUntraced(function* (account: string) {
          const now = performance.now()
          const known = kept.get(account)
          if (known !== undefined && known.until > now) return known.upgrade
          const reply = yield* subscriptions.ask({ op: "show", account }, "glance")
          if ("refused" in reply) return null
          const { upgrade } = reply.ok
          kept.delete(account)
          kept.set(account, { upgrade, until: now + KEPT_MS })
          if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!)
          return upgrade
        }),
      })
    }),
  )
}
