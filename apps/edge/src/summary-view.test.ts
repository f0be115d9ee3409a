/**
 * Goal: the Open Design clients read our summary as theirs. Method: any account there can be, read with the rules of
 * those clients: the desktop's pattern of a balance, the sums of the buckets, the pricing page's idea of a plan.
 */
import type { LotView, SubscriptionView, TotalsAnswer, WalletAnswer } from "@credits/contracts"
import { BillingSummary } from "@credits/contracts/http"
import { Schema } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { walletOf } from "./edge.fixture.ts"
import { AT, plusOf, subscriptionOf } from "./paying.fixture.ts"
import { summaryView } from "./summary-view.ts"
import { balanceView } from "./wallet-view.ts"

const DAY = 86_400_000
const nano = (max = 10n ** 12n) => fc.bigInt({ min: 0n, max })

/** A wallet as the ledger makes them: lots hold what is available, held and frozen; on Free everything is frozen. */
const wallets: fc.Arbitrary<WalletAnswer> = fc
  .record({
    lots: fc.array(fc.tuple(fc.constantFrom("plan", "topup", "promo", "adjustment"), nano()), { maxLength: 6 }),
    heldShare: fc.bigInt({ min: 0n, max: 100n }),
    hostedModels: fc.boolean(),
    pastDue: fc.boolean(),
    debt: nano(10n ** 10n),
    spent: nano(10n ** 13n),
    isFrozenBySupport: fc.boolean(),
  })
  .map(({ lots, heldShare, hostedModels, pastDue, debt, spent, isFrozenBySupport }) => {
    const sum = lots.reduce((total, [, remaining]) => total + remaining, 0n)
    const held = hostedModels ? (sum * heldShare) / 100n : 0n
    const available = hostedModels ? sum - held : 0n
    return walletOf("acc_1", {
      plan: hostedModels ? "plus" : "free",
      hostedModels,
      pastDue,
      available: available.toString(),
      held: held.toString(),
      balance: (available + held).toString(),
      frozen: (hostedModels ? 0n : sum).toString(),
      debt: (available > 0n ? 0n : debt).toString(),
      freeze: isFrozenBySupport ? { reason: "asked", at: AT } : null,
      lots: lots.map(([kind, remaining], i): LotView => ({
        id: `lot_${i}`,
        kind,
        granted: remaining.toString(),
        remaining: remaining.toString(),
        grantedAt: AT,
        expiresAt: null,
        cause: "test",
      })),
      totals: { granted: "0", spent: spent.toString(), expired: "0", revoked: "0" },
    })
  })

const change = { plan: "plus", interval: "monthly", effectiveAt: AT + 31 * DAY } as const
const confirming = {
  chargeId: "chg_1",
  status: "being_confirmed",
  amountCents: 2000,
  since: AT,
  clientSecret: null,
} as const
const pastDue = { amountCents: 2000, nextAttemptAt: AT + DAY, endsAt: AT + 7 * DAY, reason: "insufficient_funds" }

const STATES = {
  free: subscriptionOf("acc_1"),
  "free, buying": subscriptionOf("acc_1", { pendingPayment: confirming }),
  active: plusOf("acc_1"),
  yearly: plusOf("acc_1", { interval: "yearly" }),
  upgrading: plusOf("acc_1", { pendingPayment: confirming }),
  past_due: plusOf("acc_1", { status: "past_due", pastDue, renewal: null }),
  canceling: plusOf("acc_1", { status: "canceling", cancelAtPeriodEnd: true, renewal: null }),
  "pending change": plusOf("acc_1", { plan: "max", pendingChange: change }),
  complimentary: subscriptionOf("acc_1", { plan: "pro", status: "active", complimentary: true }),
} as const satisfies Record<string, SubscriptionView>
const subscriptions = fc.constantFrom(...Object.values<SubscriptionView>(STATES))

const totals: fc.Arbitrary<TotalsAnswer> = fc
  .record({ calls: fc.nat(), recharges: fc.nat(), recharged: nano(10n ** 14n), cost: nano() })
  .map(({ calls, recharges, recharged, cost }) => ({
    calls,
    recharges,
    recharged: recharged.toString(),
    today: { day: "2026-01-02", cost: cost.toString() },
  }))
const NO_TOTALS: TotalsAnswer = { calls: 0, recharges: 0, recharged: "0", today: { day: "2026-01-02", cost: "0" } }

/** What the pricing page makes of a summary (its plan loader); null: no plan. */
const pagePlan = (summary: BillingSummary): string | null => {
  const { subscriptionStatus, subscriptionEntitlementStatus: entitlement, membershipTier, billingInterval } = summary
  if ((subscriptionStatus as string | null) === "canceled") return null
  if (entitlement === "inactive" || entitlement === "canceled") return null
  if (membershipTier === undefined || !["monthly", "yearly"].includes(billingInterval ?? "")) return null
  return `${membershipTier} ${billingInterval}${summary.subscriptionCancelAtPeriodEnd ? " canceling" : ""}`
}

const FIELDS = [
  "availableActions",
  "balanceUsd",
  "balances",
  "billingInterval",
  "creditsPerUsd",
  "firstMonthIntroEligible",
  "pendingSubscriptionChange",
  "personalSubscriptionCheckoutAllowed",
  "rechargeCount",
  "subscriptionCancelAtPeriodEnd",
  "subscriptionCurrentPeriodEnd",
  "subscriptionCurrentPeriodStart",
  "subscriptionEntitlementStatus",
  "subscriptionStatus",
  "todayConsumedUsd",
  "totalConsumedUsd",
  "totalRechargedUsd",
  "updatedAt",
  "usageCount",
]

describe("the billing summary as its readers read it", () => {
  const isSummary = Schema.is(BillingSummary)

  it("contract 3: whatever the account is like, every field is there and every amount is a decimal string", () => {
    fc.assert(
      fc.property(wallets, subscriptions, totals, (wallet, subscription, sums) => {
        const summary = summaryView(wallet, subscription, sums)
        expect(isSummary(summary)).toBe(true)
        const tier = subscription.status === "free" ? [] : ["membershipTier"]
        expect(Object.keys(summary).toSorted()).toEqual([...FIELDS, ...tier].toSorted())
        for (const field of ["balanceUsd", "totalRechargedUsd", "totalConsumedUsd", "todayConsumedUsd"] as const) {
          expect(summary[field]).toMatch(/^\d+\.\d{4}$/)
        }
        for (const credits of Object.values(summary.balances)) expect(credits).toMatch(/^\d+$/)
      }),
    )
  })

  it("contract 3: the buckets add up to the total, the total is the balance, and nothing is rounded up", () => {
    fc.assert(
      fc.property(wallets, subscriptions, (wallet, subscription) => {
        const { balanceUsd, balances, creditsPerUsd } = summaryView(wallet, subscription, NO_TOTALS)
        const [ofPlan, recharge, total] = [
          BigInt(balances.subscriptionCredits),
          BigInt(balances.rechargeCredits),
          BigInt(balances.totalAvailableCredits),
        ]
        expect(ofPlan + recharge).toBe(total)
        expect(BigInt(balanceUsd.replace(".", ""))).toBe(total)
        // R1.7: on Free the balance is 0, whatever is frozen.
        expect(total).toBe(wallet.hostedModels ? BigInt(wallet.balance) / 100_000n : 0n)
        expect(10n ** 9n / 100_000n).toBe(BigInt(creditsPerUsd))
      }),
    )
  })

  it("contract 3: a balance below zero is shown as zero, by both endpoints, and never with a sign", () => {
    fc.assert(
      fc.property(wallets, nano(), (wallet, below) => {
        const owing = { ...wallet, balance: (-below).toString() }
        expect(summaryView(owing, STATES.active, NO_TOTALS)).toMatchObject({
          balanceUsd: "0.0000",
          balances: { subscriptionCredits: "0", rechargeCredits: "0", totalAvailableCredits: "0" },
        })
        expect(balanceView(owing).balanceUsd).toBe("0.00")
        expect(balanceView(wallet).balanceUsd).toMatch(/^\d+(\.\d+)?$/)
      }),
    )
  })

  it("what cannot be read is a defect, never a balance", () => {
    expect(() => summaryView(walletOf("acc_1", { balance: "" }), STATES.active, NO_TOTALS)).toThrow(RangeError)
    expect(() => balanceView(walletOf("acc_1", { balance: "1e3" }))).toThrow(RangeError)
  })

  it.each([
    ["free", null, true],
    ["free, buying", null, false],
    ["active", "plus monthly", true],
    ["yearly", "plus yearly", true],
    ["upgrading", "plus monthly", false],
    ["past_due", "plus monthly", false],
    ["canceling", "plus monthly canceling", true],
    ["pending change", "max monthly", true],
    // Without an interval the page shows no plan of its own, and may sell one.
    ["complimentary", null, true],
  ] as const)("contract 3: the page sees %s as %s; buying is offered: %s", (state, plan, mayBuy) => {
    const summary = summaryView(walletOf("acc_1"), STATES[state], NO_TOTALS)
    expect(pagePlan(summary)).toBe(plan)
    expect(summary.personalSubscriptionCheckoutAllowed).toBe(mayBuy)
    expect(summary.availableActions.includes("subscription_checkout")).toBe(mayBuy)
    expect(summary.availableActions.includes("billing_portal")).toBe(!state.startsWith("free"))
  })

  it("contract 3: a scheduled change names its target; past due keeps the entitlement", () => {
    const changing = summaryView(walletOf("acc_1"), STATES["pending change"], NO_TOTALS)
    expect(changing.pendingSubscriptionChange).toEqual({
      targetMembershipTier: "plus",
      targetBillingInterval: "monthly",
      status: "scheduled",
      effectiveAt: "2026-02-02T00:00:00.000Z",
    })
    expect(summaryView(walletOf("acc_1"), STATES.past_due, NO_TOTALS)).toMatchObject({
      subscriptionStatus: "past_due",
      subscriptionEntitlementStatus: "active",
    })
  })
})
