/**
 * The billing summary of the Open Design clients (contract section 3), made of what the ledger, subscriptions and
 * pricing answered. Pure; decides nothing about money: it only rounds down to whole credits, so that nobody is shown
 * credit that is not there.
 */
import type { SubscriptionView, TotalsAnswer, WalletAnswer } from "@credits/contracts"
import { type BillingSummary, CLIENT_CREDITS_OF_USD } from "@credits/contracts/http"
import { formatInstant, type Nano, NANO_PER_CREDIT, parseNano } from "@credits/kernel"

/** An amount of the bus; text that is none is a defect, never shown as 0. */
const nanoOf = (text: string): Nano => {
  const amount = parseNano(text)
  if (amount === null) throw new RangeError(`not an amount of nano-USD: ${JSON.stringify(text)}`)
  return amount
}

/** Whole credits, rounded down, never below 0. */
const creditsOf = (amount: Nano): bigint => (amount <= 0n ? 0n : amount / NANO_PER_CREDIT)

const DECIMALS = String(CLIENT_CREDITS_OF_USD).length - 1
/** Whole credits as USD with four decimals: 5000n → "0.5000". */
const usdOfCredits = (credits: bigint): string => {
  const digits = credits.toString().padStart(DECIMALS + 1, "0")
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`
}

/**
 * What the balance is made of. Frozen credit is in no bucket, as it is not in the balance; everything that the plan
 * did not grant is recharge, with the fraction of a credit that rounding leaves of both.
 */
const bucketsOf = (wallet: WalletAnswer): { readonly subscription: bigint; readonly total: bigint } => {
  const total = creditsOf(nanoOf(wallet.balance))
  let ofPlan = 0n
  for (const lot of wallet.lots) if (lot.kind === "plan") ofPlan += nanoOf(lot.remaining)
  const subscription = creditsOf(ofPlan)
  return { subscription: subscription < total ? subscription : total, total }
}

/** `canceling` is a plan in force until its end, and `past_due` one whose calls wait for a payment (R5.4). */
const STATUS = { free: null, active: "active", canceling: "active", past_due: "past_due" } as const

const changeOf = ({ pendingChange: change }: SubscriptionView): BillingSummary["pendingSubscriptionChange"] =>
  change === null
    ? null
    : {
        targetMembershipTier: change.plan,
        targetBillingInterval: change.interval,
        status: "scheduled",
        effectiveAt: formatInstant(change.effectiveAt),
      }

const actionsOf = (subscription: SubscriptionView, mayBuy: boolean): BillingSummary["availableActions"] => [
  ...(mayBuy ? (["subscription_checkout"] as const) : []),
  ...(subscription.status === "free" ? [] : (["billing_portal"] as const)),
]

export const summaryView = (
  wallet: WalletAnswer,
  subscription: SubscriptionView,
  totals: TotalsAnswer,
): BillingSummary => {
  const { subscription: ofPlan, total } = bucketsOf(wallet)
  const { status, currentPeriodStart: start, currentPeriodEnd: end } = subscription
  const isFree = status === "free"
  const mayBuy = status !== "past_due" && subscription.pendingPayment === null
  return {
    balanceUsd: usdOfCredits(total),
    creditsPerUsd: CLIENT_CREDITS_OF_USD,
    balances: {
      subscriptionCredits: ofPlan.toString(),
      rechargeCredits: (total - ofPlan).toString(),
      totalAvailableCredits: total.toString(),
    },
    ...(isFree ? {} : { membershipTier: subscription.plan }),
    billingInterval: subscription.interval,
    subscriptionStatus: STATUS[status],
    subscriptionEntitlementStatus: isFree ? "inactive" : "active",
    subscriptionCurrentPeriodStart: start === null ? null : formatInstant(start),
    subscriptionCurrentPeriodEnd: end === null ? null : formatInstant(end),
    subscriptionCancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
    firstMonthIntroEligible: subscription.firstMonthOfferEligible,
    personalSubscriptionCheckoutAllowed: mayBuy,
    pendingSubscriptionChange: changeOf(subscription),
    availableActions: actionsOf(subscription, mayBuy),
    totalRechargedUsd: usdOfCredits(creditsOf(nanoOf(totals.recharged))),
    totalConsumedUsd: usdOfCredits(creditsOf(nanoOf(wallet.totals.spent))),
    todayConsumedUsd: usdOfCredits(creditsOf(nanoOf(totals.today.cost))),
    rechargeCount: totals.recharges,
    usageCount: totals.calls,
    updatedAt: formatInstant(wallet.asOf),
  }
}
