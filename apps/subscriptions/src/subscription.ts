/**
 * The document of one account: what it is subscribed to, what it was quoted, the one charge in flight (R4.6), what the
 * ledger still has to be told, and its open billing cases. Pure. Owns shapes and the questions about them; what changes
 * them is in the files named for the change.
 */
import type { LedgerRequest, QuoteView, ReviewView, SubscriptionFact } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import type { Period } from "./period.ts"
import type { Proration } from "./proration.ts"
import type { Offering, PlanTerms } from "./terms.ts"

/** What a renewal charges: terms of its instant, and a price that may be lower than theirs (R0.3). */
export interface RenewalTerms {
  readonly terms: PlanTerms
  readonly price: Nano
}

/** R5.4. `since` is the boundary at which the renewal was due. */
export interface PastDue {
  readonly since: Instant
  readonly renewal: RenewalTerms
  /** Null: none until the card changes. */
  readonly nextAttemptAt: Instant | null
  readonly code: FailureCode
  /** For the customer. */
  readonly reason: string
  /** The card that did not pay last, by the processor's id. Null, absent: not known, or there was none. */
  readonly methodId?: string | null
}

export interface Downgrade extends Offering {
  /** As it was when support scheduled it: what the customer was told (R0.3). */
  readonly price: Nano
}

/** The price a customer was told before a renewal (R0.3). */
export interface Reminder extends Offering {
  readonly price: Nano
}

export interface PaidSubscription {
  readonly kind: "paid"
  readonly id: string
  readonly terms: PlanTerms
  readonly period: Period
  /** Worth of the period, nano-USD (R4.2). */
  readonly paidValue: Nano
  /** Obligation whose charge pays for the period. */
  readonly paidBy: string
  /** Bought at the first-month offer, and its end is still to be told with the reminder (R11). */
  readonly offerEndsUntold: boolean
  /** Number of the next paid period, which names its obligation (R10.1). Never used twice. */
  readonly nextNumber: number
  /** Attempts made to charge it. */
  readonly attempts: number
  /** What opened the lot of the cycle that runs, and the lot once the ledger has named it. */
  readonly lot: { readonly cause: string; readonly id: string | null }
  /** The money for the period was given back: it ends when that lot is there and no payment is undecided. */
  readonly isRefunded?: true
  /** Null: sent. */
  readonly remindAt: Instant | null
  readonly reminder: Reminder | null
  readonly cancelAtPeriodEnd: boolean
  readonly downgrade: Downgrade | null
  readonly pastDue: PastDue | null
}

/** Access without card and credit, given by support; `until` null: until support ends it. */
export interface ComplimentarySubscription {
  readonly kind: "complimentary"
  readonly id: string
  readonly plan: string
  readonly name: string
  readonly rank: number
  readonly hostedModels: boolean
  readonly since: Instant
  readonly until: Instant | null
}

export type FailureCode = "payment_declined" | "payment_method_required" | "quote_stale" | "payment_being_confirmed"

/** Why a charge definitely did not happen. */
export interface Failure {
  readonly code: FailureCode
  /** For the customer. */
  readonly detail: string
  readonly chargeId: string | null
  /** Not worth another attempt until the card changes (R5.4). */
  readonly isFinal: boolean
  /** The card that did not pay, by the processor's id. Absent: no card's no. */
  readonly methodId?: string | null
}

/** R4.4: what a customer was told, kept so that confirming charges exactly that. */
export interface Quote {
  readonly id: string
  readonly at: Instant
  readonly expiresAt: Instant
  readonly action: "new" | "upgrade"
  readonly terms: PlanTerms
  readonly atOffer: boolean
  readonly proration: Proration
  /** Of the subscription it was made for; another one now: stale. */
  readonly revision: number
  /** End of the credit cycle it was made in; from then on it is stale. */
  readonly cycleEnd: Instant | null
  readonly view: QuoteView
  /** Charges asked for it so far. */
  readonly attempts: number
  readonly result: { readonly done: true } | { readonly done: false; readonly failure: Failure } | null
}

/**
 * `planned`: is there a card? `closing`: an obligation is being closed. `charging`: payments was asked. `confirming`:
 * not decided, the fact will tell. `action_required`: the customer must authenticate. `looking`: that took too long,
 * payments is asked how it ended. `granting`: paid, and the ledger is being told.
 */
export type OperationPhase =
  | "planned"
  | "closing"
  | "charging"
  | "confirming"
  | "action_required"
  | "looking"
  | "granting"

export interface Closing {
  readonly obligation: string
  readonly next: "charge" | "fail" | "end"
  /** How often more was asked, after the first time, because something was told meanwhile. */
  readonly again?: number
}

/** The one charge in flight (R4.6). */
export interface Operation {
  readonly kind: "purchase" | "renewal" | "upgrade"
  readonly phase: OperationPhase
  readonly obligation: string
  readonly attempt: number
  readonly amountCents: number
  /** The customer is there and can authenticate. */
  readonly present: boolean
  readonly since: Instant
  readonly chargeId: string | null
  readonly action: { readonly clientSecret: string; readonly expiresAt: Instant } | null
  /** Of a purchase or an upgrade. */
  readonly quote: Quote | null
  /** Of a renewal. */
  readonly renewal: RenewalTerms | null
  /** What is closed, and what follows when it is. */
  readonly closing: Closing | null
  /** Until when the ledger answers `renewal_in_progress`, and for how long it was last told, ms. Null: not told. */
  readonly mark: { readonly until: Instant; readonly length: number } | null
  /** The customer canceled while this upgrade was undecided: its success does not resume. */
  readonly cancelRequested: boolean
  /** This attempt was told as failed before: a renewal that waits for authentication. One mail an attempt. */
  readonly wasTold: boolean
  /** A new card came meanwhile: a failure of this attempt is followed by another at once (R5.4). */
  readonly cardChanged: boolean
  /** That card, by the processor's id: perhaps this attempt was made with it already. Absent: not known. */
  readonly newMethodId?: string | null
}

export type LedgerCommand = Extract<LedgerRequest, { op: "grant" | "revoke" | "exchange" | "entitle" | "mark" }>

/** What happened, to be told with the view of its commit. */
export interface Happened {
  readonly kind: SubscriptionFact["kind"]
  /** Unique among this kind for the account: with it the id of the fact. */
  readonly cause: string
  readonly detail: SubscriptionFact["detail"]
}

/** One entry group for the ledger, repeated by its id until it is answered. In order: one at a time. */
export interface LedgerWork {
  readonly id: string
  readonly commands: ReadonlyArray<LedgerCommand>
  /** Cause of the lot it opens; null: opens none. */
  readonly lot: string | null
  /** Of an upgrade: the lot that credit is taken back from, should it expire before (R4.3). */
  readonly oldLot: { readonly id: string; readonly endsAt: Instant } | null
  /** The operation that is done with it. */
  readonly obligation: string | null
  /** Told once it is done: whoever hears of a period finds its credit. */
  readonly facts: ReadonlyArray<Happened>
}

/** R5.2: a case that waits for support. */
export interface OpenCase {
  readonly row: ReviewView
  /** Payments is still asked for what support looks at first. */
  readonly gathering: boolean
}

export interface State {
  readonly account: string
  /** Counts the changes that make a quote stale. */
  readonly revision: number
  /** The account's entry number after the last work the ledger answered: a wallet read before it is too old. */
  readonly ledgerSeq: number
  /** Id of the subscription that the next purchase begins, made with the first quote (R4.6). */
  readonly draftId: string | null
  /** Charges asked for its first period so far. */
  readonly draftAttempts: number
  /** The first-month offer: the obligation that claimed it, for ever once that is paid (R3.2). */
  readonly offerClaimedBy: string | null
  readonly subscription: PaidSubscription | ComplimentarySubscription | null
  readonly quotes: ReadonlyArray<Quote>
  readonly operation: Operation | null
  readonly work: ReadonlyArray<LedgerWork>
  readonly cases: ReadonlyArray<OpenCase>
  /** Obligations paid last: a success told again is known. */
  readonly paid: ReadonlyArray<string>
}

export const initialState = (account: string): State => ({
  account,
  revision: 0,
  ledgerSeq: 0,
  draftId: null,
  draftAttempts: 0,
  offerClaimedBy: null,
  subscription: null,
  quotes: [],
  operation: null,
  work: [],
  cases: [],
  paid: [],
})

export const paidSubscription = (state: State): PaidSubscription | null =>
  state.subscription?.kind === "paid" ? state.subscription : null

export const renewalObligation = (subscription: PaidSubscription): string =>
  `renewal:${subscription.id}:${subscription.nextNumber}`

/**
 * R4.6: a charge is in flight or its outcome is unknown. A past-due renewal that waits for the customer to authenticate
 * is not: an upgrade or a cancel closes it.
 */
export const isUndecided = (state: State): boolean => {
  const { operation } = state
  if (operation === null) return false
  return !(operation.kind === "renewal" && operation.phase === "action_required")
}

/** free | active | past_due | canceling, as customers see it; complimentary shows as active. */
export const statusOf = (state: State): "free" | "active" | "past_due" | "canceling" => {
  const { subscription } = state
  if (subscription === null) return "free"
  if (subscription.kind === "complimentary") return "active"
  if (subscription.pastDue !== null) return "past_due"
  return subscription.cancelAtPeriodEnd ? "canceling" : "active"
}
