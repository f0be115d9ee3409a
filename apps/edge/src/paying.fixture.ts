/**
 * Payments, subscriptions, auto top-up and notifications under test: scripted answers that speak the contracts on
 * their real subjects, and remember what they were asked.
 */
import { type BusHandle, serve } from "@credits/bus"
import {
  type ChargeView,
  type ControlAnswer,
  NOTIFICATION_GROUPS,
  type NotificationsRequest,
  type NotificationView,
  type PaymentsRequest,
  type QuoteView,
  type ReviewView,
  type SetContact,
  type SubscriptionsRequest,
  type SubscriptionView,
  type TopupRequest,
  type TopupView,
} from "@credits/contracts"

export const AT = 1_767_312_000_000
const DAY = 86_400_000

export const subscriptionOf = (account: string, change: Partial<SubscriptionView> = {}): SubscriptionView => ({
  account,
  subscriptionId: null,
  plan: "free",
  interval: null,
  status: "free",
  complimentary: false,
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
  ...change,
})

/** Plus by the month, bought at AT. */
export const plusOf = (account: string, change: Partial<SubscriptionView> = {}): SubscriptionView =>
  subscriptionOf(account, {
    subscriptionId: "sub_1",
    plan: "plus",
    interval: "monthly",
    status: "active",
    currentPeriodStart: AT,
    currentPeriodEnd: AT + 31 * DAY,
    cycleStart: AT,
    cycleEnd: AT + 31 * DAY,
    renewal: { at: AT + 31 * DAY, amountCents: 2000 },
    firstMonthOfferEligible: false,
    upgrade: { plan: "pro", interval: "monthly", addsNano: "100000000001" },
    ...change,
  })

export const quoteOf = (plan: string, change: Partial<QuoteView> = {}): QuoteView => ({
  quoteId: "qt_1",
  quotedAt: AT,
  expiresAt: AT + 600_000,
  action: "new",
  plan,
  interval: "monthly",
  catalogueVersion: "test-catalogue",
  lines: [{ label: "Plus, first month", amount: "16000000000" }],
  dueTodayCents: 1600,
  newGrant: "20000000000",
  revoked: "0",
  alreadyUsed: "0",
  availableAfter: "20000000000",
  nextChargeAt: AT + 31 * DAY,
  nextChargeCents: 2000,
  notes: ["A new period starts today."],
  ...change,
})

export const chargeOf = (account: string, change: Partial<ChargeView> = {}): ChargeView => ({
  chargeId: "chg_1",
  account,
  obligation: "first:sub_1",
  kind: "first",
  attempt: 1,
  amountCents: 1600,
  description: "Plus, first month",
  status: "succeeded",
  decline: null,
  clientSecret: null,
  expiresAt: null,
  method: {
    id: "pm_1",
    brand: "visa",
    last4: "4242",
    expMonth: 12,
    expYear: 2030,
    fingerprint: "fp_1",
    status: "usable",
  },
  refunded: false,
  disputed: false,
  at: AT,
  decidedAt: AT + 1000,
  processorId: "pi_1",
  ...change,
})

export const topupOf = (account: string, change: Partial<TopupView> = {}): TopupView => ({
  account,
  enabled: false,
  monthlyCapCents: null,
  monthKey: "2026-01",
  spentThisMonthCents: 0,
  pendingCents: 0,
  remainingCents: 0,
  thresholdCents: 500,
  amountCents: 1000,
  state: "off",
  lastFailureReason: null,
  consentedAt: null,
  ...change,
})

export const reviewOf = (account: string, change: Partial<ReviewView> = {}): ReviewView => ({
  reviewId: "rev_1",
  account,
  chargeId: "chg_1",
  reason: "charged twice",
  status: "open",
  openedAt: AT,
  answer: null,
  answeredAt: null,
  evidence: { sameObligation: ["chg_2"], sameAmountWithin10Minutes: [] },
  ...change,
})

export const notificationOf = (change: Partial<NotificationView> = {}): NotificationView => ({
  id: "ntf_1",
  at: AT,
  kind: "topup.enabled",
  title: "Auto top-up is on",
  body: "You allowed it.",
  link: "/wallet",
  data: { capUsd: "50.00" },
  readAt: null,
  ...change,
})

const preferences = () => ({
  groups: Object.fromEntries(NOTIFICATION_GROUPS.map((group) => [group, { inApp: true, email: true, isFixed: false }])),
})

interface Requests {
  readonly payments: PaymentsRequest
  readonly subscriptions: SubscriptionsRequest
  readonly topup: TopupRequest
  readonly notifications: NotificationsRequest
}
export type PayingService = keyof Requests
export const PAYING_SERVICES: ReadonlyArray<PayingService> = ["payments", "subscriptions", "topup", "notifications"]

type Reply = { readonly ok: unknown } | { readonly refused: { readonly code: string; readonly detail: string } }
/** What a script says of a request; null: what the stand-in answers by itself. */
export type Script<Request> = (request: Request) => Reply | null | Promise<Reply | null>

/** A subscriber of Plus with one charge, a card, and auto top-up off. */
const plain = (service: PayingService, request: Requests[PayingService]): Reply => {
  const account = "account" in request ? (request.account ?? "") : ""
  switch (`${service} ${request.op}`) {
    case "payments charge-list":
      return { ok: { items: [chargeOf(account)], nextCursor: null } }
    case "payments charge-show":
      return { ok: chargeOf(account) }
    case "payments method":
    case "payments method-save":
      return { ok: chargeOf(account).method }
    case "payments method-setup":
      return { ok: { clientSecret: "seti_1_secret_x", publishableKey: "pk_test_1" } }
    case "payments method-remove":
    case "payments webhook":
      return { ok: null }
    case "subscriptions show":
    case "subscriptions cancel":
    case "subscriptions resume":
      return { ok: plusOf(account) }
    case "subscriptions quote":
      return { ok: quoteOf("plus") }
    case "subscriptions confirm":
    case "subscriptions pay":
      return { ok: { status: "done", subscription: plusOf(account) } }
    case "subscriptions review-list":
      return { ok: { items: [reviewOf(account)] } }
    case "subscriptions review-open":
      return { ok: reviewOf(account) }
    case "topup show":
    case "topup disable":
      return { ok: topupOf(account) }
    case "topup enable":
      return { ok: topupOf(account, { enabled: true, state: "ready", monthlyCapCents: 5000, consentedAt: AT }) }
    case "notifications list":
      return { ok: { items: [notificationOf()], nextCursor: null, unreadCount: 1 } }
    case "notifications read":
    case "notifications read-all":
    case "notifications contact":
      return { ok: null }
    case "notifications preferences":
    case "notifications set-preferences":
      return { ok: preferences() }
    default:
      return { refused: { code: "unknown_op", detail: `not scripted: ${service} ${request.op}` } }
  }
}

export class ScriptedServices {
  /** Every request each service got, in order. */
  readonly asked: { [Service in PayingService]: Array<Requests[Service]> } = {
    payments: [],
    subscriptions: [],
    topup: [],
    notifications: [],
  }
  /** Contacts that notifications was told. */
  readonly contacts: Array<SetContact> = []
  payments: Script<PaymentsRequest> = () => null
  subscriptions: Script<SubscriptionsRequest> = () => null
  topup: Script<TopupRequest> = () => null
  notifications: Script<NotificationsRequest> = () => null
  /** `detail` of each service's status. */
  readonly detail: Record<PayingService, Record<string, unknown>> = {
    payments: {},
    subscriptions: {},
    topup: {},
    notifications: {},
  }
  readonly statusesAsked: Record<PayingService, number> = {
    payments: 0,
    subscriptions: 0,
    topup: 0,
    notifications: 0,
  }
  /** Services that answer nothing, not even their status. */
  readonly silent = new Set<PayingService>()

  serveOn(bus: BusHandle): void {
    for (const service of PAYING_SERVICES) {
      serve(bus.connection, `${service}.request.*`, (text) => this.#answer(service, text))
      serve(bus.connection, `${service}.control`, () => this.#status(service))
    }
  }

  /** What tests before this one scripted is forgotten. */
  reset(): void {
    for (const service of PAYING_SERVICES) this.asked[service].length = 0
    this.payments = () => null
    this.subscriptions = () => null
    this.topup = () => null
    this.notifications = () => null
    this.silent.clear()
  }

  async #answer(service: PayingService, text: string): Promise<string> {
    const request = JSON.parse(text) as never
    const asked = request as PaymentsRequest | SubscriptionsRequest | TopupRequest | NotificationsRequest
    // Told beside a sign-in, which does not wait for it.
    if (asked.op === "contact") this.contacts.push(asked)
    else this.asked[service].push(request)
    if (this.silent.has(service)) return new Promise(() => undefined)
    return JSON.stringify((await this[service](request)) ?? plain(service, request))
  }

  #status(service: PayingService): string | Promise<string> {
    this.statusesAsked[service] += 1
    if (this.silent.has(service)) return new Promise(() => undefined)
    const answer: ControlAnswer = {
      service,
      ready: true,
      now: 0,
      nextDue: null,
      ran: 0,
      cursors: {},
      outboxPending: 0,
      openRequests: 0,
      detail: this.detail[service],
    }
    return JSON.stringify(answer)
  }
}
