/**
 * A subscription as it is shown (contract 2). Pure: a view of the document at an instant, under the catalogue of then.
 */
import type { SubscriptionView } from "@credits/contracts"
import { NANO_PER_CENT, type Instant, type Nano } from "@credits/kernel"
import { catalogueAt, type Catalogue } from "@credits/pricebook"
import { isOfferEligible } from "./offer.ts"
import { cycleEnd, cycleStart, periodEnd, periodStart } from "./period.ts"
import { prorate } from "./proration.ts"
import { nextOffering, pastDueEnd, renewalTerms } from "./renewal.ts"
import { isUndecided, statusOf, type Operation, type PaidSubscription, type State } from "./subscription.ts"
import { FREE, termsOf, type Offering, type PlanTerms } from "./terms.ts"

const centsOf = (nano: Nano): number => Number(nano / NANO_PER_CENT)

const pendingPayment = (operation: Operation | null): SubscriptionView["pendingPayment"] => {
  if (operation === null || operation.amountCents === 0) return null
  const { phase, chargeId, amountCents, since, action } = operation
  const status = phase === "action_required" || phase === "confirming" ? phase : "processing"
  return {
    chargeId,
    status: status === "confirming" ? "being_confirmed" : status,
    amountCents,
    since,
    clientSecret: phase === "action_required" ? (action?.clientSecret ?? null) : null,
  }
}

const pastDueView = (subscription: PaidSubscription): SubscriptionView["pastDue"] => {
  const { pastDue } = subscription
  if (pastDue === null) return null
  return {
    amountCents: centsOf(pastDue.renewal.price),
    nextAttemptAt: pastDue.nextAttemptAt,
    endsAt: pastDueEnd(pastDue.since),
    reason: pastDue.reason,
  }
}

/** Credit an upgrade would add now to an account that has used all of its plan's. */
const addsNow = (state: State, terms: PlanTerms, at: Instant): Nano => {
  const { subscription } = state
  if (subscription?.kind !== "paid" || subscription.pastDue !== null) return terms.creditsPerCycle
  const { period, paidValue, terms: old } = subscription
  // A renewal or a cycle that is being granted: nothing is taken back for what has not come.
  if (at >= cycleEnd(period)) return terms.creditsPerCycle
  const inside = at < cycleStart(period) ? cycleStart(period) : at
  const running = { period, paidValue, creditsPerCycle: old.creditsPerCycle }
  return terms.creditsPerCycle - prorate(terms.price, running, inside).takenBack
}

/** What may be bought next, nearest first: the next ranks by the same interval, then the year of the same plan. */
const upgradesOf = (state: State, catalogue: Catalogue): ReadonlyArray<Offering> => {
  const { subscription } = state
  const paid = subscription?.kind === "paid" ? subscription.terms : null
  const rank = paid?.rank ?? (subscription?.kind === "complimentary" ? subscription.rank - 1 : 0)
  const interval = paid?.interval ?? "monthly"
  const higher = catalogue.plans
    .filter((plan) => plan.rank > rank)
    .map((plan) => ({
      plan: plan.id,
      interval: interval === "monthly" && plan.monthly === null ? ("yearly" as const) : interval,
    }))
  return paid?.interval === "monthly" ? [...higher, { plan: paid.plan, interval: "yearly" }] : higher
}

/** R6.2: only an upgrade that adds credit now is a way on, and only while none is undecided. */
const upgradeView = (state: State, catalogue: Catalogue | null, at: Instant): SubscriptionView["upgrade"] => {
  if (catalogue === null || isUndecided(state)) return null
  for (const offering of upgradesOf(state, catalogue)) {
    const terms = termsOf(catalogue, offering)
    if (terms === null) continue
    const adds = addsNow(state, terms, at)
    if (adds > 0n) return { ...offering, addsNano: adds.toString() }
  }
  return null
}

const renewalView = (state: State, catalogues: ReadonlyArray<Catalogue>): SubscriptionView["renewal"] => {
  const { subscription } = state
  if (subscription?.kind !== "paid" || subscription.pastDue !== null || subscription.cancelAtPeriodEnd) return null
  const at = periodEnd(subscription.period)
  return { at, amountCents: centsOf(renewalTerms(subscription, catalogues, at).price) }
}

export const viewOf = (state: State, catalogues: ReadonlyArray<Catalogue>, asOf: Instant): SubscriptionView => {
  const { subscription } = state
  const paid = subscription?.kind === "paid" ? subscription : null
  const willChange = paid !== null && paid.downgrade !== null && !paid.cancelAtPeriodEnd && paid.pastDue === null
  return {
    account: state.account,
    subscriptionId: subscription?.id ?? null,
    plan: paid?.terms.plan ?? (subscription?.kind === "complimentary" ? subscription.plan : FREE),
    interval: paid?.terms.interval ?? null,
    status: statusOf(state),
    complimentary: subscription?.kind === "complimentary",
    currentPeriodStart: paid === null ? null : periodStart(paid.period),
    currentPeriodEnd: paid === null ? null : periodEnd(paid.period),
    cycleStart: paid === null ? null : cycleStart(paid.period),
    cycleEnd: paid === null ? null : cycleEnd(paid.period),
    cancelAtPeriodEnd: paid?.cancelAtPeriodEnd ?? false,
    renewal: renewalView(state, catalogues),
    pendingChange: willChange ? { ...nextOffering(paid), effectiveAt: periodEnd(paid.period) } : null,
    pendingPayment: pendingPayment(state.operation),
    pastDue: paid === null ? null : pastDueView(paid),
    firstMonthOfferEligible: isOfferEligible(state),
    upgrade: upgradeView(state, catalogueAt(catalogues, asOf), asOf),
    asOf,
  }
}
