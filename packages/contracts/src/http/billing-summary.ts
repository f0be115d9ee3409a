/**
 * What the Open Design desktop application, its command line and the pricing page read of an account (contract section
 * 3). Owns the shape; amounts are USD with exactly four decimals, rounded down, because a credit is 0.0001 USD.
 */
import { Schema } from "effect"
import { Count, InstantText, Usd } from "./scalars.ts"

/** Credits of those clients: 10000 are 1 USD. */
export const CLIENT_CREDITS_OF_USD = 10_000

const Moment = Schema.NullOr(InstantText)
const Interval = Schema.Literals(["monthly", "yearly"])

export const BillingSummary = Schema.Struct({
  balanceUsd: Usd,
  creditsPerUsd: Schema.Literal(CLIENT_CREDITS_OF_USD),
  /** Whole credits as decimal strings; the first two add up to the third, and that is `balanceUsd`. */
  balances: Schema.Struct({
    subscriptionCredits: Schema.String,
    rechargeCredits: Schema.String,
    totalAvailableCredits: Schema.String,
  }),
  /** Left out on Free. */
  membershipTier: Schema.optionalKey(Schema.String),
  /** Null without a paid plan. */
  billingInterval: Schema.NullOr(Interval),
  /** Null on Free. A plan whose renewal is cancelled is active until its end. */
  subscriptionStatus: Schema.NullOr(Schema.Literals(["active", "past_due"])),
  subscriptionEntitlementStatus: Schema.Literals(["active", "inactive", "canceled"]),
  subscriptionCurrentPeriodStart: Moment,
  subscriptionCurrentPeriodEnd: Moment,
  subscriptionCancelAtPeriodEnd: Schema.Boolean,
  firstMonthIntroEligible: Schema.Boolean,
  /** False: nothing can be bought now, because a payment is past due or still being confirmed. */
  personalSubscriptionCheckoutAllowed: Schema.Boolean,
  pendingSubscriptionChange: Schema.NullOr(
    Schema.Struct({
      targetMembershipTier: Schema.String,
      targetBillingInterval: Interval,
      status: Schema.Literal("scheduled"),
      effectiveAt: InstantText,
    }),
  ),
  availableActions: Schema.Array(Schema.Literals(["subscription_checkout", "billing_portal"])),
  /** Grants outside the plan's cycles over the account's life: top-ups, promotions, adjustments. */
  totalRechargedUsd: Usd,
  totalConsumedUsd: Usd,
  /** Of the UTC day. */
  todayConsumedUsd: Usd,
  rechargeCount: Count,
  /** Hosted calls charged. */
  usageCount: Count,
  updatedAt: InstantText,
}).annotate({ identifier: "BillingSummary" })
export type BillingSummary = typeof BillingSummary.Type

/** Old clients name the workspace they look at. Only accounts exist here: another account's id is not found. */
export const SummaryQuery = {
  workspaceId: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200, { message: "is too long" }))),
}
