/**
 * Where a purchase stands, from what the server said: its quote, its answer to the confirmation, and the subscription
 * (R4.4–R4.6, R10.2). Pure. A payment that nobody knows the end of is never shown as failed, and never offered again.
 */
import type { BeingConfirmed, Charge, Quote, Subscription } from "@credits/contracts/http"
import type { Interval } from "../../format/plan.ts"

/** A refusal of the API as far as it matters here; `ApiProblem` is one. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly isTransient: boolean
  readonly extras: Readonly<Record<string, unknown>>
}

/** What an answer to the confirmation means. */
export type Outcome =
  | { readonly kind: "paid" }
  /** Undecided: the subscription tells how it ends. */
  | { readonly kind: "undecided"; readonly chargeId: string | null }
  | { readonly kind: "declined"; readonly detail: string }
  /** Nothing was charged; a new quote is needed. */
  | { readonly kind: "requote"; readonly why: "expired" | "stale" }
  | { readonly kind: "card_required" }
  /** Nobody answered: the same request may be sent again, and charges once. */
  | { readonly kind: "unanswered"; readonly detail: string }
  | { readonly kind: "refused"; readonly refusal: Refusal }

export const outcomeOfAnswer = (answer: Subscription | BeingConfirmed): Outcome =>
  "code" in answer ? { kind: "undecided", chargeId: answer.chargeId } : { kind: "paid" }

const chargeIdOf = ({ extras }: Refusal): string | null =>
  typeof extras["chargeId"] === "string" ? extras["chargeId"] : null

export const outcomeOfRefusal = (refusal: Refusal): Outcome => {
  switch (refusal.code) {
    case "payment_being_confirmed":
    case "payment_action_required":
      return { kind: "undecided", chargeId: chargeIdOf(refusal) }
    case "payment_declined":
      return { kind: "declined", detail: refusal.message }
    case "quote_expired":
      return { kind: "requote", why: "expired" }
    case "quote_stale":
    case "not_found":
      return { kind: "requote", why: "stale" }
    case "payment_method_required":
      return { kind: "card_required" }
    default:
      if (refusal.isTransient) return { kind: "unanswered", detail: refusal.message }
      return { kind: "refused", refusal }
  }
}

/** Answers after which another confirmation is another attempt, and needs another key. */
export const isDecided = (outcome: Outcome): boolean => outcome.kind !== "undecided" && outcome.kind !== "unanswered"

type Pending = NonNullable<Subscription["pendingPayment"]>

export interface Wanted {
  readonly plan: string
  readonly interval: Interval
}

export interface Known {
  readonly wanted: Wanted
  readonly subscription: Subscription | undefined
  /** Undefined while it is being asked for. */
  readonly quote: Quote | Refusal | undefined
  readonly isPaying: boolean
  readonly outcome: Outcome | null
  /** A payment was seen undecided here. */
  readonly isAwaited: boolean
}

export type Phase =
  | { readonly name: "quoting" }
  | { readonly name: "offered"; readonly quote: Quote }
  | { readonly name: "paying"; readonly quote: Quote }
  | { readonly name: "pending"; readonly payment: Pending | null }
  | { readonly name: "bought"; readonly subscription: Subscription; readonly isNew: boolean }
  | { readonly name: "refused"; readonly refusal: Refusal }

export const hasBought = ({ plan, interval }: Wanted, subscription: Subscription | undefined): boolean =>
  subscription !== undefined &&
  !subscription.complimentary &&
  subscription.plan === plan &&
  subscription.interval === interval &&
  subscription.pastDue === null

const isRefusal = (quote: Quote | Refusal): quote is Refusal => "code" in quote

export const phaseOf = (known: Known): Phase => {
  const { subscription, quote, outcome, wanted } = known
  const payment = subscription?.pendingPayment ?? null
  if (known.isPaying && quote !== undefined && !isRefusal(quote)) return { name: "paying", quote }
  if (payment !== null) return { name: "pending", payment }
  if (subscription !== undefined && hasBought(wanted, subscription)) {
    return { name: "bought", subscription, isNew: outcome?.kind === "paid" || known.isAwaited }
  }
  // Paid or undecided, and the subscription that says so is on its way.
  if (outcome?.kind === "paid" || outcome?.kind === "undecided") return { name: "pending", payment: null }
  if (quote === undefined) return { name: "quoting" }
  if (!isRefusal(quote)) return { name: "offered", quote }
  if (quote.code === "payment_being_confirmed") return { name: "pending", payment: null }
  return { name: "refused", refusal: quote }
}

/** How a payment ended that was undecided and is no longer; null: well, or it was another one's. */
export const endOf = (charge: Charge | undefined): Outcome | null => {
  switch (charge?.status) {
    case "declined":
    case "canceled":
    case "not_executed":
      return { kind: "declined", detail: charge.declineReason ?? "The payment was not completed; nothing was charged." }
    case "succeeded":
    case "processing":
    case "being_confirmed":
    case "action_required":
    case undefined:
      return null
  }
}

/** "9:05" of what is left; never negative. */
export const clockText = (ms: number): string => {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}
