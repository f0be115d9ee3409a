/**
 * Renewals (R0.3, R2.3, R5.4): what one costs, when its reminder is sent, and when a failed one is tried again. Pure.
 * Owns these rules; the charge itself is an operation.
 */
import type { Interval } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import type { Catalogue } from "@credits/pricebook"
import { periodEnd, type Period } from "./period.ts"
import type { PaidSubscription, RenewalTerms } from "./subscription.ts"
import { termsAt, termsOf, type Offering, type PlanTerms } from "./terms.ts"

export const DAY_MS = 86_400_000

const REMINDER_DAYS: Readonly<Record<Interval, number>> = { monthly: 7, yearly: 30 }
/** After the boundary; the last is also the end (R5.4). */
const ATTEMPT_DAYS = [1, 3, 5, 7] as const
const PAST_DUE_DAYS = 7

/**
 * How long the ledger's entitlement outlasts a paid period: past due lasts seven days, and if nobody ends it then, it
 * ends by itself a day later.
 */
const ENTITLED_AFTER_MS = (PAST_DUE_DAYS + 1) * DAY_MS

export const remindAt = (period: Period, interval: Interval): Instant =>
  periodEnd(period) - REMINDER_DAYS[interval] * DAY_MS

/** When past due ends in Free. `since`: the boundary of the renewal. */
export const pastDueEnd = (since: Instant): Instant => since + PAST_DUE_DAYS * DAY_MS

export const entitledUntil = (subscription: PaidSubscription): Instant => {
  const end = periodEnd(subscription.period)
  return subscription.cancelAtPeriodEnd && subscription.pastDue === null ? end : end + ENTITLED_AFTER_MS
}

/** The first attempt day after `now`; null: there is none any more. */
export const nextAttemptAfter = (since: Instant, now: Instant): Instant | null => {
  for (const day of ATTEMPT_DAYS) {
    const at = since + day * DAY_MS
    if (at > now) return at
  }
  return null
}

/** What the next period is to be: a scheduled downgrade, or the same again. */
export const nextOffering = ({ downgrade, terms }: PaidSubscription): Offering => {
  const { plan, interval } = downgrade ?? terms
  return { plan, interval }
}

const isSame = (one: Offering, other: Offering): boolean => one.plan === other.plan && one.interval === other.interval

/** The price the customer was told, or will be told at the reminder. */
const toldPrice = (subscription: PaidSubscription, next: Offering, catalogues: ReadonlyArray<Catalogue>): Nano => {
  const { reminder, downgrade, terms } = subscription
  if (reminder !== null && isSame(reminder, next)) return reminder.price
  if (subscription.remindAt !== null) {
    const then = termsAt(catalogues, next, subscription.remindAt)
    if (then !== null) return then.price
  }
  return downgrade?.price ?? terms.price
}

/** Of a plan that is not sold any more: those it was bought under; of a downgrade's, the last it was sold under. */
const lastTerms = (
  { terms, downgrade }: PaidSubscription,
  next: Offering,
  catalogues: ReadonlyArray<Catalogue>,
  at: Instant,
): PlanTerms => {
  if (downgrade === null) return terms
  const sold = catalogues.flatMap((one) => (one.effectiveAt > at ? [] : (termsOf(one, next) ?? [])))
  return sold.at(-1) ?? terms
}

/**
 * R0.1, R0.3: the terms in force at the renewal, also of a plan that is not sold any more; a higher price only if it
 * held when the reminder was sent, a lower one at once.
 */
export const renewalTerms = (
  subscription: PaidSubscription,
  catalogues: ReadonlyArray<Catalogue>,
  at: Instant,
): RenewalTerms => {
  const next = nextOffering(subscription)
  const terms = termsAt(catalogues, next, at) ?? lastTerms(subscription, next, catalogues, at)
  const told = toldPrice(subscription, next, catalogues)
  return { terms, price: told < terms.price ? told : terms.price }
}
