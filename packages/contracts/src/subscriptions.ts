/**
 * What subscriptions is asked and answers over request–reply, JSON on `subscriptions.request.<op>`, and the facts it
 * publishes on the stream SUBSCRIPTIONS. Owns shapes only. Amounts are integer strings of nano-USD (charges are whole
 * cents of them); instants are milliseconds.
 */
import type { NanoText } from "./ledger.ts"

export type Interval = "monthly" | "yearly"

export type SubscriptionsRequest =
  | ReadSubscription
  | RequestQuote
  | ConfirmQuote
  | CancelSubscription
  | ResumeSubscription
  | PayNow
  | OpenReview
  | ListReviews
  | AnswerReview
  | ScheduleDowngrade
  | GiveComplimentary
export type SubscriptionsOp = SubscriptionsRequest["op"]

/** What each operation answers in `ok`. */
export interface SubscriptionsAnswers {
  readonly show: SubscriptionView
  readonly quote: QuoteView
  readonly confirm: PaidAnswer
  readonly cancel: SubscriptionView
  readonly resume: SubscriptionView
  readonly pay: PaidAnswer
  readonly "review-open": ReviewView
  /** Newest first. */
  readonly "review-list": { readonly items: ReadonlyArray<ReviewView> }
  readonly "review-answer": ReviewView
  readonly downgrade: SubscriptionView
  readonly complimentary: SubscriptionView
}

export interface ReadSubscription {
  readonly op: "show"
  readonly account: string
}
export interface RequestQuote {
  readonly op: "quote"
  readonly id: string
  readonly account: string
  readonly plan: string
  readonly interval: string
}
/** Waits up to 10 s for the money to be decided (R4.4). */
export interface ConfirmQuote {
  readonly op: "confirm"
  readonly id: string
  readonly account: string
  readonly quoteId: string
}
export interface CancelSubscription {
  readonly op: "cancel"
  readonly id: string
  readonly account: string
  /** Operators: who and why, kept with it. */
  readonly by?: string
  readonly reason?: string
}
export interface ResumeSubscription {
  readonly op: "resume"
  readonly id: string
  readonly account: string
}
/** R5.4: past due: try the card again now. Waits up to 10 s. */
export interface PayNow {
  readonly op: "pay"
  readonly id: string
  readonly account: string
}
/** R5.2: the customer reports a charge. One open case a charge. */
export interface OpenReview {
  readonly op: "review-open"
  readonly id: string
  readonly account: string
  readonly chargeId: string
  readonly reason: string
}
export interface ListReviews {
  readonly op: "review-list"
  /** None: of all accounts (operators). */
  readonly account?: string
  readonly status?: "open" | "answered"
}
export interface AnswerReview {
  readonly op: "review-answer"
  readonly id: string
  readonly reviewId: string
  readonly answer: string
  readonly by: string
}
/** R5.3: support schedules a lower plan, or the month instead of the year, for the end of the paid period. */
export interface ScheduleDowngrade {
  readonly op: "downgrade"
  readonly id: string
  readonly account: string
  readonly plan: string
  readonly interval: Interval
  readonly by: string
  readonly reason: string
}
/** Access to a plan without card and credit (contract 6); `free` ends it. Refused while a paid subscription runs. */
export interface GiveComplimentary {
  readonly op: "complimentary"
  readonly id: string
  readonly account: string
  readonly plan: string
  /** Default: until support ends it. */
  readonly until?: number
  readonly by: string
  readonly reason: string
}

export type SubscriptionsReply<A> = { readonly ok: A } | { readonly refused: SubscriptionsRefusal }
export type SubscriptionsRefusalCode =
  | "invalid"
  | "plan_unknown"
  | "not_sold"
  | "already_on_plan"
  | "downgrade_not_available"
  | "payment_being_confirmed"
  | "payment_method_required"
  | "payment_declined"
  | "payment_action_required"
  | "quote_not_found"
  | "quote_expired"
  | "quote_stale"
  | "not_subscribed"
  | "not_canceling"
  | "not_past_due"
  | "charge_not_found"
  | "review_not_found"
  | "review_exists"
  | "id_conflict"
  | "unknown_op"
  | "unavailable"
  | "clock_advancing"
export interface SubscriptionsRefusal {
  readonly code: SubscriptionsRefusalCode
  readonly detail: string
  readonly field?: string
  readonly chargeId?: string
  /** payment_action_required: for the processor's element, valid until `expiresAt`. */
  readonly clientSecret?: string
  readonly expiresAt?: number
}

export interface SubscriptionView {
  readonly account: string
  readonly subscriptionId: string | null
  /** "free" without a plan. */
  readonly plan: string
  readonly interval: Interval | null
  readonly status: "free" | "active" | "past_due" | "canceling"
  readonly complimentary: boolean
  readonly currentPeriodStart: number | null
  readonly currentPeriodEnd: number | null
  readonly cycleStart: number | null
  readonly cycleEnd: number | null
  readonly cancelAtPeriodEnd: boolean
  readonly renewal: { readonly at: number; readonly amountCents: number } | null
  readonly pendingChange: { readonly plan: string; readonly interval: Interval; readonly effectiveAt: number } | null
  readonly pendingPayment: {
    readonly chargeId: string | null
    readonly status: "processing" | "being_confirmed" | "action_required"
    readonly amountCents: number
    readonly since: number
    readonly clientSecret: string | null
  } | null
  readonly pastDue: {
    readonly amountCents: number
    readonly nextAttemptAt: number | null
    readonly endsAt: number
    readonly reason: string
  } | null
  /** R3.2. */
  readonly firstMonthOfferEligible: boolean
  /** Upgrades that add credit now, with the amount: the first way on of R6.2. */
  readonly upgrade: { readonly plan: string; readonly interval: Interval; readonly addsNano: NanoText } | null
  readonly asOf: number
}

export interface QuoteView {
  readonly quoteId: string
  readonly quotedAt: number
  readonly expiresAt: number
  readonly action: "new" | "upgrade"
  readonly plan: string
  readonly interval: Interval
  readonly catalogueVersion: string
  /** Add up to `dueToday`. Negative: credited. */
  readonly lines: ReadonlyArray<{ readonly label: string; readonly amount: NanoText }>
  readonly dueTodayCents: number
  readonly newGrant: NanoText
  readonly revoked: NanoText
  readonly alreadyUsed: NanoText
  readonly availableAfter: NanoText
  readonly nextChargeAt: number
  readonly nextChargeCents: number
  /** In words (R4.4). */
  readonly notes: ReadonlyArray<string>
}

/** `confirm`, `pay`: either the subscription, or it is still being confirmed. */
export type PaidAnswer =
  | { readonly status: "done"; readonly subscription: SubscriptionView }
  | { readonly status: "being_confirmed"; readonly chargeId: string | null }

export interface ReviewView {
  readonly reviewId: string
  readonly account: string
  readonly chargeId: string
  readonly reason: string
  readonly status: "open" | "answered"
  readonly openedAt: number
  readonly answer: string | null
  readonly answeredAt: number | null
  /** What support looks at first (R5.2). */
  readonly evidence: {
    readonly sameObligation: ReadonlyArray<string>
    readonly sameAmountWithin10Minutes: ReadonlyArray<string>
  }
}

/** Subject `subscriptions.fact`, stream SUBSCRIPTIONS. Repeats have the same `id` and must change nothing. */
export interface SubscriptionFact {
  readonly v: 1
  readonly id: string
  readonly kind:
    | "started"
    | "renewed"
    | "cycle_began"
    | "upgraded"
    | "downgraded"
    | "cancel_scheduled"
    | "resumed"
    | "downgrade_scheduled"
    | "past_due"
    | "payment_failed"
    | "recovered"
    | "ended"
    | "complimentary"
    | "renewal_reminder"
    | "offer_ends"
    | "charge_waived"
    | "review_opened"
    | "review_answered"
  readonly account: string
  readonly at: number
  readonly subscription: SubscriptionView
  /** The catalogue's policy of the plan now (R9.2); null: none. */
  readonly autoTopUp: { readonly threshold: NanoText; readonly amount: NanoText } | null
  /** What the kind is about: amounts in cents, charge id, instants; for people and receipts. */
  readonly detail: Readonly<Record<string, string | number | null>>
}
