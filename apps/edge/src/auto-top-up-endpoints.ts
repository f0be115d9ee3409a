/** Auto top-up (contract section 2): the customer's cap and consent go to topup, its word comes back as it is. */
import type { TopupRefusal, TopupView } from "@credits/contracts"
import { Api, CONSENT, Customer, makeProblem } from "@credits/contracts/http"
import { NANO_PER_CENT, parseUsd } from "@credits/kernel"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { type Reply, Topup } from "./asking.ts"
import { personsAccount } from "./auth.ts"
import { autoTopUpView } from "./auto-top-up-view.ts"
import { commandIdOf, Idempotency } from "./idempotency.ts"
import { autoTopUpProblem, waitProblem } from "./payment-refusal.ts"
import { StepUp } from "./step-up.ts"

/** Kept with the consent: where it was given. */
const SOURCE = "customer, HTTP"
const CHANGE = "change auto top-up"
const person = personsAccount(CHANGE)

/** Whole cents, or null for an amount no number of cents can be. */
const centsOf = (usdText: string): number | null => {
  const amount = parseUsd(usdText)
  return amount === null || amount % NANO_PER_CENT !== 0n ? null : Number(amount / NANO_PER_CENT)
}

const notCents = () => {
  const field = "monthlyCapUsd"
  const detail = 'must be whole cents of USD such as "50.00"'
  return makeProblem(400, "invalid_request", `${field}: ${detail}`, { field, errors: [{ field, detail }] })
}

const shown = (reply: Reply<TopupView, TopupRefusal>) =>
  "ok" in reply ? Effect.succeed(autoTopUpView(reply.ok)) : Effect.fail(waitProblem("topup", reply.refused))

export const autoTopUpEndpoints = HttpApiBuilder.group(
  Api,
  "autoTopUp",
  Effect.fn(function* (handlers) {
    const topup = yield* Topup
    const idempotency = yield* Idempotency
    const stepUp = yield* StepUp

    /** Turning it on, again too, or raising the cap needs a proof; lowering the cap of one that runs never does. */
    const proven = Effect.fnUntraced(function* (account: string, monthlyCapCents: number) {
      if (!(yield* stepUp.isNeeded)) return
      const reply = yield* topup.ask({ op: "show", account })
      if ("refused" in reply) return yield* Effect.fail(waitProblem("topup", reply.refused))
      const { enabled, state, monthlyCapCents: capNow } = reply.ok
      const runs = enabled && state !== "suspended" && state !== "paused"
      if (!runs || monthlyCapCents > (capNow ?? 0)) yield* stepUp.require(CHANGE, "/wallet")
    })
    return handlers.handleAll({
      show: Effect.fnUntraced(function* () {
        const { accountId: account } = yield* Customer
        return yield* shown(yield* topup.ask({ op: "show", account }))
      }),
      enable: Effect.fnUntraced(function* ({ payload, headers }) {
        const account = yield* person
        const monthlyCapCents = centsOf(payload.monthlyCapUsd)
        if (monthlyCapCents === null) return yield* Effect.fail(notCents())
        yield* proven(account, monthlyCapCents)
        const key = headers["idempotency-key"]
        const consent = { textVersion: CONSENT.version, source: SOURCE }
        const enable = topup.ask({ op: "enable", id: commandIdOf(key), account, monthlyCapCents, consent }, "command")
        return yield* idempotency.answeredOnce(account, key, ["auto-top-up", payload])(
          Effect.flatMap(enable, (reply) =>
            "ok" in reply ? Effect.succeed(autoTopUpView(reply.ok)) : Effect.fail(autoTopUpProblem(reply.refused)),
          ),
        )
      }),
      disable: Effect.fnUntraced(function* () {
        const account = yield* person
        return yield* shown(
          yield* topup.ask({ op: "disable", id: commandIdOf(undefined), account, source: SOURCE }, "command"),
        )
      }),
    })
  }),
)
