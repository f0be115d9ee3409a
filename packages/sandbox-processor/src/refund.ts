/** Refunds: money given back, at most what was charged. */
import type Stripe from "stripe"
import { idOf } from "./object.ts"
import { mergeMetadata } from "./parameter.ts"
import { invalidValue, invalidWithCode, parameterMissing } from "./refusal.ts"
import type { Work } from "./work.ts"

const chargeToRefund = (work: Work, params: Stripe.RefundCreateParams): Stripe.Charge => {
  if (params.charge !== undefined) return work.get("charge", params.charge, "charge")
  if (params.payment_intent === undefined) throw parameterMissing("charge")
  const intent = work.get("payment_intent", params.payment_intent, "payment_intent")
  const charge = intent.status === "succeeded" ? idOf(intent.latest_charge) : null
  if (charge === null) {
    throw invalidValue(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`)
  }
  return work.get("charge", charge, "charge")
}

const usd = (cents: number): string => `$${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`

export const createRefund = (work: Work, params: Stripe.RefundCreateParams): Stripe.Refund => {
  const charge = chargeToRefund(work, params)
  const left = charge.amount - charge.amount_refunded
  if (charge.status !== "succeeded") throw invalidValue(`Charge ${charge.id} has not succeeded.`, "charge")
  if (charge.disputed) {
    throw invalidWithCode("charge_disputed", `Charge ${charge.id} has been charged back; cannot issue a refund.`)
  }
  if (left === 0) {
    throw invalidWithCode("charge_already_refunded", `Charge ${charge.id} has already been refunded.`)
  }
  const amount = params.amount ?? left
  if (amount < 1) throw invalidValue("Invalid positive integer", "amount")
  if (amount > left) {
    const message = `Refund amount (${usd(amount)}) is greater than unrefunded amount on charge (${usd(left)})`
    throw invalidValue(message, "amount")
  }
  const refund = work.save(build(work, charge, amount, params))
  const refunded = work.save<Stripe.Charge>({
    ...charge,
    amount_refunded: charge.amount_refunded + amount,
    refunded: amount === left,
  })
  const entry = work.bookEntry(charge.id)
  if (entry !== undefined) {
    const status = amount === left ? "refunded" : entry.status
    work.book({ ...entry, refundedCents: entry.refundedCents + amount, status })
  }
  work.emit("refund.created", refund)
  work.emit("charge.refunded", refunded)
  return refund
}

const build = (
  work: Work,
  charge: Stripe.Charge,
  amount: number,
  params: Stripe.RefundCreateParams,
): Stripe.Refund => ({
  id: work.newId("refund"),
  object: "refund",
  amount,
  balance_transaction: null,
  charge: charge.id,
  created: work.created,
  currency: charge.currency,
  customer: charge.customer,
  customer_account: null,
  destination_details: { type: "card", card: { type: "refund" } },
  metadata: mergeMetadata(null, params.metadata),
  payment_intent: charge.payment_intent,
  payment_method: charge.payment_method,
  reason: params.reason ?? null,
  receipt_number: null,
  source_transfer_reversal: null,
  status: "succeeded",
  transfer_reversal: null,
})
