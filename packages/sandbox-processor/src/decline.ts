/** A card's no in Stripe's words: the error of a charge, of an intent and of a 402 are one body. */
import type Stripe from "stripe"
import type { Decline } from "./card.ts"
import { cardErrorDocUrl, type ErrorBody } from "./refusal.ts"

/** A charge off-session that the issuer answers only to a customer who is there. */
export const AUTHENTICATION_REQUIRED = {
  code: "authentication_required",
  declineCode: "authentication_required",
  message: "Your card was declined. This transaction requires authentication.",
} as const

export type CardNo = Decline | typeof AUTHENTICATION_REQUIRED

export const declineError = (
  no: CardNo,
  about: { readonly method: Stripe.PaymentMethod; readonly charge?: string },
): ErrorBody => ({
  type: "card_error",
  code: no.code,
  decline_code: no.declineCode,
  doc_url: cardErrorDocUrl(no.code),
  message: no.message,
  ...("adviceCode" in no ? { advice_code: no.adviceCode, network_decline_code: no.networkDeclineCode } : {}),
  ...("networkAdviceCode" in no && no.networkAdviceCode !== undefined
    ? { network_advice_code: no.networkAdviceCode }
    : {}),
  ...(about.charge === undefined ? {} : { charge: about.charge }),
  payment_method: about.method,
})

/** The customer was asked and failed; no charge was tried. */
export const authenticationFailed = (
  method: Stripe.PaymentMethod,
  intent: "payment_intent" | "setup_intent",
): ErrorBody => {
  const code = `${intent}_authentication_failure`
  return {
    type: "invalid_request_error",
    code,
    doc_url: cardErrorDocUrl(code),
    message:
      "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new " +
      "PaymentMethod to attempt to fulfill this PaymentIntent again.",
    payment_method: method,
  }
}
