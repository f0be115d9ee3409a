/**
 * Development and sandbox (contract section 5): the processor's own book, and the customer at the bank's check. Anybody
 * can sign in as anybody here, so no credential is asked for; one that is sent must be good and shows its account only.
 */
import { Api, makeProblem } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Payments } from "./asking.ts"
import { Credentials, customerOf } from "./auth.ts"
import { chargeProblem } from "./payment-refusal.ts"
import { unavailable } from "./refusal.ts"
import { type BookLine, type ProcessorUnavailable, SandboxProcessor } from "./sandbox-processor.ts"
import { usdOfCents } from "./subscription-view.ts"

const bookView = ({ amountCents, refundedCents, ...line }: BookLine) => ({
  ...line,
  amountUsd: usdOfCents(amountCents),
  refundedUsd: usdOfCents(refundedCents),
})

const silent = (error: ProcessorUnavailable) =>
  Effect.andThen(
    Effect.logWarning(`the sandbox processor does not answer: ${error.detail}`),
    Effect.fail(unavailable("unavailable", "the sandbox processor does not answer")),
  )

const notFound = () => makeProblem(404, "not_found", "no such charge waits for the bank's check")

export const sandboxEndpoints = HttpApiBuilder.group(
  Api,
  "sandbox",
  Effect.fn(function* (handlers) {
    const credentials = yield* Credentials
    const payments = yield* Payments
    const processor = yield* SandboxProcessor

    /** The account of the credential that was sent; null without one. */
    const accountIfAny = Effect.gen(function* () {
      const caller = yield* credentials.callerIfAny(yield* HttpServerRequest.HttpServerRequest)
      return caller === null ? null : (yield* customerOf(caller)).accountId
    })

    return handlers.handleAll({
      charges: Effect.fnUntraced(function* () {
        const account = yield* accountIfAny
        const lines = yield* processor.book.pipe(Effect.catch(silent))
        return { items: lines.filter((line) => account === null || line.accountId === account).map(bookView) }
      }),
      authenticate: Effect.fnUntraced(function* ({ params: { chargeId }, payload }) {
        const account = yield* accountIfAny
        if (!/^chg_\w+$/.test(chargeId)) return yield* Effect.fail(notFound())
        if (account !== null) {
          const reply = yield* payments.ask({ op: "charge-show", chargeId, account })
          if ("refused" in reply) {
            const problem = chargeProblem(reply.refused)
            return yield* Effect.fail(problem.status === 503 ? problem : notFound())
          }
        }
        const outcome = payload?.outcome ?? "succeeded"
        const status = yield* processor.authenticate(chargeId, outcome).pipe(Effect.catch(silent))
        return status === null ? yield* Effect.fail(notFound()) : { chargeId, status }
      }),
    })
  }),
)
