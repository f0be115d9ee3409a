/** What anyone may read: plans and model prices, as pricing shows them. */
import type { PricingRefusal } from "@credits/contracts"
import { Api } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdvancingClock } from "./advancing-clock.ts"
import { Pricing } from "./pricing.ts"
import { unavailable } from "./refusal.ts"

/** Every refusal of these reads means "not now": there is nothing in the request to be wrong. */
const notNow = (refusal: PricingRefusal) => Effect.fail(unavailable("unavailable", refusal.detail))

export const catalogueEndpoints = HttpApiBuilder.group(
  Api,
  "catalogue",
  Effect.fn(function* (handlers) {
    const pricing = yield* Pricing
    const clock = yield* AdvancingClock
    return handlers.handleAll({
      plans: Effect.fnUntraced(function* () {
        const reply = yield* pricing.ask({ op: "plans", at: clock.now() })
        return "ok" in reply ? reply.ok : yield* notNow(reply.refused)
      }),
      modelPrices: Effect.fnUntraced(function* () {
        const reply = yield* pricing.ask({ op: "models", at: clock.now() })
        return "ok" in reply ? reply.ok : yield* notNow(reply.refused)
      }),
    })
  }),
)
