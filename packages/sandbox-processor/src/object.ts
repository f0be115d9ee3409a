/** The objects the processor keeps, typed by the `stripe` package: their id prefixes and what they are found by. */
import type Stripe from "stripe"

export type ApiObject =
  | Stripe.Customer
  | Stripe.PaymentMethod
  | Stripe.SetupIntent
  | Stripe.PaymentIntent
  | Stripe.Charge
  | Stripe.Refund
  | Stripe.Dispute

export type Kind = ApiObject["object"]
export type ObjectOf<K extends Kind> = Extract<ApiObject, { readonly object: K }>

export const API_VERSION = "2026-10-28.endive"

export const PREFIX: Readonly<Record<Kind | "event", string>> = {
  customer: "cus_",
  payment_method: "pm_",
  setup_intent: "seti_",
  payment_intent: "pi_",
  charge: "ch_",
  refund: "re_",
  dispute: "du_",
  event: "evt_",
}

/** The id of what a field holds, expanded or not. */
export const idOf = (value: string | { readonly id: string } | null | undefined): string | null =>
  value === null || value === undefined ? null : typeof value === "string" ? value : value.id

/** Whose object it is; a column, because lists ask for it. */
export const customerOf = (object: ApiObject): string | null =>
  object.object === "customer" || object.object === "dispute" ? null : idOf(object.customer)

/** What else an object is found by: a charge's intent, a refund's charge, our charge id of an intent. */
export const linkOf = (object: ApiObject): string | null => {
  switch (object.object) {
    case "payment_intent":
      return object.metadata["charge_id"] ?? null
    case "charge":
      return idOf(object.payment_intent)
    case "refund":
    case "dispute":
      return idOf(object.charge)
    case "customer":
    case "payment_method":
    case "setup_intent":
      return null
  }
}

/** What the processor knows of a card beyond what it tells. */
export interface CardState {
  readonly token: string
  /** Charges that succeeded. */
  readonly charges: number
  /** Detached, or used up without a customer: may not be used again. */
  readonly spent: boolean
}

/** A line of the processor's own book: money that really moved. */
export interface BookEntry {
  /** The charge, `ch_…`. */
  readonly id: string
  readonly customer: string | null
  /** From the metadata of the intent: `account`, `charge_id`, `obligation`. */
  readonly accountId: string | null
  readonly chargeId: string | null
  readonly obligation: string | null
  readonly amountCents: number
  readonly refundedCents: number
  readonly currency: string
  readonly status: "succeeded" | "refunded" | "disputed"
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string
}
