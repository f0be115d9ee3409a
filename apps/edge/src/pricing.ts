/** Asking pricing for what only it has: the price list, the plans, usage by day and model. Refusals are values. */
import { ask, Bus } from "@credits/bus"
import {
  type ModelsAnswer,
  type PlansAnswer,
  type PricingReply,
  type ReadModels,
  type ReadPlans,
  type ReadTotals,
  type ReadUsage,
  SUBJECTS,
  type TotalsAnswer,
  type UsageAnswer,
} from "@credits/contracts"
import { Context, Effect, Layer } from "effect"

export type EdgePricingRequest = ReadModels | ReadPlans | ReadUsage | ReadTotals
export type PricingAnswerOf<Request extends EdgePricingRequest> = Request extends ReadModels
  ? ModelsAnswer
  : Request extends ReadPlans
    ? PlansAnswer
    : Request extends ReadTotals
      ? TotalsAnswer
      : UsageAnswer

/** Reads of one account's rollups or a few KiB of prices; longer means pricing is not there. */
const TIMEOUT_MS = 3_000

export class Pricing extends Context.Service<
  Pricing,
  {
    readonly ask: <Request extends EdgePricingRequest>(
      request: Request,
    ) => Effect.Effect<PricingReply<PricingAnswerOf<Request>>>
  }
>()("edge/Pricing") {
  static readonly layer = Layer.effect(
    Pricing,
    Effect.gen(function* () {
      const bus = yield* Bus
      return Pricing.of({
        ask: <Request extends EdgePricingRequest>(request: Request) =>
          Effect.promise(async (): Promise<PricingReply<PricingAnswerOf<Request>>> => {
            try {
              const subject = SUBJECTS.pricingRequest(request.op)
              const text = await ask(bus.connection, subject, JSON.stringify(request), TIMEOUT_MS)
              return JSON.parse(text) as PricingReply<PricingAnswerOf<Request>>
            } catch {
              return { refused: { code: "unavailable", detail: "pricing does not answer" } }
            }
          }),
      })
    }),
  )
}
