/** Charges and billing cases as their customer sees them. Pure; decides nothing. */
import type { ChargeStatus, ChargeView, ReviewView } from "@credits/contracts"
import type { Charge, Review } from "@credits/contracts/http"
import { formatInstant } from "@credits/kernel"
import { usdOfCents } from "./subscription-view.ts"

/** What a charge is on its way through is ours to know; a customer needs: on its way, being confirmed, or decided. */
const STATUS: Readonly<Record<ChargeStatus, Charge["status"]>> = {
  planned: "processing",
  submitting: "processing",
  unknown: "being_confirmed",
  review: "being_confirmed",
  succeeded: "succeeded",
  declined: "declined",
  action_required: "action_required",
  not_executed: "not_executed",
  canceled: "canceled",
}

export const receiptPath = (chargeId: string): string => `/api/v1/billing/history/${chargeId}/receipt`

export const chargeView = (charge: ChargeView): Charge => ({
  chargeId: charge.chargeId,
  at: formatInstant(charge.at),
  obligation: charge.obligation,
  kind: charge.kind,
  description: charge.description,
  amountUsd: usdOfCents(charge.amountCents),
  status: STATUS[charge.status],
  declineReason: charge.decline?.detail ?? null,
  card: charge.method === null ? null : { brand: charge.method.brand, last4: charge.method.last4 },
  refunded: charge.refunded,
  disputed: charge.disputed,
  receiptUrl: charge.status === "succeeded" ? receiptPath(charge.chargeId) : null,
})

/** Without the evidence, which is support's. */
export const reviewView = (review: ReviewView): Review => ({
  reviewId: review.reviewId,
  chargeId: review.chargeId,
  reason: review.reason,
  status: review.status,
  openedAt: formatInstant(review.openedAt),
  answer: review.answer,
  answeredAt: review.answeredAt === null ? null : formatInstant(review.answeredAt),
})
