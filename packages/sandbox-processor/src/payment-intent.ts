/**
 * Payment intents: one for each thing that is to be paid, at most one successful charge in its life. A confirmed intent
 * that has succeeded refuses every further confirmation, whatever key it comes under.
 */
import type Stripe from "stripe"
import { chargeOutcome } from "./card.ts"
import { chargeFailed, chargeSucceeded } from "./charge.ts"
import { AUTHENTICATION_REQUIRED, authenticationFailed, type CardNo, declineError } from "./decline.ts"
import { openDispute } from "./dispute.ts"
import { idOf } from "./object.ts"
import { checkAmount, checkCurrency, mergeMetadata } from "./parameter.ts"
import { attachTo, cardOfMethod, methodForIntent } from "./payment-method.ts"
import { cardRefused, type ErrorBody, invalidValue, unexpectedState } from "./refusal.ts"
import type { Work } from "./work.ts"

type CardOptions = Stripe.PaymentIntentCreateParams.PaymentMethodOptions["card"]

const optionsOf = (options: CardOptions): Stripe.PaymentIntent.PaymentMethodOptions => {
  const given = options === "" || options === null ? undefined : options
  const usage = given?.stored_credential_usage
  return {
    card: {
      installments: null,
      mandate_options: null,
      network: null,
      request_three_d_secure: given?.request_three_d_secure ?? "automatic",
      ...(usage === undefined || usage === "" || usage === null ? {} : { stored_credential_usage: usage }),
    },
  }
}

const build = (work: Work, params: Stripe.PaymentIntentCreateParams, currency: string): Stripe.PaymentIntent => {
  const id = work.newId("payment_intent")
  return {
    id,
    object: "payment_intent",
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount: params.amount,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods:
      params.automatic_payment_methods?.enabled === true ? { enabled: true, allow_redirects: "never" } : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic_async",
    client_secret: work.clientSecret(id),
    confirmation_method: "automatic",
    created: work.created,
    currency,
    customer: params.customer ?? null,
    customer_account: null,
    description: params.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: mergeMetadata(null, params.metadata),
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: optionsOf(params.payment_method_options?.card),
    payment_method_types: ["card"],
    payment_record: null,
    processing: null,
    receipt_email: params.receipt_email ?? null,
    review: null,
    setup_future_usage: params.setup_future_usage ?? null,
    shipping: (params.shipping as Stripe.PaymentIntent.Shipping | undefined) ?? null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: params.statement_descriptor_suffix ?? null,
    status: "requires_payment_method",
    transfer_group: null,
  }
}

/** How a confirmation comes. */
interface Confirmation {
  /** The customer is not there to act. */
  readonly offSession: boolean
  /** The customer has just acted. */
  readonly authenticated: boolean
  readonly returnUrl?: string | undefined
}

export const createPaymentIntent = (work: Work, params: Stripe.PaymentIntentCreateParams): Stripe.PaymentIntent => {
  checkAmount(params.amount)
  const currency = checkCurrency(params.currency)
  if (params.customer !== undefined) work.get("customer", params.customer, "customer")
  if (params.confirm !== true && params.off_session !== undefined) {
    throw invalidValue("You can only pass `off_session` when `confirm` is true.", "off_session")
  }
  let intent = build(work, params, currency)
  if (params.payment_method !== undefined) {
    const method = methodForIntent(work, params.payment_method, params.customer ?? null)
    intent = { ...intent, payment_method: method.id, status: "requires_confirmation" }
  }
  work.save(intent)
  work.emit("payment_intent.created", intent)
  if (params.confirm !== true) return intent
  return confirm(work, intent, {
    offSession: params.off_session === true,
    authenticated: false,
    returnUrl: params.return_url,
  })
}

/**
 * New terms before a confirmation. What the last confirmation came to is forgotten, as Stripe's types promise: an error
 * on an intent is always one of its present terms.
 */
export const updatePaymentIntent = (
  work: Work,
  id: string,
  params: Stripe.PaymentIntentUpdateParams,
): Stripe.PaymentIntent => {
  const intent = work.get("payment_intent", id, "intent", true)
  if (!CONFIRMABLE.includes(intent.status)) {
    throw unexpectedState(
      intent,
      `This PaymentIntent could not be updated because it has a status of ${intent.status}. You may only update a ` +
        "PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, " +
        "requires_action.",
    )
  }
  if (params.amount !== undefined) checkAmount(params.amount)
  const given = params.payment_method
  const method = given === undefined ? null : methodForIntent(work, given, idOf(intent.customer)).id
  return work.save<Stripe.PaymentIntent>({
    ...intent,
    amount: params.amount ?? intent.amount,
    description: params.description ?? intent.description,
    metadata: mergeMetadata(intent.metadata, params.metadata),
    last_payment_error: null,
    ...(method === null ? {} : { payment_method: method, status: "requires_confirmation" as const, next_action: null }),
  })
}

const CONFIRMABLE = ["requires_payment_method", "requires_confirmation", "requires_action"]

export const confirmPaymentIntent = (
  work: Work,
  id: string,
  params: Stripe.PaymentIntentConfirmParams,
): Stripe.PaymentIntent => {
  const intent = work.get("payment_intent", id, "intent", true)
  if (!CONFIRMABLE.includes(intent.status)) {
    const message =
      intent.status === "succeeded"
        ? "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        : `You cannot confirm this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent ` +
          "with one of the following statuses may be confirmed: requires_confirmation, requires_action."
    throw unexpectedState(intent, message)
  }
  const options = params.payment_method_options?.card
  const ready: Stripe.PaymentIntent = {
    ...intent,
    ...(params.payment_method === undefined
      ? {}
      : { payment_method: methodForIntent(work, params.payment_method, idOf(intent.customer)).id }),
    ...(options === undefined ? {} : { payment_method_options: optionsOf(options) }),
  }
  return confirm(work, ready, {
    offSession: params.off_session === true,
    authenticated: false,
    returnUrl: params.return_url,
  })
}

const confirm = (work: Work, intent: Stripe.PaymentIntent, how: Confirmation): Stripe.PaymentIntent => {
  const methodId = idOf(intent.payment_method)
  if (methodId === null) {
    throw unexpectedState(
      intent,
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the " +
        "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a " +
        "payment method or ConfirmationToken.",
    )
  }
  const method = methodForIntent(work, methodId, idOf(intent.customer))
  const card = cardOfMethod(work, method)
  const expiry = { month: method.card!.exp_month, year: method.card!.exp_year }
  const outcome = chargeOutcome(card, expiry, work.nowMs, work.card(method).charges, how.authenticated)
  switch (outcome.kind) {
    case "approved":
      return succeed(work, intent, method, how.authenticated)
    case "declined":
      return decline(work, intent, method, outcome.decline)
    case "authenticate":
      if (how.offSession) return decline(work, intent, method, AUTHENTICATION_REQUIRED)
      return wait(work, intent, how.returnUrl)
  }
}

const succeed = (
  work: Work,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  authenticated: boolean,
): Stripe.PaymentIntent => {
  const state = work.card(method)
  const { behaviour } = cardOfMethod(work, method)
  const charge = chargeSucceeded(work, intent, method, authenticated)
  const paid = work.save<Stripe.PaymentIntent>({
    ...intent,
    status: "succeeded",
    amount_received: intent.amount,
    latest_charge: charge.id,
    last_payment_error: null,
    next_action: null,
    payment_method: method.id,
  })
  work.emit("payment_intent.succeeded", paid)
  const customer = idOf(intent.customer)
  const kept = customer !== null && intent.setup_future_usage !== null ? attachTo(work, method, customer) : method
  const usedUp = kept.customer === null
  // A card that never behaves differently needs no count, and each count is a row written.
  if (usedUp || behaviour.declinesFrom === "second" || behaviour.answersLost !== undefined) {
    work.saveCard(kept, { ...state, charges: state.charges + 1, spent: usedUp })
  }
  if (state.charges === 0) work.answersLost = behaviour.answersLost ?? 0
  if (behaviour.disputed === true) openDispute(work, charge, "fraudulent")
  return paid
}

/** @throws always: the 402 with the intent as the decline left it. */
const decline = (work: Work, intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod, no: CardNo): never => {
  const charge = chargeFailed(work, intent, method, no)
  const error = declineError(no, { method, charge: charge.id })
  throw cardRefused(error, fail(work, { ...intent, latest_charge: charge.id }, error))
}

/** After a failed attempt the intent has no payment method any more: the next attempt names one. */
const fail = (work: Work, intent: Stripe.PaymentIntent, error: ErrorBody): Stripe.PaymentIntent => {
  const failed = work.save<Stripe.PaymentIntent>({
    ...intent,
    status: "requires_payment_method",
    payment_method: null,
    next_action: null,
    last_payment_error: error,
  })
  work.emit("payment_intent.payment_failed", failed)
  return failed
}

const wait = (work: Work, intent: Stripe.PaymentIntent, returnUrl: string | undefined): Stripe.PaymentIntent => {
  const waiting = work.save<Stripe.PaymentIntent>({
    ...intent,
    status: "requires_action",
    last_payment_error: null,
    next_action:
      returnUrl === undefined
        ? { type: "use_stripe_sdk", use_stripe_sdk: { type: "three_d_secure_redirect" } }
        : { type: "redirect_to_url", redirect_to_url: { return_url: returnUrl, url: null } },
  })
  work.emit("payment_intent.requires_action", waiting)
  return waiting
}

/**
 * What the customer's browser does: acts on `requires_action`, or confirms on-session, with the same card, an intent
 * whose off-session charge asked for the customer.
 */
export const authenticatePaymentIntent = (work: Work, id: string, succeeded: boolean): Stripe.PaymentIntent => {
  const intent = work.get("payment_intent", id, "intent", true)
  const error = intent.last_payment_error
  const asked = intent.status === "requires_payment_method" && error?.code === "authentication_required"
  const methodId = idOf(asked ? error.payment_method : intent.payment_method)
  if ((intent.status !== "requires_action" && !asked) || methodId === null) {
    throw invalidValue(`${id} is ${intent.status}: nothing to authenticate`)
  }
  const ready: Stripe.PaymentIntent = { ...intent, payment_method: methodId }
  if (succeeded) return confirm(work, ready, { offSession: false, authenticated: true })
  return fail(work, ready, authenticationFailed(work.get("payment_method", methodId, "payment_method"), intent.object))
}

export const cancelPaymentIntent = (
  work: Work,
  id: string,
  params: Stripe.PaymentIntentCancelParams,
): Stripe.PaymentIntent => {
  const intent = work.get("payment_intent", id, "intent", true)
  if (!CONFIRMABLE.includes(intent.status)) {
    throw unexpectedState(
      intent,
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with ` +
        "one of the following statuses may be canceled: requires_payment_method, requires_capture, " +
        "requires_confirmation, requires_action, processing.",
    )
  }
  const canceled = work.save<Stripe.PaymentIntent>({
    ...intent,
    status: "canceled",
    canceled_at: work.created,
    cancellation_reason: params.cancellation_reason ?? null,
    next_action: null,
  })
  work.emit("payment_intent.canceled", canceled)
  return canceled
}
