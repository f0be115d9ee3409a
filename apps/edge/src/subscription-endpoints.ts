/** The subscription's endpoints (contract section 2): every rule of it is subscriptions' (R2–R5). */
import type { SubscriptionsRefusal, SubscriptionView } from "@credits/contracts"
import { Api, Customer } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { type Reply, Subscriptions } from "./asking.ts"
import { personsAccount } from "./auth.ts"
import { EdgeConfig } from "./config.ts"
import { commandIdOf, Idempotency } from "./idempotency.ts"
import { changeProblem, confirmProblem, payProblem, quoteProblem, waitProblem } from "./payment-refusal.ts"
import { paidView, quoteView, subscriptionView } from "./subscription-view.ts"

const person = personsAccount("change the subscription")

const changed = (reply: Reply<SubscriptionView, SubscriptionsRefusal>) =>
  "ok" in reply ? Effect.succeed(subscriptionView(reply.ok)) : Effect.fail(changeProblem(reply.refused))

interface Headers {
  readonly "idempotency-key"?: string
}

export const subscriptionEndpoints = HttpApiBuilder.group(
  Api,
  "subscription",
  Effect.fn(function* (handlers) {
    const subscriptions = yield* Subscriptions
    const idempotency = yield* Idempotency
    const { supportUrl } = yield* EdgeConfig

    const change = (op: "cancel" | "resume") =>
      Effect.fnUntraced(function* ({ headers }: { readonly headers: Headers }) {
        const account = yield* person
        const key = headers["idempotency-key"]
        const asked = subscriptions.ask({ op, id: commandIdOf(key), account }, "command")
        return yield* idempotency.answeredOnce(account, key, [op])(Effect.flatMap(asked, changed))
      })

    return handlers.handleAll({
      show: Effect.fnUntraced(function* () {
        const { accountId: account } = yield* Customer
        const reply = yield* subscriptions.ask({ op: "show", account })
        if ("ok" in reply) return subscriptionView(reply.ok)
        return yield* Effect.fail(waitProblem("subscriptions", reply.refused))
      }),
      quote: Effect.fnUntraced(function* ({ payload, headers }) {
        const account = yield* person
        const key = headers["idempotency-key"]
        const asked = subscriptions.ask({ op: "quote", id: commandIdOf(key), account, ...payload }, "command")
        return yield* idempotency.answeredOnce(account, key, ["quote", payload])(
          Effect.flatMap(asked, (reply) =>
            "ok" in reply ? Effect.succeed(quoteView(reply.ok)) : Effect.fail(quoteProblem(reply.refused, supportUrl)),
          ),
        )
      }),
      confirm: Effect.fnUntraced(function* ({ payload: { quoteId }, headers }) {
        const account = yield* person
        const key = headers["idempotency-key"]
        const asked = subscriptions.ask({ op: "confirm", id: commandIdOf(key), account, quoteId }, "command")
        return yield* idempotency.answeredOnce(account, key, ["confirm", quoteId])(
          Effect.flatMap(asked, (reply) =>
            "ok" in reply ? Effect.succeed(paidView(reply.ok)) : Effect.fail(confirmProblem(reply.refused, supportUrl)),
          ),
        )
      }),
      cancel: change("cancel"),
      resume: change("resume"),
      pay: Effect.fnUntraced(function* ({ headers }) {
        const account = yield* person
        const key = headers["idempotency-key"]
        const asked = subscriptions.ask({ op: "pay", id: commandIdOf(key), account }, "command")
        return yield* idempotency.answeredOnce(account, key, ["pay"])(
          Effect.flatMap(asked, (reply) =>
            "ok" in reply ? Effect.succeed(paidView(reply.ok)) : Effect.fail(payProblem(reply.refused)),
          ),
        )
      }),
    })
  }),
)
