/**
 * What a proven payment does (R2, R4.2, R4.3, R5.4): a purchase begins a chain of periods, a renewal continues it, an
 * upgrade replaces it by a new one. Pure. The operation is then `granting` until the ledger has the credit; only then
 * is anybody told (I8).
 */
import { NANO_PER_CENT, type Instant } from "@credits/kernel"
import { patch, patchQuote, queueWork, revise, tell, type Change } from "./change.ts"
import { takeRefundedCredit } from "./ending.ts"
import { creditWork, grantId, type CreditOptions } from "./ledger-work.ts"
import { cycleEnd, firstPeriod, nextPeriod, periodEnd, periodStart, type Period } from "./period.ts"
import { remindAt } from "./renewal.ts"
import { openCase } from "./review.ts"
import type { Happened, LedgerWork, Operation, PaidSubscription, Quote, RenewalTerms, State } from "./subscription.ts"

/** Facts and answers about a payment repeat for a while; this many obligations back they are recognised. */
const PAID_KEPT = 16

const newChain = (
  id: string,
  period: Period,
  quote: Quote,
  operation: Operation,
  before: PaidSubscription | null,
): PaidSubscription => ({
  kind: "paid",
  id,
  terms: quote.terms,
  period,
  paidValue: quote.proration.paidValue,
  paidBy: operation.obligation,
  offerEndsUntold: quote.atOffer,
  nextNumber: (before?.nextNumber ?? 1) + 1,
  attempts: 0,
  lot: { cause: grantId(operation.obligation), id: null },
  remindAt: remindAt(period, quote.terms.interval),
  reminder: null,
  cancelAtPeriodEnd: operation.cancelRequested,
  downgrade: null,
  pastDue: null,
})

const happened = (
  kind: Happened["kind"],
  operation: Operation,
  subscription: PaidSubscription,
  more: Happened["detail"] = {},
): Happened => ({
  kind,
  cause: operation.obligation,
  detail: {
    subscriptionId: subscription.id,
    obligation: operation.obligation,
    chargeId: operation.chargeId,
    amountCents: operation.amountCents,
    plan: subscription.terms.plan,
    interval: subscription.terms.interval,
    periodStart: periodStart(subscription.period),
    periodEnd: periodEnd(subscription.period),
    ...more,
  },
})

/** Sets what now runs, and hands its credit to the ledger. */
const grant = (
  change: Change,
  operation: Operation,
  subscription: PaidSubscription,
  facts: ReadonlyArray<Happened>,
  exchange?: CreditOptions["exchange"],
): void => {
  revise(change, subscription)
  const { account, paid } = change.state
  const options: CreditOptions = {
    obligation: operation.obligation,
    facts,
    clearMark: operation.mark !== null,
    ...(exchange !== undefined && { exchange }),
  }
  queueWork(change, creditWork(account, subscription, options))
  patch(change, {
    operation: { ...operation, phase: "granting", action: null, closing: null },
    paid: [...paid.slice(1 - PAID_KEPT), operation.obligation],
  })
}

/** A first period starts when its payment is proven (R4.6): that instant is the anchor. */
const beginPurchase = (change: Change, operation: Operation, quote: Quote): void => {
  const id = change.state.draftId!
  patch(change, { draftId: null, draftAttempts: 0 })
  const subscription = newChain(id, firstPeriod(change.now, quote.terms.interval), quote, operation, null)
  grant(change, operation, subscription, [happened("started", operation, subscription)])
}

/**
 * The new period starts at the quote's instant, from which time was credited: not when the payment was proven, or the
 * time between would be both used and paid back. Only one proven so late that the first cycle is over begins then.
 */
const upgradePeriod = (quote: Quote, now: Instant): Period => {
  const period = firstPeriod(quote.at, quote.terms.interval)
  return cycleEnd(period) > now ? period : firstPeriod(now, quote.terms.interval)
}

const oldLotOf = (before: PaidSubscription): LedgerWork["oldLot"] =>
  before.lot.id === null ? null : { id: before.lot.id, endsAt: cycleEnd(before.period) }

const upgrade = (change: Change, operation: Operation, quote: Quote, before: State["subscription"]): void => {
  const paid = before?.kind === "paid" ? before : null
  const subscription = newChain(before!.id, upgradePeriod(quote, change.now), quote, operation, paid)
  const { takenBack } = quote.proration
  const fact = happened("upgraded", operation, subscription, {
    fromPlan: before?.kind === "paid" ? before.terms.plan : (before?.plan ?? null),
    fromInterval: paid?.terms.interval ?? null,
  })
  const exchange =
    takenBack > 0n && paid !== null ? { from: paid.lot.cause, takenBack, oldLot: oldLotOf(paid) } : undefined
  grant(change, operation, subscription, [fact], exchange)
  if (paid?.isRefunded === true) afterRefund(change, operation, paid)
}

/** What was credited had been given back meanwhile: its credit goes, and what the upgrade is worth a person decides. */
const afterRefund = (change: Change, { chargeId }: Operation, refunded: PaidSubscription): void => {
  takeRefundedCredit(change, refunded)
  if (chargeId !== null) openCase(change, chargeId, "this upgrade was credited with a payment that was given back")
}

/**
 * The period that was due, at its scheduled boundaries also when it was past due (R5.4). A payment that is proven only
 * when its first credit cycle is over would buy nothing: it begins a new chain.
 */
const renewedPeriod = (before: PaidSubscription, terms: RenewalTerms["terms"], now: Instant): Period => {
  const period = nextPeriod(before.period, terms.interval)
  return cycleEnd(period) > now ? period : firstPeriod(now, terms.interval)
}

const renew = (change: Change, operation: Operation, before: PaidSubscription, renewal: RenewalTerms): void => {
  const { terms } = renewal
  const period = renewedPeriod(before, terms, change.now)
  const subscription: PaidSubscription = {
    ...before,
    terms,
    period,
    paidValue: BigInt(operation.amountCents) * NANO_PER_CENT,
    paidBy: operation.obligation,
    offerEndsUntold: false,
    nextNumber: before.nextNumber + 1,
    attempts: 0,
    lot: { cause: grantId(operation.obligation), id: null },
    remindAt: remindAt(period, terms.interval),
    reminder: null,
    downgrade: null,
    pastDue: null,
  }
  const facts = [happened("renewed", operation, subscription)]
  if (before.pastDue !== null) facts.push(happened("recovered", operation, subscription))
  if (terms.plan !== before.terms.plan || terms.interval !== before.terms.interval) {
    facts.push(happened("downgraded", operation, subscription, { fromPlan: before.terms.plan }))
  }
  grant(change, operation, subscription, facts)
}

/** The charge of this operation has succeeded, or there was nothing to charge. */
export const provePayment = (change: Change, operation: Operation): void => {
  const { subscription } = change.state
  const { quote, renewal } = operation
  if (operation.kind === "renewal") {
    if (subscription?.kind === "paid" && renewal !== null) renew(change, operation, subscription, renewal)
  } else if (quote !== null) {
    if (operation.amountCents === 0) {
      const { waivedCents } = quote.proration
      tell(change, "charge_waived", operation.obligation, { obligation: operation.obligation, waivedCents })
    }
    if (operation.kind === "purchase") beginPurchase(change, operation, quote)
    else upgrade(change, operation, quote, subscription)
  }
}

/** The ledger has what the operation paid for. */
export const finishOperation = (change: Change, operation: Operation): void => {
  patch(change, { operation: null })
  if (operation.quote !== null) patchQuote(change, operation.quote.id, { result: { done: true } })
}
