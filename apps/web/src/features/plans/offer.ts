/**
 * What each plan card offers somebody (R3.1, R4.1, R4.7): the price that is charged, whether it can be bought, and
 * if not why. Pure. Owns no words and no markup; the server decides again when a quote is asked for.
 */
import type { Plan, Subscription } from "@credits/contracts/http"
import { boundary, formatInstant } from "@credits/kernel"
import type { Interval } from "../../format/plan.ts"

/** `amountUsd` is what is charged at once; `then` what every later period costs. */
export type Price =
  | { readonly kind: "free" }
  | { readonly kind: "month"; readonly amountUsd: string }
  | {
      readonly kind: "first-month"
      readonly amountUsd: string
      readonly thenUsd: string
      /** The first renewal, if it were bought now; null for a visitor whose clock we do not know. */
      readonly renewsAt: string | null
    }
  | { readonly kind: "year"; readonly amountUsd: string; readonly perMonthUsd: string }

/** Why a plan cannot be bought. */
export type Obstacle =
  | { readonly why: "lower_plan" }
  | { readonly why: "shorter_interval"; readonly plan: string }
  | { readonly why: "not_sold"; readonly interval: Interval }
  | { readonly why: "being_confirmed"; readonly amountUsd: string }
  | { readonly why: "action_required"; readonly amountUsd: string }
  /** Free, for somebody with a plan: by cancelling. Null: at once (R5.4). */
  | { readonly why: "cancel_instead"; readonly endsAt: string | null }
  | { readonly why: "already_canceled"; readonly endsAt: string }
  | { readonly why: "given" }

export type Action =
  | { readonly kind: "sign_in" }
  | { readonly kind: "subscribe" }
  | { readonly kind: "upgrade" }
  | { readonly kind: "switch_to_yearly" }
  | { readonly kind: "current" }
  | { readonly kind: "unavailable"; readonly obstacle: Obstacle }

/** What will happen, beside what can be done (R4.7). */
export type Consequence =
  | { readonly what: "ends"; readonly at: string }
  | { readonly what: "becomes"; readonly plan: string; readonly interval: Interval; readonly at: string }
  | { readonly what: "starts"; readonly at: string }
  | { readonly what: "renews"; readonly at: string; readonly amountUsd: string }
  | { readonly what: "owed"; readonly amountUsd: string; readonly endsAt: string }
  | { readonly what: "given_by_support" }
  | { readonly what: "unused_time_credited"; readonly plan: string }
  | { readonly what: "resumes" }
  | { readonly what: "drops_change"; readonly plan: string }
  | { readonly what: "in_full_past_due" }
  | { readonly what: "in_full_given" }

export interface Offer {
  readonly plan: Plan
  /** Null: not sold by this interval. */
  readonly price: Price | null
  readonly isCurrent: boolean
  readonly action: Action
  readonly consequences: ReadonlyArray<Consequence>
}

/** R2.1: a month from now by the server's clock. */
const aMonthAfter = (asOf: string): string => formatInstant(boundary(Date.parse(asOf), 1))

const priceOf = (plan: Plan, interval: Interval, subscription: Subscription | null): Price | null => {
  if (plan.rank === 0) return { kind: "free" }
  if (interval === "yearly") {
    if (plan.yearly === null) return null
    return { kind: "year", amountUsd: plan.yearly.totalUsd, perMonthUsd: plan.yearly.monthlyEquivalentUsd }
  }
  if (plan.monthly === null) return null
  const { firstMonthUsd, renewalUsd } = plan.monthly
  const isEligible = subscription === null || subscription.firstMonthOfferEligible
  if (!isEligible || firstMonthUsd === renewalUsd) return { kind: "month", amountUsd: renewalUsd }
  const renewsAt = subscription === null ? null : aMonthAfter(subscription.asOf)
  return { kind: "first-month", amountUsd: firstMonthUsd, thenUsd: renewalUsd, renewsAt }
}

const unavailable = (obstacle: Obstacle): Action => ({ kind: "unavailable", obstacle })

const actionOnFreeCard = (subscription: Subscription): Action => {
  if (subscription.status === "free") return { kind: "current" }
  if (subscription.complimentary) return unavailable({ why: "given" })
  const { cancelAtPeriodEnd, currentPeriodEnd, pastDue } = subscription
  if (cancelAtPeriodEnd && currentPeriodEnd !== null) {
    return unavailable({ why: "already_canceled", endsAt: currentPeriodEnd })
  }
  return unavailable({ why: "cancel_instead", endsAt: pastDue === null ? currentPeriodEnd : null })
}

/** R4.1: self-service goes up only. `held` is the plan somebody pays for or was given. */
const directionOf = (plan: Plan, interval: Interval, subscription: Subscription, held: Plan | undefined): Action => {
  if (subscription.status === "free") return { kind: "subscribe" }
  const rank = held?.rank ?? 0
  if (subscription.complimentary) {
    return plan.rank >= rank ? { kind: "subscribe" } : unavailable({ why: "lower_plan" })
  }
  const isSame = plan.id === subscription.plan
  if (isSame && interval === subscription.interval) return { kind: "current" }
  if (plan.rank <= rank && !isSame) return unavailable({ why: "lower_plan" })
  if (subscription.interval === "yearly" && interval === "monthly") {
    return unavailable({ why: "shorter_interval", plan: plan.id })
  }
  return isSame ? { kind: "switch_to_yearly" } : { kind: "upgrade" }
}

const actionOf = (
  plan: Plan,
  interval: Interval,
  subscription: Subscription | null,
  plans: ReadonlyArray<Plan>,
): Action => {
  const isSold = plan.rank === 0 || (interval === "yearly" ? plan.yearly : plan.monthly) !== null
  if (subscription === null) {
    return isSold ? { kind: "sign_in" } : unavailable({ why: "not_sold", interval })
  }
  if (plan.rank === 0) return actionOnFreeCard(subscription)
  const held = plans.find((one) => one.id === subscription.plan)
  const action = directionOf(plan, interval, subscription, held)
  if (action.kind === "current" || action.kind === "unavailable") return action
  if (!isSold) return unavailable({ why: "not_sold", interval })
  // R4.6: one undecided payment at a time.
  const pending = subscription.pendingPayment
  if (pending === null) return action
  const why = pending.status === "action_required" ? "action_required" : "being_confirmed"
  return unavailable({ why, amountUsd: pending.amountUsd })
}

/** What happens to the plan somebody has. */
const fateOf = (subscription: Subscription): ReadonlyArray<Consequence> => {
  const { renewal, pendingChange, pastDue, cancelAtPeriodEnd, currentPeriodEnd } = subscription
  if (subscription.complimentary) return [{ what: "given_by_support" }]
  if (pastDue !== null) return [{ what: "owed", amountUsd: pastDue.amountUsd, endsAt: pastDue.endsAt }]
  if (cancelAtPeriodEnd && currentPeriodEnd !== null) return [{ what: "ends", at: currentPeriodEnd }]
  if (pendingChange !== null) {
    const { plan, interval, effectiveAt } = pendingChange
    return [{ what: "becomes", plan, interval, at: effectiveAt }]
  }
  return renewal === null ? [] : [{ what: "renews", at: renewal.at, amountUsd: renewal.amountUsd }]
}

/** What buying does beside its price. */
const effectsOf = (subscription: Subscription): ReadonlyArray<Consequence> => {
  if (subscription.status === "free") return []
  if (subscription.complimentary) return [{ what: "in_full_given" }]
  if (subscription.pastDue !== null) return [{ what: "in_full_past_due" }]
  return [
    { what: "unused_time_credited", plan: subscription.plan },
    ...(subscription.cancelAtPeriodEnd ? [{ what: "resumes" } as const] : []),
    ...(subscription.pendingChange === null
      ? []
      : [{ what: "drops_change", plan: subscription.pendingChange.plan } as const]),
  ]
}

const consequencesOf = (
  plan: Plan,
  interval: Interval,
  subscription: Subscription | null,
  action: Action,
): ReadonlyArray<Consequence> => {
  if (subscription === null) return []
  const change = subscription.pendingChange
  if (change !== null && change.plan === plan.id && change.interval === interval && action.kind !== "current") {
    return [{ what: "starts", at: change.effectiveAt }]
  }
  const isHeld = subscription.plan === plan.id && subscription.status !== "free"
  const isShown = isHeld && (subscription.interval === null || subscription.interval === interval)
  switch (action.kind) {
    case "subscribe":
    case "upgrade":
    case "switch_to_yearly":
      return [...(isShown ? fateOf(subscription) : []), ...effectsOf(subscription)]
    case "current":
    case "unavailable":
      return isShown ? fateOf(subscription) : []
    case "sign_in":
      return []
  }
}

/** `subscription` null: a visitor who is not signed in. */
export const offerOf = (
  plan: Plan,
  interval: Interval,
  subscription: Subscription | null,
  plans: ReadonlyArray<Plan>,
): Offer => {
  const action = actionOf(plan, interval, subscription, plans)
  return {
    plan,
    price: priceOf(plan, interval, subscription),
    isCurrent: subscription !== null && subscription.plan === plan.id,
    action,
    consequences: consequencesOf(plan, interval, subscription, action),
  }
}

/** The cards, lowest plan first. */
export const offersOf = (
  plans: ReadonlyArray<Plan>,
  interval: Interval,
  subscription: Subscription | null,
): ReadonlyArray<Offer> =>
  plans.toSorted((a, b) => a.rank - b.rank).map((plan) => offerOf(plan, interval, subscription, plans))

export const isBuyable = (offer: Offer): boolean =>
  offer.action.kind === "subscribe" || offer.action.kind === "upgrade" || offer.action.kind === "switch_to_yearly"

/** What the page opens with: the interval somebody pays by, else the month. */
export const firstInterval = (subscription: Subscription | null | undefined): Interval =>
  subscription?.interval ?? "monthly"
