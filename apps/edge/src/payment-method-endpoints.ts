/** The saved card (contract section 2). Card data never comes here (R10.3): a token of the processor's element does. */
import type { MethodView } from "@credits/contracts"
import { Api, Customer, makeProblem, type PaymentMethod } from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Payments } from "./asking.ts"
import { personsAccount } from "./auth.ts"
import { commandIdOf, Idempotency } from "./idempotency.ts"
import { methodProblem, waitProblem } from "./payment-refusal.ts"
import { StepUp } from "./step-up.ts"

const CHANGE = "change the payment method"
const person = personsAccount(CHANGE)

/** Without the processor's id and the card's fingerprint, which are for us. */
const methodView = ({ brand, last4, expMonth, expYear, status }: MethodView): PaymentMethod => ({
  brand,
  last4,
  expMonth,
  expYear,
  status,
})

export const paymentMethodEndpoints = HttpApiBuilder.group(
  Api,
  "paymentMethod",
  Effect.fn(function* (handlers) {
    const payments = yield* Payments
    const idempotency = yield* Idempotency
    const stepUp = yield* StepUp
    const provenPerson = stepUp.account(CHANGE, "/wallet")
    return handlers.handleAll({
      show: Effect.fnUntraced(function* () {
        const { accountId: account } = yield* Customer
        const reply = yield* payments.ask({ op: "method", account })
        if ("refused" in reply) return yield* Effect.fail(waitProblem("payments", reply.refused))
        if (reply.ok === null) return yield* Effect.fail(makeProblem(404, "not_found", "no payment method is saved"))
        return methodView(reply.ok)
      }),
      setup: Effect.fnUntraced(function* () {
        const account = yield* provenPerson
        const reply = yield* payments.ask({ op: "method-setup", account }, "command")
        return "ok" in reply ? reply.ok : yield* Effect.fail(waitProblem("payments", reply.refused))
      }),
      save: Effect.fnUntraced(function* ({ payload: { setupToken }, headers }) {
        const account = yield* provenPerson
        const key = headers["idempotency-key"]
        const save = payments.ask({ op: "method-save", id: commandIdOf(key), account, setupToken }, "command")
        return yield* idempotency.answeredOnce(account, key, ["payment-method", setupToken])(
          Effect.flatMap(save, (reply) =>
            "ok" in reply ? Effect.succeed(methodView(reply.ok)) : Effect.fail(methodProblem(reply.refused)),
          ),
        )
      }),
      remove: Effect.fnUntraced(function* () {
        const account = yield* person
        const reply = yield* payments.ask({ op: "method-remove", id: commandIdOf(undefined), account }, "command")
        if ("refused" in reply) return yield* Effect.fail(waitProblem("payments", reply.refused))
      }),
    })
  }),
)
