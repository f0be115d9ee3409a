/** How charges, billing cases and findings look to operators and programs. Pure; amounts are USD decimal strings. */
import type { ChargeView, Finding, ReviewView } from "@credits/contracts"
import { usdOfCents } from "./subscription.ts"
import { facts, table } from "./table.ts"
import { instantOf } from "./wallet.ts"

export const chargeJson = (charge: ChargeView) => ({
  chargeId: charge.chargeId,
  accountId: charge.account,
  obligation: charge.obligation,
  kind: charge.kind,
  attempt: charge.attempt,
  amountUsd: usdOfCents(charge.amountCents),
  description: charge.description,
  status: charge.status,
  decline: charge.decline,
  method:
    charge.method === null
      ? null
      : { brand: charge.method.brand, last4: charge.method.last4, status: charge.method.status },
  refunded: charge.refunded,
  disputed: charge.disputed,
  at: instantOf(charge.at),
  decidedAt: instantOf(charge.decidedAt),
  processorId: charge.processorId,
})

const statusText = (charge: ChargeView): string =>
  [charge.status, ...(charge.refunded ? ["refunded"] : []), ...(charge.disputed ? ["DISPUTED"] : [])].join(", ")

const declineText = ({ decline }: ChargeView): string | null =>
  decline === null ? null : `${decline.class} (${decline.code}): ${decline.detail}`

export const chargeText = (charge: ChargeView): string =>
  facts([
    ["charge", charge.chargeId],
    ["account", charge.account],
    ["obligation", `${charge.obligation}, attempt ${charge.attempt}`],
    ["what for", charge.description],
    ["amount", `${usdOfCents(charge.amountCents)} USD`],
    ["status", statusText(charge)],
    ["declined", declineText(charge)],
    ["card", charge.method === null ? null : `${charge.method.brand} ${charge.method.last4}`],
    ["at", instantOf(charge.at)],
    ["decided", instantOf(charge.decidedAt)],
    ["at the processor", charge.processorId],
  ])

export const chargesText = (charges: ReadonlyArray<ChargeView>): string =>
  charges.length === 0
    ? "no charges"
    : table(
        [
          { title: "CHARGE" },
          { title: "AT" },
          { title: "ACCOUNT" },
          { title: "AMOUNT", align: "right" },
          { title: "STATUS" },
          { title: "OBLIGATION" },
        ],
        charges.map((charge) => [
          charge.chargeId,
          instantOf(charge.at),
          charge.account,
          usdOfCents(charge.amountCents),
          statusText(charge),
          charge.obligation,
        ]),
      )

export const reviewJson = ({ account, openedAt, answeredAt, ...review }: ReviewView) => ({
  accountId: account,
  ...review,
  openedAt: instantOf(openedAt),
  answeredAt: instantOf(answeredAt),
})

/** What support looks at first (R5.2): was it charged twice? */
const evidenceText = ({ evidence }: ReviewView): string => {
  const { sameObligation, sameAmountWithin10Minutes } = evidence
  if (sameObligation.length > 0) return `SAME OBLIGATION charged by ${sameObligation.join(", ")}`
  if (sameAmountWithin10Minutes.length > 0) {
    return `same amount within 10 minutes: ${sameAmountWithin10Minutes.join(", ")}`
  }
  return "no other charge of that obligation, none of that amount within 10 minutes"
}

export const reviewText = (review: ReviewView): string =>
  facts([
    ["case", review.reviewId],
    ["account", review.account],
    ["charge", review.chargeId],
    ["status", review.status],
    ["opened", instantOf(review.openedAt)],
    ["reason", review.reason],
    ["evidence", evidenceText(review)],
    ["answer", review.answer],
    ["answered", instantOf(review.answeredAt)],
  ])

/** Long enough to know the case by, short enough for a line. */
const REASON_SHOWN = 60

export const reviewsText = (reviews: ReadonlyArray<ReviewView>): string =>
  reviews.length === 0
    ? "no cases"
    : table(
        [
          { title: "CASE" },
          { title: "OPENED" },
          { title: "ACCOUNT" },
          { title: "CHARGE" },
          { title: "STATUS" },
          { title: "REASON" },
        ],
        reviews.map((review) => [
          review.reviewId,
          instantOf(review.openedAt),
          review.account,
          review.chargeId,
          review.status,
          review.reason.replaceAll(/\s+/g, " ").slice(0, REASON_SHOWN),
        ]),
      )

export const findingJson = ({ account, foundAt, ...finding }: Finding) => ({
  ...finding,
  accountId: account,
  foundAt: instantOf(foundAt),
})

export const findingsText = (findings: ReadonlyArray<Finding>): string =>
  table(
    [
      { title: "FOUND" },
      { title: "KIND" },
      { title: "CHARGE" },
      { title: "AT THE PROCESSOR" },
      { title: "ACCOUNT" },
      { title: "DETAIL" },
    ],
    findings.map((finding) => [
      instantOf(finding.foundAt),
      finding.kind,
      finding.chargeId,
      finding.processorId,
      finding.account,
      finding.detail,
    ]),
  )
