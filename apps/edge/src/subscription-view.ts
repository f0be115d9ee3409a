/**
 * The answers of subscriptions as HTTP shows them: cents and nano-USD to decimal USD, milliseconds to ISO instants.
 * Pure; decides nothing.
 */
import type { PaidAnswer, QuoteView, SubscriptionView } from "@credits/contracts"
import type { BeingConfirmed, Quote, Subscription } from "@credits/contracts/http"
import { formatInstant, formatUsd, type Instant, NANO_PER_CENT } from "@credits/kernel"
import { usdOf } from "./wallet-view.ts"

/** Whole cents as USD text: 8400 → "84.00". A fraction of a cent is a defect. */
export const usdOfCents = (cents: number): string => formatUsd(BigInt(cents) * NANO_PER_CENT)

const momentOf = (at: Instant | null): string | null => (at === null ? null : formatInstant(at))

const pendingPaymentOf = (pending: NonNullable<SubscriptionView["pendingPayment"]>) => ({
  chargeId: pending.chargeId,
  status: pending.status,
  amountUsd: usdOfCents(pending.amountCents),
  since: formatInstant(pending.since),
  clientSecret: pending.clientSecret,
})

const pastDueOf = (pastDue: NonNullable<SubscriptionView["pastDue"]>) => ({
  amountUsd: usdOfCents(pastDue.amountCents),
  nextAttemptAt: momentOf(pastDue.nextAttemptAt),
  endsAt: formatInstant(pastDue.endsAt),
  reason: pastDue.reason,
})

export const subscriptionView = (view: SubscriptionView): Subscription => {
  const { renewal, pendingChange: change, pendingPayment, pastDue, upgrade } = view
  return {
    plan: view.plan,
    interval: view.interval,
    status: view.status,
    complimentary: view.complimentary,
    currentPeriodStart: momentOf(view.currentPeriodStart),
    currentPeriodEnd: momentOf(view.currentPeriodEnd),
    cycleStart: momentOf(view.cycleStart),
    cycleEnd: momentOf(view.cycleEnd),
    cancelAtPeriodEnd: view.cancelAtPeriodEnd,
    renewal: renewal === null ? null : { at: formatInstant(renewal.at), amountUsd: usdOfCents(renewal.amountCents) },
    pendingChange:
      change === null
        ? null
        : { plan: change.plan, interval: change.interval, effectiveAt: formatInstant(change.effectiveAt) },
    pendingPayment: pendingPayment === null ? null : pendingPaymentOf(pendingPayment),
    pastDue: pastDue === null ? null : pastDueOf(pastDue),
    firstMonthOfferEligible: view.firstMonthOfferEligible,
    upgrade:
      upgrade === null ? null : { plan: upgrade.plan, interval: upgrade.interval, addsUsd: usdOf(upgrade.addsNano) },
    asOf: formatInstant(view.asOf),
  }
}

export const quoteView = (quote: QuoteView): Quote => ({
  quoteId: quote.quoteId,
  quotedAt: formatInstant(quote.quotedAt),
  expiresAt: formatInstant(quote.expiresAt),
  action: quote.action,
  plan: quote.plan,
  interval: quote.interval,
  catalogueVersion: quote.catalogueVersion,
  lines: quote.lines.map((line) => ({ label: line.label, amountUsd: usdOf(line.amount) })),
  dueTodayUsd: usdOfCents(quote.dueTodayCents),
  newGrantUsd: usdOf(quote.newGrant),
  revokedUsd: usdOf(quote.revoked),
  alreadyUsedUsd: usdOf(quote.alreadyUsed),
  availableAfterUsd: usdOf(quote.availableAfter),
  nextChargeAt: formatInstant(quote.nextChargeAt),
  nextChargeUsd: usdOfCents(quote.nextChargeCents),
  notes: quote.notes,
})

/** 200 with the subscription, or 202 while the money is not decided (R10.2). */
export const paidView = (answer: PaidAnswer): Subscription | BeingConfirmed =>
  answer.status === "done"
    ? subscriptionView(answer.subscription)
    : { code: "payment_being_confirmed", chargeId: answer.chargeId }
