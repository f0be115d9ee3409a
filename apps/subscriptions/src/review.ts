/**
 * Billing cases (R5.2): the customer reports a charge, or a dispute or an unexplained payment opens one; support
 * answers it with the evidence in front. Pure. Owns the life of a case; its rows are what lists read.
 */
import type { ChargeView, ReviewView } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { patch, tell, type Change } from "./change.ts"

/** What is written to the read table: the whole row, replacing the one before. */
export type CaseRow = ReviewView

export type Evidence = ReviewView["evidence"]

/** A customer with so many open cases has something else to talk about. */
export const OPEN_CASES_MAX = 20
const NEAR_MS = 10 * 60_000

const NO_EVIDENCE: Evidence = { sameObligation: [], sameAmountWithin10Minutes: [] }

/**
 * Charges that took money for the same obligation, and those of the same amount at most ten minutes apart. Both must be
 * empty for the system to have kept its word (I6).
 */
export const evidenceOf = (chargeId: string, charges: ReadonlyArray<ChargeView>): Evidence => {
  const reported = charges.find((charge) => charge.chargeId === chargeId)
  if (reported === undefined) return NO_EVIDENCE
  const others = charges.filter((charge) => charge.chargeId !== chargeId && charge.status === "succeeded")
  const ids = (fits: (charge: ChargeView) => boolean): ReadonlyArray<string> =>
    others.filter(fits).map((charge) => charge.chargeId)
  return {
    sameObligation: ids((charge) => charge.obligation === reported.obligation),
    sameAmountWithin10Minutes: ids(
      (charge) => charge.amountCents === reported.amountCents && Math.abs(charge.at - reported.at) <= NEAR_MS,
    ),
  }
}

/** By the customer. Null: this charge has an open case already, or there are too many. */
export const reportCharge = (change: Change, chargeId: string, reason: string): CaseRow | null =>
  change.state.cases.length >= OPEN_CASES_MAX ? null : openCase(change, chargeId, reason)

/** A dispute or a payment that nobody can explain is never too much. Null: this charge has an open case already. */
export const openCase = (change: Change, chargeId: string, reason: string): CaseRow | null => {
  const { cases, account } = change.state
  if (cases.some((one) => one.row.chargeId === chargeId)) return null
  const row: CaseRow = {
    reviewId: change.newId("rev"),
    account,
    chargeId,
    reason,
    status: "open",
    openedAt: change.now,
    answer: null,
    answeredAt: null,
    evidence: NO_EVIDENCE,
  }
  patch(change, { cases: [...cases, { row, gathering: true }] })
  change.rows.push(row)
  tell(change, "review_opened", row.reviewId, { reviewId: row.reviewId, chargeId, reason })
  return row
}

/** What payments knows of the account's charges has come. */
export const addEvidence = (change: Change, reviewId: string, evidence: Evidence): void => {
  const cases = change.state.cases.map((one) => {
    if (one.row.reviewId !== reviewId) return one
    const row = { ...one.row, evidence }
    change.rows.push(row)
    return { row, gathering: false }
  })
  patch(change, { cases })
}

/** Null: no such open case. */
export const answerCase = (
  change: Change,
  {
    reviewId,
    answer,
    by,
    at,
  }: { readonly reviewId: string; readonly answer: string; readonly by: string; readonly at: Instant },
): CaseRow | null => {
  const found = change.state.cases.find((one) => one.row.reviewId === reviewId)
  if (found === undefined) return null
  const row: CaseRow = { ...found.row, status: "answered", answer, answeredAt: at }
  patch(change, { cases: change.state.cases.filter((one) => one !== found) })
  change.rows.push(row)
  tell(change, "review_answered", reviewId, { reviewId, chargeId: row.chargeId, answer, by })
  return row
}
