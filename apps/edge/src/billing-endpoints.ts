/** Charges, receipts and billing cases of the customer of the credential (contract section 2). */
import { Api, Customer, makeProblem } from "@credits/contracts/http"
import { isAccountId } from "@credits/kernel"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AdvancingClock } from "./advancing-clock.ts"
import { Payments, Subscriptions } from "./asking.ts"
import { personsAccount } from "./auth.ts"
import { chargeView, reviewView } from "./billing-view.ts"
import { commandIdOf, Idempotency } from "./idempotency.ts"
import { chargeProblem, pageProblem, reviewProblem, waitProblem } from "./payment-refusal.ts"
import { receiptPdf } from "./receipt-pdf.ts"
import { Ledger } from "./ledger.ts"
import { Pricing } from "./pricing.ts"
import { readWallet } from "./reads.ts"
import { unavailable } from "./refusal.ts"
import { RECEIPT_POLICY, receiptPage } from "./receipt.ts"
import { summaryView } from "./summary-view.ts"

const PAGE_DEFAULT = 50
const person = personsAccount("report a charge")

const noReceipt = () => makeProblem(404, "not_found", "the account has no such charge that succeeded")

/** Old clients name a workspace, which means nothing here; another account's id is nothing of the caller's. */
const isAnotherAccount = (workspaceId: string | undefined, account: string): boolean =>
  workspaceId !== undefined && workspaceId !== account && isAccountId(workspaceId)

/** A charge of the caller's that succeeded: what there is a receipt of. */
const paidCharge = Effect.fnUntraced(function* (chargeId: string) {
  const payments = yield* Payments
  const { accountId: account } = yield* Customer
  const reply = yield* payments.ask({ op: "charge-show", chargeId, account })
  if ("refused" in reply) {
    const problem = chargeProblem(reply.refused)
    return yield* Effect.fail(problem.status === 503 ? problem : noReceipt())
  }
  // Asked for by account, and looked at again: somebody else's receipt must not depend on one line elsewhere.
  if (reply.ok.status !== "succeeded" || reply.ok.account !== account) return yield* Effect.fail(noReceipt())
  return reply.ok
})

/** All three, or 503: a summary without one of them would be a made-up one. */
const summaryOf = Effect.fnUntraced(function* (account: string) {
  const subscriptions = yield* Subscriptions
  const pricing = yield* Pricing
  const clock = yield* AdvancingClock
  const totals = pricing.ask({ op: "totals", account, at: clock.now() })
  const answers = yield* Effect.all([readWallet(account), subscriptions.ask({ op: "show", account }), totals], {
    concurrency: 3,
  })
  if ("refused" in answers[1]) return yield* Effect.fail(waitProblem("subscriptions", answers[1].refused))
  if ("refused" in answers[2]) return yield* Effect.fail(unavailable("unavailable", answers[2].refused.detail))
  return summaryView(answers[0], answers[1].ok, answers[2].ok)
})

export const billingEndpoints = HttpApiBuilder.group(
  Api,
  "billing",
  Effect.fn(function* (handlers) {
    const payments = yield* Payments
    const subscriptions = yield* Subscriptions
    const idempotency = yield* Idempotency
    const services = yield* Effect.context<Payments | Subscriptions | Ledger | Pricing | AdvancingClock>()
    return handlers.handleAll({
      history: Effect.fnUntraced(function* ({ query: { limit, cursor } }) {
        const { accountId: account } = yield* Customer
        const reply = yield* payments.ask({
          op: "charge-list",
          account,
          limit: limit ?? PAGE_DEFAULT,
          ...(cursor === undefined ? {} : { cursor }),
        })
        if ("ok" in reply) return { items: reply.ok.items.map(chargeView), nextCursor: reply.ok.nextCursor }
        return yield* Effect.fail(pageProblem(reply.refused))
      }),
      receipt: Effect.fnUntraced(function* ({ params: { chargeId } }) {
        return HttpServerResponse.text(receiptPage(yield* Effect.provideContext(paidCharge(chargeId), services)), {
          contentType: "text/html; charset=utf-8",
          headers: { "cache-control": "no-store", "content-security-policy": RECEIPT_POLICY },
        })
      }),
      receiptPdf: Effect.fnUntraced(function* ({ params: { chargeId } }) {
        const charge = yield* Effect.provideContext(paidCharge(chargeId), services)
        return HttpServerResponse.uint8Array(yield* Effect.promise(() => receiptPdf(charge)), {
          contentType: "application/pdf",
          headers: {
            "cache-control": "no-store",
            "content-disposition": `attachment; filename="receipt-${charge.chargeId}.pdf"`,
          },
        })
      }),
      summary: Effect.fnUntraced(function* ({ query: { workspaceId } }) {
        const { accountId: account } = yield* Customer
        if (isAnotherAccount(workspaceId, account)) {
          return yield* Effect.fail(makeProblem(404, "not_found", "the caller has no such workspace"))
        }
        return yield* Effect.provideContext(summaryOf(account), services)
      }),
      reviews: Effect.fnUntraced(function* () {
        const { accountId: account } = yield* Customer
        const reply = yield* subscriptions.ask({ op: "review-list", account })
        if ("ok" in reply) return { items: reply.ok.items.map(reviewView), nextCursor: null }
        return yield* Effect.fail(waitProblem("subscriptions", reply.refused))
      }),
      openReview: Effect.fnUntraced(function* ({ payload, headers }) {
        const account = yield* person
        const key = headers["idempotency-key"]
        const asked = subscriptions.ask({ op: "review-open", id: commandIdOf(key), account, ...payload }, "command")
        return yield* idempotency.answeredOnce(account, key, ["review", payload])(
          Effect.flatMap(asked, (reply) =>
            "ok" in reply ? Effect.succeed(reviewView(reply.ok)) : Effect.fail(reviewProblem(reply.refused)),
          ),
        )
      }),
    })
  }),
)
