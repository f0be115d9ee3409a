/**
 * What a customer or support changes of a running subscription without a charge (R5.1, R5.3, R5.4, contract 6): cancel,
 * resume, pay now, a downgrade for later, a complimentary plan. Pure. Each answers a refusal, or null when it is done;
 * `waiting` when a charge decides.
 */
import type { GiveComplimentary, Interval, ScheduleDowngrade } from "@credits/contracts"
import { catalogueAt } from "@credits/pricebook"
import { patchOperation, queueWork, revise, tell, type Change } from "./change.ts"
import { endSubscription } from "./ending.ts"
import { complimentaryWork, standingWork } from "./ledger-work.ts"
import { beginRenewal, endOwed } from "./operation.ts"
import { periodEnd } from "./period.ts"
import type { Refusal } from "./quote.ts"
import { isUndecided, paidSubscription, type ComplimentarySubscription, type PaidSubscription } from "./subscription.ts"
import { FREE, planOf, termsAt, type PlanTerms } from "./terms.ts"

export type Standing = Refusal | "waiting" | null

const notSubscribed: Refusal = { code: "not_subscribed", detail: "there is no paid subscription" }
const beingConfirmed: Refusal = { code: "payment_being_confirmed", detail: "a payment is being confirmed; wait for it" }

const tellLedger = (change: Change, subscription: PaidSubscription, what: string): void => {
  // A renewal in flight at the boundary: what was paid for is over, the decision tells the ledger.
  if (change.now >= periodEnd(subscription.period)) return
  const { account, revision } = change.state
  queueWork(change, standingWork(account, subscription, what, { revision, now: change.now, clears: false }))
}

/** R5.1: plan and credits stay to the end of the paid period. R5.4: past due it ends at once. */
export const cancel = (change: Change, by: string | null, reason: string | null): Standing => {
  const subscription = paidSubscription(change.state)
  if (subscription === null) return notSubscribed
  if (subscription.cancelAtPeriodEnd) return null
  const { operation } = change.state
  const next = { ...subscription, cancelAtPeriodEnd: true }
  revise(change, next)
  if (operation?.kind === "upgrade") patchOperation(change, operation, { cancelRequested: true })
  if (next.pastDue !== null && !isUndecided(change.state)) {
    endOwed(change, next)
    return "waiting"
  }
  tellLedger(change, next, "canceling")
  tell(change, "cancel_scheduled", `${next.id}:${change.state.revision}`, {
    subscriptionId: next.id,
    effectiveAt: periodEnd(next.period),
    by,
    reason,
  })
  return null
}

/** R2.4: the anchor stays. */
export const resume = (change: Change): Standing => {
  const subscription = paidSubscription(change.state)
  if (subscription === null) return notSubscribed
  if (!subscription.cancelAtPeriodEnd) {
    return { code: "not_canceling", detail: "the subscription is not canceled" }
  }
  const { operation } = change.state
  if (operation?.closing?.next === "end") return beingConfirmed
  const remindAt = subscription.remindAt === null ? null : Math.max(subscription.remindAt, change.now)
  const next = { ...subscription, cancelAtPeriodEnd: false, remindAt }
  revise(change, next)
  if (operation !== null) patchOperation(change, operation, { cancelRequested: false })
  tellLedger(change, next, "resumed")
  tell(change, "resumed", `${next.id}:${change.state.revision}`, {
    subscriptionId: next.id,
    renewsAt: periodEnd(next.period),
  })
  return null
}

/** R5.4: the card is tried again at once; a renewal that is in flight already is waited for. */
export const payNow = (change: Change): Standing => {
  const subscription = paidSubscription(change.state)
  const { operation } = change.state
  if (operation?.kind === "renewal") return "waiting"
  if (operation !== null) return beingConfirmed
  if (subscription === null || subscription.pastDue === null)
    return { code: "not_past_due", detail: "no renewal is owed" }
  beginRenewal(change, subscription, true)
  return "waiting"
}

const isDown = (now: PlanTerms, then: PlanTerms): boolean =>
  then.rank < now.rank || (then.rank === now.rank && now.interval === "yearly" && then.interval === "monthly")

/** R5.3: for the end of the period. */
export const scheduleDowngrade = (change: Change, request: ScheduleDowngrade): Standing => {
  const subscription = paidSubscription(change.state)
  if (subscription === null) return notSubscribed
  if (isUndecided(change.state)) return beingConfirmed
  if (subscription.pastDue !== null || subscription.cancelAtPeriodEnd) {
    const detail = subscription.pastDue === null ? "the subscription is canceled" : "a renewal is owed"
    return { code: "invalid", detail: `${detail}: there is no renewal to change` }
  }
  const terms = offered(change, request.plan, request.interval)
  if ("code" in terms) return terms
  if (!isDown(subscription.terms, terms)) {
    return { code: "invalid", detail: "only a lower plan, or the month instead of the year", field: "plan" }
  }
  const { plan, interval } = request
  // A reminder that named another price is followed by one that names this one.
  const remindAt = subscription.remindAt ?? change.now
  const downgrade = { plan, interval, price: terms.price }
  const same = subscription.downgrade
  if (same?.plan === plan && same.interval === interval) return null
  const next: PaidSubscription = { ...subscription, downgrade, remindAt, reminder: null }
  revise(change, next)
  tell(change, "downgrade_scheduled", `${next.id}:${change.state.revision}`, {
    subscriptionId: next.id,
    plan,
    interval,
    effectiveAt: periodEnd(next.period),
    by: request.by,
    reason: request.reason,
  })
  return null
}

const offered = (change: Change, plan: string, interval: Interval): PlanTerms | Refusal => {
  const catalogue = catalogueAt(change.env.catalogues, change.now)
  if (catalogue === null || planOf(catalogue, plan) === null) {
    return { code: "plan_unknown", detail: `there is no plan ${plan}`, field: "plan" }
  }
  const terms = termsAt(change.env.catalogues, { plan, interval }, change.now)
  return terms ?? { code: "not_sold", detail: `${plan} is not sold ${interval}`, field: "plan" }
}

/** Access without card and credit (contract 6). */
export const giveComplimentary = (change: Change, request: GiveComplimentary): Standing => {
  const { subscription, account } = change.state
  if (isUndecided(change.state)) return beingConfirmed
  if (subscription?.kind === "paid") {
    return { code: "already_on_plan", detail: "a paid subscription runs", field: "account" }
  }
  if (request.plan === FREE) {
    if (subscription === null) return { code: "not_subscribed", detail: "there is no complimentary plan to end" }
    endSubscription(change, "complimentary_ended")
    return null
  }
  const catalogue = catalogueAt(change.env.catalogues, change.now)
  const plan = catalogue === null ? null : planOf(catalogue, request.plan)
  if (plan === null) return { code: "plan_unknown", detail: `there is no plan ${request.plan}`, field: "plan" }
  const until = request.until ?? null
  if (until !== null && until <= change.now) {
    return { code: "invalid", detail: "until must lie in the future", field: "until" }
  }
  const given: ComplimentarySubscription = {
    kind: "complimentary",
    id: subscription?.id ?? change.newId("sub"),
    plan: plan.id,
    name: plan.name,
    rank: plan.rank,
    hostedModels: plan.hostedModels,
    since: change.now,
    until,
  }
  revise(change, given)
  queueWork(change, complimentaryWork(account, given, change.state.revision))
  tell(change, "complimentary", `${given.id}:${change.state.revision}`, {
    subscriptionId: given.id,
    plan: plan.id,
    until,
    by: request.by,
    reason: request.reason,
  })
  return null
}
