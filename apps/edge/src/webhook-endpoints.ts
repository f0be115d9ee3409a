/** The processor's webhooks: the bytes as they came, with their signature, to payments, which knows the secret. */
import { Api, makeProblem } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Payments } from "./asking.ts"
import { webhookProblem } from "./payment-refusal.ts"

export const webhookEndpoints = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fn(function* (handlers) {
    const payments = yield* Payments
    return handlers.handleAll({
      stripe: Effect.fnUntraced(function* ({ payload, headers }) {
        const signature = headers["stripe-signature"]
        if (signature === undefined) {
          return yield* Effect.fail(makeProblem(400, "signature_invalid", "there is no Stripe-Signature header"))
        }
        const reply = yield* payments.ask({ op: "webhook", body: Buffer.from(payload).toString("base64"), signature })
        if ("refused" in reply) return yield* Effect.fail(webhookProblem(reply.refused))
        return { received: true as const }
      }),
    })
  }),
)
