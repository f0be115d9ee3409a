/** Asks pricing: prices, plans, versions, publishing. One question, one answer; pricing is one process. */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import { SUBJECTS, type PricingReply, type PricingRequest } from "@credits/contracts"
import { CommandFailure, EXIT, failed, sentence, type ExitCode } from "./failure.ts"

/** Publishing validates thousands of prices and commits; reading is far quicker. */
const ANSWER_MS = 15_000

const EXIT_OF: Readonly<Record<string, ExitCode>> = {
  invalid: EXIT.usage,
  too_large: EXIT.usage,
  effective_in_past: EXIT.usage,
  model_unknown: EXIT.notFound,
  no_price_book: EXIT.notFound,
  no_catalogue: EXIT.notFound,
  version_not_found: EXIT.notFound,
  version_exists: EXIT.conflict,
}

/** A refusal of data names every field that is wrong, one a line. */
const refusedBy = (refusal: Extract<PricingReply<never>, { refused: unknown }>["refused"]): CommandFailure => {
  const fields = (refusal.invalid ?? []).map((each) => `  ${each.field}: ${each.detail}`)
  return new CommandFailure({
    exit: EXIT_OF[refusal.code] ?? EXIT.failed,
    code: refusal.code,
    detail: refusal.detail,
    ...(fields.length === 0 ? {} : { next: fields.join("\n") }),
  })
}

export const askPricing = <A>(bus: BusHandle, request: PricingRequest): Effect.Effect<A, CommandFailure> =>
  Effect.gen(function* () {
    const text = yield* Effect.tryPromise({
      try: async () => {
        const { ask } = await import("@credits/bus")
        return ask(bus.connection, SUBJECTS.pricingRequest(request.op), JSON.stringify(request), ANSWER_MS)
      },
      catch: (error) =>
        failed(
          "unavailable",
          `pricing does not answer: ${sentence(error)}`,
          "`credits doctor` says which part is down",
        ),
    })
    const reply = yield* Effect.try({
      try: () => JSON.parse(text) as PricingReply<A>,
      catch: () => failed("malformed_answer", `pricing's answer is no JSON: ${text.slice(0, 200)}`),
    })
    if ("refused" in reply) return yield* refusedBy(reply.refused)
    return reply.ok
  })
