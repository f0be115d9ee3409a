/** Disputes: a cardholder's bank takes a charge back. Opened through a control call, or by a card that always does. */
import type Stripe from "stripe"
import { invalidValue } from "./refusal.ts"
import type { Work } from "./work.ts"

/** Evidence is due a week after, as with most networks. */
const DUE_SECONDS = 7 * 24 * 3_600

const NO_EVIDENCE: Stripe.Dispute.Evidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
}

const build = (work: Work, charge: Stripe.Charge, reason: string): Stripe.Dispute => ({
  id: work.newId("dispute"),
  object: "dispute",
  amount: charge.amount - charge.amount_refunded,
  balance_transactions: [],
  charge: charge.id,
  created: work.created,
  currency: charge.currency,
  enhanced_eligibility_types: [],
  evidence: NO_EVIDENCE,
  evidence_details: {
    due_by: work.created + DUE_SECONDS,
    enhanced_eligibility: {},
    has_evidence: false,
    past_due: false,
    submission_count: 0,
    submission_method: "manual",
  },
  intended_submission_method: null,
  is_charge_refundable: false,
  livemode: false,
  metadata: {},
  payment_intent: charge.payment_intent,
  payment_method_details: {
    type: "card",
    card: {
      brand: charge.payment_method_details?.card?.brand ?? "visa",
      case_type: "chargeback",
      network: charge.payment_method_details?.card?.network ?? "visa",
      network_reason_code: "10.4",
    },
  },
  reason,
  status: "needs_response",
})

export const openDispute = (work: Work, charge: Stripe.Charge, reason: string): Stripe.Dispute => {
  if (charge.status !== "succeeded" || charge.disputed || charge.refunded) {
    throw invalidValue(`Charge ${charge.id} cannot be disputed: it failed, was refunded, or is disputed already.`)
  }
  const dispute = work.save(build(work, charge, reason))
  work.save<Stripe.Charge>({ ...charge, disputed: true })
  const entry = work.bookEntry(charge.id)
  if (entry !== undefined) work.book({ ...entry, status: "disputed" })
  work.emit("charge.dispute.created", dispute)
  return dispute
}
