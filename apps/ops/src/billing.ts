/** How charges, billing cases and findings look to operators and programs. Pure; amounts are USD decimal strings. */
import type { ChargeStatus, ChargeView, Finding, LookUpAnswer, ReviewView } from "@credits/contracts"
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

/** `isTaken`: what was shown is the charge's now; otherwise it would be. */
export const lookUpJson = ({ shown, before, charge }: LookUpAnswer, isTaken: boolean) => ({
  processorStatus: shown,
  statusBefore: before,
  ...(isTaken ? { charge: chargeJson(charge) } : { wouldBecome: chargeJson(charge) }),
})

/** What a look means that changes nothing. */
const UNCHANGED: Readonly<Record<ChargeStatus, string>> = {
  planned: "it waits for its turn; nothing is decided yet, it goes on by itself",
  submitting: "its own call is under way and decides; look again in a moment",
  succeeded: "its outcome was known: it was charged",
  declined: "its outcome was known: declined, nothing was taken",
  action_required: "its customer has not passed the bank's check; nothing was taken yet",
  not_executed: "its outcome was known: nothing was taken",
  unknown:
    "not decided there either; payments goes on looking by itself for 24 hours, nothing is charged again meanwhile",
  review: "not decided there either: ask the processor's support, then `credits charge resolve`",
  canceled: "its outcome was known: closed, nothing was taken",
}

export const lookUpText = ({ shown, before, charge }: LookUpAnswer, isTaken: boolean): string => {
  const isChanged = before !== charge.status
  const here = isTaken || !isChanged ? charge : { ...charge, status: before, decline: null, decidedAt: null }
  const processor = shown === null ? "has no payment of this charge" : `shows ${shown}`
  const change = isTaken ? `${before} before, ${charge.status} now` : `${before} here, would become ${charge.status}`
  return `${chargeText(here)}\n\nthe processor ${processor}: ${isChanged ? change : UNCHANGED[before]}`
}

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
