/** Charges: one attempt on a card, succeeded or failed. A succeeded one is money, and a line of the book. */
import type Stripe from "stripe"
import type { CardNo } from "./decline.ts"
import { idOf } from "./object.ts"
import type { Work } from "./work.ts"

type MethodDetails = Stripe.Charge.PaymentMethodDetails

const details = (intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod, authenticated: boolean): MethodDetails => {
  const card = method.card!
  const usage = intent.payment_method_options?.card?.stored_credential_usage
  return {
    type: "card",
    card: {
      amount_authorized: intent.amount,
      authorization_code: null,
      brand: card.brand,
      checks: card.checks,
      country: card.country,
      electronic_commerce_indicator: null,
      exp_month: card.exp_month,
      exp_year: card.exp_year,
      fingerprint: card.fingerprint ?? null,
      funding: card.funding,
      installments: null,
      last4: card.last4,
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: "unregulated",
      ...(usage === undefined ? {} : { stored_credential_usage: usage }),
      three_d_secure: authenticated
        ? {
            authentication_flow: "challenge",
            electronic_commerce_indicator: "05",
            exemption_indicator: null,
            result: "authenticated",
            result_reason: null,
            transaction_id: null,
            version: "2.2.0",
          }
        : null,
      transaction_link_id: null,
      wallet: null,
    },
  }
}

const OUTCOME_PAID: Stripe.Charge.Outcome = {
  advice_code: null,
  network_advice_code: null,
  network_decline_code: null,
  network_status: "approved_by_network",
  reason: null,
  risk_level: "normal",
  risk_score: 1,
  seller_message: "Payment complete.",
  type: "authorized",
}

const outcomeOf = (no: CardNo): Stripe.Charge.Outcome => ({
  advice_code: "adviceCode" in no ? no.adviceCode : null,
  network_advice_code: "networkAdviceCode" in no ? (no.networkAdviceCode ?? null) : null,
  network_decline_code: "networkDeclineCode" in no ? no.networkDeclineCode : null,
  network_status: "declined_by_network",
  reason: no.declineCode,
  risk_level: "normal",
  risk_score: 1,
  seller_message: "The bank did not return any further details with this decline.",
  type: "issuer_declined",
})

const build = (
  work: Work,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  result: { readonly no: CardNo } | { readonly authenticated: boolean },
): Stripe.Charge => {
  const no = "no" in result ? result.no : undefined
  return {
    id: work.newId("charge"),
    object: "charge",
    amount: intent.amount,
    amount_captured: no === undefined ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: null,
    captured: no === undefined,
    created: work.created,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: no?.code ?? null,
    failure_message: no?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: no === undefined ? OUTCOME_PAID : outcomeOf(no),
    paid: no === undefined,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: details(intent, method, "authenticated" in result && result.authenticated),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: no === undefined ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: null,
  }
}

/** Money moved: the charge and its line in the book. */
export const chargeSucceeded = (
  work: Work,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  authenticated: boolean,
): Stripe.Charge => {
  const charge = work.save(build(work, intent, method, { authenticated }))
  work.book({
    id: charge.id,
    customer: idOf(intent.customer),
    accountId: intent.metadata["account"] ?? null,
    chargeId: intent.metadata["charge_id"] ?? null,
    obligation: intent.metadata["obligation"] ?? null,
    amountCents: charge.amount,
    refundedCents: 0,
    currency: charge.currency,
    status: "succeeded",
    at: new Date(work.nowMs).toISOString(),
  })
  work.emit("charge.succeeded", charge)
  return charge
}

/** No money moved. */
export const chargeFailed = (
  work: Work,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  no: CardNo,
): Stripe.Charge => {
  const charge = work.save(build(work, intent, method, { no }))
  work.emit("charge.failed", charge)
  return charge
}
