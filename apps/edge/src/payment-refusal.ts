/**
 * Refusals of payments, subscriptions and auto top-up as problems (contract section 2): which status a code has and
 * what its body carries. Pure. A code that an operation cannot be answered with is a defect, and seen as one.
 */
import type { PaymentsRefusal, SubscriptionsRefusal, TopupRefusal } from "@credits/contracts"
import {
  type AutoTopUpConflict,
  type BadRequest,
  type CardRefused,
  type KeyReused,
  makeProblem,
  type NotFound,
  type PaymentRefused,
  type PlanRefused,
  type ReviewConflict,
  type SignatureInvalid,
  type SubscriptionConflict,
  type Unavailable,
} from "@credits/contracts/http"
import { formatInstant } from "@credits/kernel"
import { unavailable } from "./refusal.ts"

interface AnyRefusal {
  readonly code: string
  readonly detail: string
  readonly field?: string
}

/** Nothing of this operation: a defect here or there, never shown as the caller's mistake. */
const unforeseen = (service: string, refusal: AnyRefusal): never => {
  throw new Error(`${service} answered ${refusal.code}: ${refusal.detail}`)
}

const invalid = ({ detail, field }: AnyRefusal): BadRequest =>
  field === undefined
    ? makeProblem(400, "invalid_request", detail)
    : makeProblem(400, "invalid_request", `${field}: ${detail}`, { field, errors: [{ field, detail }] })

/** What every operation of every service may be answered with. */
const commonProblem = (service: string, refusal: AnyRefusal): BadRequest | KeyReused | Unavailable => {
  switch (refusal.code) {
    case "invalid":
      return invalid(refusal)
    case "id_conflict":
      return makeProblem(422, "idempotency_conflict", refusal.detail)
    // Nothing was done, or something that a repeat finds again.
    case "unavailable":
    case "clock_advancing":
      return unavailable(refusal.code, refusal.detail)
    default:
      return unforeseen(service, refusal)
  }
}

export type ChangeProblem = BadRequest | SubscriptionConflict | KeyReused | Unavailable

/** Of cancel and resume. `supportUrl`: where a customer can ask for what only support does (R4.1). */
export const changeProblem = (refusal: SubscriptionsRefusal, supportUrl?: string): ChangeProblem => {
  const { code, detail, chargeId } = refusal
  switch (code) {
    case "downgrade_not_available":
      return makeProblem(409, code, detail, supportUrl === undefined ? {} : { supportUrl })
    case "quote_expired":
    case "quote_stale":
    case "already_on_plan":
    case "payment_method_required":
    case "payment_being_confirmed":
    case "not_subscribed":
    case "not_canceling":
    case "not_past_due":
      return makeProblem(409, code, detail, chargeId === undefined ? {} : { chargeId })
    default:
      return commonProblem("subscriptions", refusal)
  }
}

/** Of a quote. */
export const quoteProblem = (refusal: SubscriptionsRefusal, supportUrl?: string): ChangeProblem | PlanRefused =>
  refusal.code === "plan_unknown" || refusal.code === "not_sold"
    ? makeProblem(422, refusal.code, refusal.detail, { field: refusal.field ?? "plan" })
    : changeProblem(refusal, supportUrl)

const paymentRefused = (
  code: "payment_declined" | "payment_action_required",
  refusal: SubscriptionsRefusal,
): PaymentRefused =>
  makeProblem(402, code, refusal.detail, {
    ...(refusal.chargeId === undefined ? {} : { chargeId: refusal.chargeId }),
    ...(refusal.clientSecret === undefined ? {} : { clientSecret: refusal.clientSecret }),
    ...(refusal.expiresAt === undefined ? {} : { expiresAt: formatInstant(refusal.expiresAt) }),
  })

/** Of pay. */
export const payProblem = (refusal: SubscriptionsRefusal): ChangeProblem | PaymentRefused =>
  refusal.code === "payment_declined" || refusal.code === "payment_action_required"
    ? paymentRefused(refusal.code, refusal)
    : changeProblem(refusal)

/** Of confirm. */
export const confirmProblem = (
  refusal: SubscriptionsRefusal,
  supportUrl?: string,
): ChangeProblem | PaymentRefused | NotFound =>
  refusal.code === "quote_not_found"
    ? makeProblem(404, "not_found", refusal.detail)
    : refusal.code === "downgrade_not_available"
      ? changeProblem(refusal, supportUrl)
      : payProblem(refusal)

/** Of a billing case. */
export const reviewProblem = (
  refusal: SubscriptionsRefusal,
): BadRequest | NotFound | ReviewConflict | KeyReused | Unavailable => {
  switch (refusal.code) {
    case "charge_not_found":
      return makeProblem(404, "not_found", refusal.detail)
    case "review_exists":
      return makeProblem(409, "review_exists", refusal.detail)
    default:
      return commonProblem("subscriptions", refusal)
  }
}

/** Of a read: a customer can only wait. */
export const waitProblem = (service: string, refusal: AnyRefusal): Unavailable => {
  const problem = commonProblem(service, refusal)
  return problem.status === 503 ? problem : unforeseen(service, refusal)
}

export const autoTopUpProblem = (refusal: TopupRefusal): BadRequest | AutoTopUpConflict | KeyReused | Unavailable => {
  switch (refusal.code) {
    case "plan_required":
    case "payment_method_required":
      return makeProblem(409, refusal.code, refusal.detail)
    default:
      // The customer knows the cap by the name it has over HTTP.
      return commonProblem(
        "topup",
        refusal.field === "monthlyCapCents" ? { ...refusal, field: "monthlyCapUsd" } : refusal,
      )
  }
}

/** Of saving a card. */
export const methodProblem = (refusal: PaymentsRefusal): BadRequest | CardRefused | KeyReused | Unavailable => {
  switch (refusal.code) {
    case "setup_token_invalid":
    case "card_refused":
      return makeProblem(422, refusal.code, refusal.detail, { field: "setupToken" })
    default:
      return commonProblem("payments", refusal)
  }
}

/** Of a page of charges: the cursor may be wrong. */
export const pageProblem = (refusal: PaymentsRefusal): BadRequest | Unavailable => {
  const problem = commonProblem("payments", refusal)
  return problem.status === 422 ? unforeseen("payments", refusal) : problem
}

/** Of one charge. */
export const chargeProblem = (refusal: PaymentsRefusal): BadRequest | NotFound | Unavailable =>
  refusal.code === "not_found" ? makeProblem(404, "not_found", refusal.detail) : pageProblem(refusal)

/** Of a webhook: what is not signed by the processor is refused, everything else is sent again. */
export const webhookProblem = (refusal: PaymentsRefusal): BadRequest | SignatureInvalid | Unavailable =>
  refusal.code === "signature_invalid" ? makeProblem(400, "signature_invalid", refusal.detail) : pageProblem(refusal)
