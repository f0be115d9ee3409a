/**
 * What other services tell, one fact of every sort that a customer is told of, in the shapes of the contracts. Owns
 * texts and numbers of tests, no rule.
 */
import {
  encodeCreditMark,
  type ChargeView,
  type MethodView,
  type NotificationKind,
  type PaymentFact,
  type Signal,
  type SubscriptionFact,
  type SubscriptionView,
  type TopupFact,
  type TopupView,
} from "@credits/contracts"
import { usd } from "@credits/kernel"
import { fromPayment } from "./from-payment.ts"
import { fromSignal } from "./from-signal.ts"
import { fromSubscription } from "./from-subscription.ts"
import { fromTopup } from "./from-topup.ts"
import type { Notice } from "./notification.ts"

export const AT = Date.UTC(2026, 10, 26, 12)
export const DAY = 86_400_000

const subscriptionView = (account: string, change: Partial<SubscriptionView> = {}): SubscriptionView => ({
  account,
  subscriptionId: "sub_1",
  plan: "plus",
  interval: "monthly",
  status: "active",
  complimentary: false,
  currentPeriodStart: AT,
  currentPeriodEnd: AT + 30 * DAY,
  cycleStart: AT,
  cycleEnd: AT + 30 * DAY,
  cancelAtPeriodEnd: false,
  renewal: { at: AT + 30 * DAY, amountCents: 2_000 },
  pendingChange: null,
  pendingPayment: null,
  pastDue: null,
  firstMonthOfferEligible: false,
  upgrade: null,
  asOf: AT,
  ...change,
})

const topupView = (account: string): TopupView => ({
  account,
  enabled: true,
  monthlyCapCents: 5_000,
  monthKey: "2026-11",
  spentThisMonthCents: 4_000,
  pendingCents: 0,
  remainingCents: 1_000,
  thresholdCents: 500,
  amountCents: 1_000,
  state: "ready",
  lastFailureReason: null,
  consentedAt: AT,
})

const METHOD: MethodView = {
  id: "pm_1",
  brand: "visa",
  last4: "4242",
  expMonth: 3,
  expYear: 2027,
  fingerprint: "fp_1",
  status: "usable",
}

export const chargeView = (account: string, change: Partial<ChargeView> = {}): ChargeView => ({
  chargeId: "chg_1",
  account,
  obligation: "renewal:sub_1:2",
  kind: "renewal",
  attempt: 1,
  amountCents: 2_000,
  description: "Plus, monthly",
  status: "action_required",
  decline: null,
  clientSecret: "secret",
  expiresAt: AT + DAY,
  method: METHOD,
  refunded: false,
  disputed: false,
  at: AT,
  decidedAt: null,
  processorId: "pi_1",
  ...change,
})

const PAID: SubscriptionFact["detail"] = {
  subscriptionId: "sub_1",
  obligation: "first:sub_1",
  chargeId: "chg_1",
  amountCents: 1_600,
  plan: "plus",
  interval: "monthly",
  periodStart: AT,
  periodEnd: AT + 30 * DAY,
}
const RENEWAL = { subscriptionId: "sub_1", at: AT + 7 * DAY, amountCents: 2_000, plan: "plus", interval: "monthly" }

/** What each kind of fact of subscriptions carries. */
const SUBSCRIPTION_DETAILS: Readonly<Partial<Record<SubscriptionFact["kind"], SubscriptionFact["detail"]>>> = {
  started: PAID,
  renewed: PAID,
  upgraded: { ...PAID, plan: "pro", fromPlan: "plus", fromInterval: "monthly" },
  recovered: PAID,
  payment_failed: {
    kind: "renewal",
    obligation: "renewal:sub_1:2",
    attempt: 1,
    amountCents: 2_000,
    chargeId: "chg_1",
    code: "insufficient_funds",
    reason: "The card has not enough money on it.",
  },
  cancel_scheduled: { subscriptionId: "sub_1", effectiveAt: AT + 30 * DAY, by: null, reason: null },
  downgrade_scheduled: { subscriptionId: "sub_1", plan: "plus", interval: "monthly", effectiveAt: AT + 30 * DAY },
  ended: { subscriptionId: "sub_1", plan: "plus", reason: "canceled" },
  renewal_reminder: RENEWAL,
  offer_ends: RENEWAL,
  review_answered: { reviewId: "rev_1", chargeId: "chg_1", answer: "It is refunded.", by: "ann" },
}

export const subscriptionFact = (
  kind: SubscriptionFact["kind"],
  account = "acc_1",
  change: Partial<SubscriptionFact> = {},
): SubscriptionFact => ({
  v: 1,
  id: `${kind}:${account}:1`,
  kind,
  account,
  at: AT,
  subscription: subscriptionView(account),
  autoTopUp: null,
  detail: SUBSCRIPTION_DETAILS[kind] ?? {},
  ...change,
})

export const pastDue = (nextAttemptAt: number | null, endsAt: number): Partial<SubscriptionFact> => ({
  subscription: subscriptionView("acc_1", {
    status: "past_due",
    pastDue: { amountCents: 2_000, nextAttemptAt, endsAt, reason: "no" },
  }),
})

const TOPUP = { obligation: "topup:acc_1:2026-11:1", amountCents: 1_000 }
const TOPUP_DETAILS: Readonly<Record<TopupFact["kind"], TopupFact["detail"]>> = {
  enabled: { monthlyCapCents: 5_000, before: null },
  cap_changed: { monthlyCapCents: 5_000, before: 2_500 },
  disabled: { reason: "customer", source: "web" },
  succeeded: { ...TOPUP, chargeId: "chg_2", month: "2026-11" },
  failed: { ...TOPUP, reason: "insufficient_funds", retryAt: AT + 3_600_000 },
  suspended: { reason: "authentication_required", failures: 1, source: "system", ...TOPUP },
  cap_80: { month: "2026-11" },
  cap_100: { month: "2026-11" },
}

export const topupFact = (kind: TopupFact["kind"], account = "acc_1", change: Partial<TopupFact> = {}): TopupFact => ({
  v: 1,
  id: `topup:${account}:${kind}`,
  kind,
  account,
  at: AT,
  topup: topupView(account),
  detail: TOPUP_DETAILS[kind],
  ...change,
})

export const paymentFact = (
  kind: PaymentFact["kind"],
  account = "acc_1",
  change: Partial<PaymentFact> = {},
): PaymentFact => ({
  v: 1,
  id: `${account}.${kind}`,
  kind,
  account,
  at: AT,
  charge: kind.startsWith("charge_") ? chargeView(account) : null,
  method: METHOD,
  ...change,
})

export const creditSignal = (kind: Signal["kind"], account = "acc_1", change: Partial<Signal> = {}): Signal => ({
  seq: 1,
  account,
  kind,
  at: AT,
  balance: usd("0.000000001").toString(),
  detail: encodeCreditMark({ cycleStart: AT - DAY, granted: usd("20") }),
  ...change,
})

/** One notice of every kind. */
export const everyNotice = (account = "acc_1"): ReadonlyArray<Notice> => [
  ...(Object.keys(SUBSCRIPTION_DETAILS) as Array<SubscriptionFact["kind"]>).map((kind) =>
    fromSubscription(subscriptionFact(kind, account))!,
  ),
  ...(Object.keys(TOPUP_DETAILS) as Array<TopupFact["kind"]>).map((kind) => fromTopup(topupFact(kind, account))),
  fromPayment(paymentFact("charge_action_required", account))!,
  fromPayment(paymentFact("method_expiring", account))!,
  ...(["credit_at_50", "credit_at_20", "credit_at_0"] as const).map((kind) => fromSignal(creditSignal(kind, account))!),
]

export const noticeOf = (kind: NotificationKind, account = "acc_1"): Notice =>
  everyNotice(account).find((notice) => notice.kind === kind)!
