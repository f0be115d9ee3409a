/**
 * What is known of the processor's payment intent: one for each obligation for ever, at most one successful charge in
 * its life. Reads a snapshot of it into what it means for us. Every word of the processor's is an open set: an unknown
 * one means "look again", never "failed". Pure.
 */
import { type CardError, needsAuthentication } from "./decline.ts"

/** The intent as the processor last showed it. */
export interface IntentSnapshot {
  readonly id: string
  readonly clientSecret: string
  readonly status: string
  /** Whole cents. */
  readonly amountCents: number
  readonly receivedCents: number
  /** From our own metadata; null: not one of ours. */
  readonly chargeId: string | null
  readonly obligation: string | null
  /** The attempt whose terms the intent holds. */
  readonly attempt: number | null
  /** Of the last confirmation; the processor clears it when the intent is updated. */
  readonly error: CardError | null
  /** Wholly given back. */
  readonly refunded: boolean
  readonly disputed: boolean
}

export type Verdict =
  | { readonly kind: "succeeded" }
  | { readonly kind: "canceled" }
  | { readonly kind: "declined"; readonly error: CardError }
  /** The customer has to act. */
  | { readonly kind: "action_required" }
  /** No confirmation of the present terms has been executed. */
  | { readonly kind: "unconfirmed" }
  /** Being decided, or a word we do not know. */
  | { readonly kind: "undecided" }

export const verdictOf = (snapshot: IntentSnapshot): Verdict => {
  switch (snapshot.status) {
    case "succeeded":
    case "canceled":
      return { kind: snapshot.status }
    case "requires_action":
      return { kind: "action_required" }
    case "requires_confirmation":
      return { kind: "unconfirmed" }
    case "requires_payment_method":
      return snapshot.error === null ? { kind: "unconfirmed" } : verdictOfError(snapshot.error)
    default:
      return { kind: "undecided" }
  }
}

export const verdictOfError = (error: CardError): Verdict =>
  needsAuthentication(error) ? { kind: "action_required" } : { kind: "declined", error }
