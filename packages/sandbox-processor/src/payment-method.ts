/** Payment methods: a card behind a token, of a customer once attached, of nobody ever again once detached. */
import type Stripe from "stripe"
import { type Card, cardOfTestMethod, cardOfToken, expiryOf, faceOf, setUpDecline } from "./card.ts"
import { declineError } from "./decline.ts"
import { idOf } from "./object.ts"
import { mergeMetadata } from "./parameter.ts"
import { cardRefused, invalidValue, parameterMissing, resourceMissing } from "./refusal.ts"
import type { Work } from "./work.ts"

const NOT_AGAIN =
  "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, " +
  "and may not be used again."

const build = (id: string, created: number, card: Card, expiry: ReturnType<typeof expiryOf>): Stripe.PaymentMethod => {
  const { brand } = card.behaviour
  const { last4, fingerprint } = faceOf(card)
  return {
    id,
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    card: {
      brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
      country: "US",
      display_brand: brand,
      exp_month: expiry.month,
      exp_year: expiry.year,
      fingerprint,
      funding: "credit",
      generated_from: null,
      last4,
      networks: { available: [brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: "card",
  }
}

const make = (work: Work, card: Card): Stripe.PaymentMethod => {
  const id = work.newId("payment_method")
  const method = build(id, work.created, card, expiryOf(card, work.nowMs))
  work.saveCard(method, { token: card.token, charges: 0, spent: false })
  return method
}

export const createPaymentMethod = (work: Work, params: Stripe.PaymentMethodCreateParams): Stripe.PaymentMethod => {
  if (params.type !== "card") throw invalidValue("Invalid type: the sandbox knows cards only", "type")
  // Card numbers never reach it (R10.3): only what a card element made of one.
  const token = params.card?.token
  if (token === undefined) throw parameterMissing("card[token]")
  const card = cardOfToken(token)
  if (card === undefined) throw resourceMissing("token", token, "card[token]", false)
  const method = make(work, card)
  if (params.metadata === undefined) return method
  return work.save({ ...method, metadata: mergeMetadata(null, params.metadata) })
}

/** The card behind a payment method. */
export const cardOfMethod = (work: Work, method: Stripe.PaymentMethod): Card => {
  const card = cardOfToken(work.card(method).token)
  if (card === undefined) throw resourceMissing("payment_method", method.id, "payment_method", false)
  return card
}

/** A payment method by its id; a test name (`pm_card_visa`) becomes a new one. */
export const usePaymentMethod = (work: Work, id: string, param: string, inPath = false): Stripe.PaymentMethod => {
  const card = cardOfTestMethod(id)
  if (card !== undefined) return make(work, card)
  const method = work.get("payment_method", id, param, inPath)
  if (work.card(method).spent) throw invalidValue(NOT_AGAIN, param)
  return method
}

/**
 * A payment method that may be charged or set up for this customer.
 * @throws Refusal when it belongs to another customer, or to one that the intent does not name.
 */
export const methodForIntent = (work: Work, id: string, customer: string | null): Stripe.PaymentMethod => {
  const method = usePaymentMethod(work, id, "payment_method")
  const owner = idOf(method.customer)
  if (owner === null || owner === customer) return method
  const message =
    customer === null
      ? `The PaymentMethod ${id} belongs to a Customer. Please include the Customer in the \`customer\` parameter.`
      : `The PaymentMethod ${id} does not belong to the Customer ${customer}. ` +
        "Please use this PaymentMethod with the Customer that it belongs to instead."
  throw invalidValue(message, "payment_method")
}

/** Belongs to the customer from now on; nothing happens when it already does. */
export const attachTo = (work: Work, method: Stripe.PaymentMethod, customer: string): Stripe.PaymentMethod => {
  if (idOf(method.customer) === customer) return method
  const attached = work.save({ ...method, customer })
  work.emit("payment_method.attached", attached)
  return attached
}

export const attachPaymentMethod = (
  work: Work,
  id: string,
  params: Stripe.PaymentMethodAttachParams,
): Stripe.PaymentMethod => {
  if (params.customer === undefined) throw parameterMissing("customer")
  const { id: customer } = work.get("customer", params.customer, "customer")
  const method = usePaymentMethod(work, id, "payment_method", true)
  const owner = idOf(method.customer)
  if (owner !== null && owner !== customer) {
    throw invalidValue("The payment method you provided has already been attached to a customer.", "payment_method")
  }
  const card = cardOfMethod(work, method)
  if (card.behaviour.setUp === "declined") throw cardRefused(declineError(setUpDecline(card), { method }))
  return attachTo(work, method, customer)
}

export const detachPaymentMethod = (work: Work, id: string): Stripe.PaymentMethod => {
  const method = work.get("payment_method", id, "payment_method", true)
  if (method.customer === null) {
    throw invalidValue(
      "The payment method you provided is not attached to a customer so detachment is impossible.",
      "payment_method",
    )
  }
  const detached: Stripe.PaymentMethod = { ...method, customer: null }
  work.saveCard(detached, { ...work.card(method), spent: true })
  work.emit("payment_method.detached", detached)
  return detached
}
