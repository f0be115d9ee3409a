/**
 * Comparing the processor's book with our own (R10.4): money taken there and not known here, known here and not taken
 * there, other amounts, other states, an obligation paid twice, a charge disputed. Finds; corrects nothing. Pure.
 */
import type { ChargeStatus, ChargeView, Finding } from "@credits/contracts"
import type { Instant } from "@credits/kernel"

/** Money that moved at the processor. */
export interface ProcessorCharge {
  readonly id: string
  /** Its intent; null: made without one, so not by us. */
  readonly intent: string | null
  readonly amountCents: number
  readonly refundedCents: number
  readonly disputed: boolean
  readonly at: Instant
  /** From our own metadata. */
  readonly chargeId: string | null
  readonly obligation: string | null
  readonly account: string | null
}

export interface FoundSubject {
  readonly subject: string
  readonly subjectAt: Instant
  readonly finding: Finding
}

/** While the news may still be on its way, a difference is none. */
export const GRACE_MS = 15 * 60_000

/** Decided by itself, and soon; only then it can be compared. */
const UNDECIDED: ReadonlySet<ChargeStatus> = new Set<ChargeStatus>(["planned", "submitting", "unknown"])

const usd = (cents: number): string => `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, "0")} USD`

const found = (
  kind: Finding["kind"],
  there: ProcessorCharge,
  here: ChargeView | null,
  detail: string,
  now: Instant,
): FoundSubject => ({
  subject: there.intent ?? there.id,
  subjectAt: there.at,
  finding: {
    kind,
    chargeId: here?.chargeId ?? there.chargeId,
    processorId: there.intent ?? there.id,
    obligation: here?.obligation ?? there.obligation,
    account: here?.account ?? there.account,
    detail,
    foundAt: now,
  },
})

/** One charge of the processor against ours. `here`: the own charge it names or belongs to. */
export const compareCharge = (
  there: ProcessorCharge,
  here: ChargeView | null,
  now: Instant,
): ReadonlyArray<FoundSubject> => {
  if (here === null) {
    return [found("missing_here", there, null, `${usd(there.amountCents)} were taken and no charge of ours knows`, now)]
  }
  const disputes = there.disputed ? [found("disputed", there, here, "the customer's bank disputes it", now)] : []
  if (here.processorId !== null && here.processorId !== there.intent) {
    const detail = `the obligation was paid again: ours is ${here.processorId}`
    return [...disputes, found("duplicate", there, here, detail, now)]
  }
  return [...disputes, ...compareStates(there, here, now)]
}

const compareStates = (there: ProcessorCharge, here: ChargeView, now: Instant): ReadonlyArray<FoundSubject> => {
  if (UNDECIDED.has(here.status) || now - there.at < GRACE_MS) return []
  if (here.status !== "succeeded") {
    return [found("status_mismatch", there, here, `taken there, ${here.status} here`, now)]
  }
  if (here.amountCents !== there.amountCents) {
    const detail = `${usd(there.amountCents)} there, ${usd(here.amountCents)} here`
    return [found("amount_mismatch", there, here, detail, now)]
  }
  const isGivenBack = there.refundedCents >= there.amountCents
  if (there.refundedCents > 0 && !isGivenBack) {
    return [found("amount_mismatch", there, here, `${usd(there.refundedCents)} of it were given back there`, now)]
  }
  if (isGivenBack !== here.refunded) {
    const detail = isGivenBack ? "given back there, not here" : "given back here, not there"
    return [found("status_mismatch", there, here, detail, now)]
  }
  return []
}

/** Two charges of one obligation: the one that is not ours is too much, or the later one when neither is. */
export const duplicateOf = (
  one: ProcessorCharge,
  other: ProcessorCharge,
  here: ChargeView | null,
  now: Instant,
): FoundSubject => {
  const isOneOurs = here !== null && here.processorId === one.intent
  const isOtherOurs = here !== null && here.processorId === other.intent
  const isOtherExtra = isOneOurs || (!isOtherOurs && other.at >= one.at)
  const [kept, extra] = isOtherExtra ? [one, other] : [other, one]
  return found("duplicate", extra, here, `the obligation was paid by ${kept.intent ?? kept.id} too`, now)
}

/** Ours says it was paid; the processor, asked for this very intent, does not. */
export const missingThere = (here: ChargeView, shown: string, now: Instant): FoundSubject => ({
  subject: here.processorId ?? here.chargeId,
  subjectAt: here.decidedAt ?? here.at,
  finding: {
    kind: "missing_there",
    chargeId: here.chargeId,
    processorId: here.processorId,
    obligation: here.obligation,
    account: here.account,
    detail: `${usd(here.amountCents)} are booked here and ${shown} there`,
    foundAt: now,
  },
})

/** The same difference found on two ways counts once. */
export const distinct = (findings: ReadonlyArray<FoundSubject>): ReadonlyArray<FoundSubject> => [
  ...new Map(findings.map((each) => [`${each.finding.kind} ${each.subject}`, each])).values(),
]
