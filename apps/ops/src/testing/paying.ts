/**
 * Stand-ins for payments, subscriptions and auto top-up: one subscriber of Plus with two charges, one of them unknown,
 * and a case; everything else refused as the real ones would. For tests of the command line alone.
 */
import { type BusHandle, serve } from "@credits/bus"
import type {
  ChargeView,
  PaymentsRequest,
  ReviewView,
  SubscriptionsRequest,
  SubscriptionView,
  TopupRequest,
  TopupView,
} from "@credits/contracts"
import type { SmallAccount } from "./small-system.ts"

const AT = Date.UTC(2026, 10, 23, 10)
const END = Date.UTC(2026, 11, 23, 10)
export const SUBSCRIBER = "acc_subscriber"

type Reply = { readonly ok: unknown } | { readonly refused: { readonly code: string; readonly detail: string } }
const refused = (code: string, detail: string): Reply => ({ refused: { code, detail } })

const chargeOf = (change: Partial<ChargeView>): ChargeView => ({
  chargeId: "chg_1",
  account: SUBSCRIBER,
  obligation: "first:sub_1",
  kind: "first",
  attempt: 1,
  amountCents: 1600,
  description: "Plus, first month",
  status: "succeeded",
  decline: null,
  clientSecret: null,
  expiresAt: null,
  method: { id: "pm_1", brand: "visa", last4: "4242", expMonth: 1, expYear: 2030, fingerprint: "f", status: "usable" },
  refunded: false,
  disputed: false,
  at: AT,
  decidedAt: AT,
  processorId: "pi_1",
  ...change,
})

const freeOf = (account: string, plan = "free"): SubscriptionView => ({
  account,
  subscriptionId: null,
  plan,
  interval: null,
  status: plan === "free" ? "free" : "active",
  complimentary: plan !== "free",
  currentPeriodStart: null,
  currentPeriodEnd: null,
  cycleStart: null,
  cycleEnd: null,
  cancelAtPeriodEnd: false,
  renewal: null,
  pendingChange: null,
  pendingPayment: null,
  pastDue: null,
  firstMonthOfferEligible: true,
  upgrade: null,
  asOf: AT,
})

/** What the stand-ins remember. */
export class SmallPaying {
  readonly #accounts: Map<string, SmallAccount>
  readonly charges = new Map<string, ChargeView>([
    ["chg_1", chargeOf({})],
    ["chg_2", chargeOf({ chargeId: "chg_2", obligation: "topup:1", status: "review", decidedAt: null })],
  ])
  subscription: SubscriptionView = {
    ...freeOf(SUBSCRIBER),
    subscriptionId: "sub_1",
    plan: "pro",
    interval: "monthly",
    status: "active",
    currentPeriodStart: AT,
    currentPeriodEnd: END,
    cycleStart: AT,
    cycleEnd: END,
    renewal: { at: END, amountCents: 10_000 },
  }
  review: ReviewView = {
    reviewId: "rev_1",
    account: SUBSCRIBER,
    chargeId: "chg_1",
    reason: "charged twice",
    status: "open",
    openedAt: AT,
    answer: null,
    answeredAt: null,
    evidence: { sameObligation: [], sameAmountWithin10Minutes: ["chg_2"] },
  }
  topup: TopupView = {
    account: SUBSCRIBER,
    enabled: true,
    monthlyCapCents: 5000,
    monthKey: "2026-11",
    spentThisMonthCents: 2000,
    pendingCents: 1000,
    remainingCents: 2000,
    thresholdCents: 1500,
    amountCents: 2500,
    state: "charging",
    lastFailureReason: null,
    consentedAt: AT,
  }
  findings: ReadonlyArray<object> = []
  /** What a look-up makes of a charge in doubt. */
  shown: ChargeView["status"] = "succeeded"
  isProcessorAway = false
  /** Every request, in order. */
  readonly asked: Array<PaymentsRequest | SubscriptionsRequest | TopupRequest> = []

  constructor(bus: BusHandle, accounts: Map<string, SmallAccount>) {
    this.#accounts = accounts
    const answer = <Request extends PaymentsRequest | SubscriptionsRequest | TopupRequest>(
      service: string,
      decide: (request: Request) => Reply,
    ) =>
      serve(bus.connection, `${service}.request.*`, (text) => {
        const request = JSON.parse(text) as Request
        this.asked.push(request)
        return JSON.stringify(decide(request))
      })
    answer<PaymentsRequest>("payments", (request) => this.#payments(request))
    answer<SubscriptionsRequest>("subscriptions", (request) => this.#subscriptions(request))
    answer<TopupRequest>("topup", (request) => this.#topup(request))
  }

  #payments(request: PaymentsRequest): Reply {
    if (request.op === "charge-list") {
      const items = [...this.charges.values()].filter(({ status }) => status === (request.status ?? status))
      return { ok: { items, nextCursor: request.limit === 1 ? "c1" : null } }
    }
    if (request.op === "recon-run") {
      return { ok: { from: request.from ?? AT, to: request.to ?? END, compared: 2, findings: this.findings } }
    }
    if (!("chargeId" in request)) return refused("unknown_op", request.op)
    const charge = this.charges.get(request.chargeId)
    if (charge === undefined) return refused("not_found", `no charge ${request.chargeId}`)
    if (request.op === "charge-show") return { ok: charge }
    if (request.op === "charge-look-up") {
      if (this.isProcessorAway) return refused("unavailable", "the card processor does not tell now")
      const { status: before } = charge
      const looked = before === "review" || before === "unknown" ? { ...charge, status: this.shown } : charge
      if (request.take !== undefined) this.charges.set(charge.chargeId, looked)
      return { ok: { shown: "processing", before, charge: looked } }
    }
    if (request.op === "charge-resolve" && charge.status !== "review") {
      return refused("not_resolvable", "its outcome is known")
    }
    if (request.op === "charge-refund" && charge.status !== "succeeded") {
      return refused("not_refundable", "it did not succeed")
    }
    const after: ChargeView =
      request.op === "charge-resolve" ? { ...charge, status: request.outcome } : { ...charge, refunded: true }
    this.charges.set(charge.chargeId, after)
    return { ok: after }
  }

  #subscriptions(request: SubscriptionsRequest): Reply {
    switch (request.op) {
      case "show":
        return { ok: request.account === SUBSCRIBER ? this.subscription : freeOf(request.account) }
      case "complimentary": {
        if (request.account === SUBSCRIBER) return refused("already_on_plan", "a paid subscription runs")
        const before = this.#accounts.get(request.account) ?? { available: 0n, plan: "free", seq: 0, frozen: null }
        this.#accounts.set(request.account, { ...before, plan: request.plan, seq: before.seq + 1 })
        return { ok: freeOf(request.account, request.plan) }
      }
      case "cancel":
      case "downgrade": {
        if (request.account !== SUBSCRIBER) return refused("not_subscribed", "there is no paid subscription")
        this.subscription =
          request.op === "cancel"
            ? { ...this.subscription, status: "canceling", cancelAtPeriodEnd: true, renewal: null }
            : {
                ...this.subscription,
                pendingChange: { plan: request.plan, interval: request.interval, effectiveAt: END },
              }
        return { ok: this.subscription }
      }
      case "review-list":
        return { ok: { items: [this.review].filter(({ status }) => status === (request.status ?? status)) } }
      case "review-answer":
        this.review = { ...this.review, status: "answered", answer: request.answer, answeredAt: AT }
        return { ok: this.review }
      default:
        return refused("unknown_op", request.op)
    }
  }

  #topup(request: TopupRequest): Reply {
    if (request.op === "consents") {
      const consent = { at: AT, action: "enabled", textVersion: "1", monthlyCapCents: 5000, source: "customer, HTTP" }
      return { ok: { items: [consent] } }
    }
    if (request.op === "suspend") this.topup = { ...this.topup, state: "suspended" }
    return { ok: this.topup }
  }
}
