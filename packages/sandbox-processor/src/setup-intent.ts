/** Set-up intents: a card becomes a customer's for later charges. */
import type Stripe from "stripe"
import { setUpDecline } from "./card.ts"
import { authenticationFailed, declineError } from "./decline.ts"
import { idOf } from "./object.ts"
import { mergeMetadata } from "./parameter.ts"
import { attachTo, cardOfMethod, methodForIntent } from "./payment-method.ts"
import { cardRefused, invalidValue, unexpectedState } from "./refusal.ts"
import type { Work } from "./work.ts"

const build = (id: string, work: Work, params: Stripe.SetupIntentCreateParams): Stripe.SetupIntent => ({
  id,
  object: "setup_intent",
  allowed_payment_method_types: params.allowed_payment_method_types ?? null,
  application: null,
  automatic_payment_methods: null,
  cancellation_reason: null,
  client_secret: work.clientSecret(id),
  created: work.created,
  customer: params.customer ?? null,
  customer_account: null,
  description: params.description ?? null,
  excluded_payment_method_types: null,
  flow_directions: null,
  last_setup_error: null,
  latest_attempt: null,
  livemode: false,
  managed_payments: null,
  mandate: null,
  metadata: mergeMetadata(null, params.metadata),
  next_action: null,
  on_behalf_of: null,
  payment_method: null,
  payment_method_configuration_details: null,
  payment_method_options: {
    card: {
      mandate_options: null,
      network: null,
      request_three_d_secure: "automatic",
      ...(params.payment_method_options?.card?.setup_credential_usage === undefined
        ? {}
        : { setup_credential_usage: params.payment_method_options.card.setup_credential_usage }),
    },
  },
  payment_method_types: ["card"],
  single_use_mandate: null,
  status: "requires_payment_method",
  usage: params.usage ?? "off_session",
})

export const createSetupIntent = (work: Work, params: Stripe.SetupIntentCreateParams): Stripe.SetupIntent => {
  if (params.customer !== undefined) work.get("customer", params.customer, "customer")
  const id = work.newId("setup_intent")
  let intent = build(id, work, params)
  if (params.payment_method !== undefined) {
    const method = methodForIntent(work, params.payment_method, params.customer ?? null)
    intent = { ...intent, payment_method: method.id, status: "requires_confirmation" }
  }
  work.save(intent)
  work.emit("setup_intent.created", intent)
  return params.confirm === true ? confirm(work, intent, params.return_url) : intent
}

export const confirmSetupIntent = (
  work: Work,
  id: string,
  params: Stripe.SetupIntentConfirmParams,
): Stripe.SetupIntent => {
  const intent = work.get("setup_intent", id, "intent", true)
  if (intent.status === "succeeded" || intent.status === "canceled") {
    const message =
      intent.status === "succeeded"
        ? "You cannot confirm this SetupIntent because it has already succeeded."
        : "You cannot confirm this SetupIntent because it has a status of canceled."
    throw unexpectedState(intent, message)
  }
  if (params.payment_method === undefined) return confirm(work, intent, params.return_url)
  const method = methodForIntent(work, params.payment_method, idOf(intent.customer))
  return confirm(work, { ...intent, payment_method: method.id }, params.return_url)
}

const methodOf = (work: Work, intent: Stripe.SetupIntent): Stripe.PaymentMethod => {
  const id = idOf(intent.payment_method)
  if (id === null) {
    throw unexpectedState(intent, "You cannot confirm this SetupIntent because it's missing a payment method.")
  }
  return work.get("payment_method", id, "payment_method")
}

const confirm = (work: Work, intent: Stripe.SetupIntent, returnUrl: string | undefined): Stripe.SetupIntent => {
  const method = methodOf(work, intent)
  const card = cardOfMethod(work, method)
  if (card.behaviour.setUp === "declined") {
    const error = declineError(setUpDecline(card), { method })
    throw cardRefused(error, fail(work, intent, error))
  }
  if (card.behaviour.setUp === "saved") return succeed(work, intent, method)
  const waiting = work.save<Stripe.SetupIntent>({
    ...intent,
    status: "requires_action",
    next_action:
      returnUrl === undefined
        ? { type: "use_stripe_sdk", use_stripe_sdk: { type: "three_d_secure_redirect" } }
        : { type: "redirect_to_url", redirect_to_url: { return_url: returnUrl, url: null } },
  })
  work.emit("setup_intent.requires_action", waiting)
  return waiting
}

const succeed = (work: Work, intent: Stripe.SetupIntent, method: Stripe.PaymentMethod): Stripe.SetupIntent => {
  const customer = idOf(intent.customer)
  if (customer !== null) attachTo(work, method, customer)
  const done = work.save<Stripe.SetupIntent>({
    ...intent,
    status: "succeeded",
    payment_method: method.id,
    next_action: null,
    last_setup_error: null,
  })
  work.emit("setup_intent.succeeded", done)
  return done
}

const fail = (work: Work, intent: Stripe.SetupIntent, error: Stripe.SetupIntent.LastSetupError): Stripe.SetupIntent => {
  const failed = work.save<Stripe.SetupIntent>({
    ...intent,
    status: "requires_payment_method",
    payment_method: null,
    next_action: null,
    last_setup_error: error,
  })
  work.emit("setup_intent.setup_failed", failed)
  return failed
}

/** What the customer's browser does with `requires_action`. */
export const authenticateSetupIntent = (work: Work, id: string, succeeded: boolean): Stripe.SetupIntent => {
  const intent = work.get("setup_intent", id, "intent", true)
  if (intent.status !== "requires_action") throw invalidValue(`${id} is ${intent.status}: nothing to authenticate`)
  const method = methodOf(work, intent)
  return succeeded ? succeed(work, intent, method) : fail(work, intent, authenticationFailed(method, "setup_intent"))
}

export const cancelSetupIntent = (
  work: Work,
  id: string,
  params: Stripe.SetupIntentCancelParams,
): Stripe.SetupIntent => {
  const intent = work.get("setup_intent", id, "intent", true)
  if (intent.status === "succeeded" || intent.status === "canceled") {
    throw unexpectedState(
      intent,
      `You cannot cancel this SetupIntent because it has a status of ${intent.status}. Only a SetupIntent with one ` +
        "of the following statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.",
    )
  }
  const canceled = work.save<Stripe.SetupIntent>({
    ...intent,
    status: "canceled",
    next_action: null,
    cancellation_reason: params.cancellation_reason ?? null,
  })
  work.emit("setup_intent.canceled", canceled)
  return canceled
}
