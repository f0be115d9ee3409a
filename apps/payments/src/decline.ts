/**
 * What a card's no means for us (field notes A5): whether the same card may be tried again, and what the customer may
 * learn. Precedence: the processor's advice for this very charge, then the card network's advice, then our table by
 * decline code, then the default, which retries nothing. Pure; knows nothing of charges.
 */
import { AUTHENTICATION_EXPIRED_CODE, type Decline } from "@credits/contracts"

/** A card error as the processor gives it: every field an open set of words. */
export interface CardError {
  readonly code: string | null
  readonly declineCode: string | null
  readonly adviceCode: string | null
  readonly networkAdviceCode: string | null
}

export type DeclineClass = Decline["class"]

/** The customer has to prove who they are; not a decline. Never repeated off session. */
export const AUTHENTICATION_REQUIRED = "authentication_required"

export const needsAuthentication = (error: CardError): boolean =>
  error.code === AUTHENTICATION_REQUIRED || error.declineCode === AUTHENTICATION_REQUIRED

const BY_ADVICE: Readonly<Record<string, DeclineClass>> = {
  do_not_try_again: "final",
  confirm_card_data: "fix",
  try_again_later: "soft",
}

/** Mastercard's merchant advice codes. 24–30 name a time after which to retry. */
const BY_NETWORK_ADVICE: Readonly<Record<string, DeclineClass>> = {
  "01": "fix",
  "02": "soft",
  "03": "final",
  "04": "fix",
  "21": "final",
  "24": "soft",
  "25": "soft",
  "26": "soft",
  "27": "soft",
  "28": "soft",
  "29": "soft",
  "30": "soft",
}

const BY_CODE: Readonly<Record<string, DeclineClass>> = {
  card_not_supported: "final",
  do_not_try_again: "final",
  fraudulent: "final",
  highest_risk_level: "final",
  incorrect_number: "final",
  invalid_account: "final",
  lost_card: "final",
  merchant_blacklist: "final",
  pickup_card: "final",
  previously_declined_do_not_retry: "final",
  restricted_card: "final",
  revocation_of_all_authorizations: "final",
  revocation_of_authorization: "final",
  security_violation: "final",
  stolen_card: "final",
  stop_payment_order: "final",

  confirm_card_data: "fix",
  expired_card: "fix",
  incorrect_cvc: "fix",
  incorrect_zip: "fix",
  invalid_cvc: "fix",
  invalid_expiry_month: "fix",
  invalid_expiry_year: "fix",
  payment_intent_authentication_failure: "fix",

  approve_with_id: "soft",
  card_velocity_exceeded: "soft",
  do_not_honor: "soft",
  generic_decline: "soft",
  insufficient_funds: "soft",
  issuer_not_available: "soft",
  processing_error: "soft",
  reenter_transaction: "soft",
  try_again_later: "soft",
  withdrawal_count_limit_exceeded: "soft",
}

/** An unknown reason retries nothing by itself and blocks no card: the customer is asked. */
const DEFAULT_CLASS: DeclineClass = "fix"

/** A customer, who may be the thief, must not learn that the card is reported or suspected. */
const SECRET: ReadonlySet<string> = new Set([
  "fraudulent",
  "highest_risk_level",
  "lost_card",
  "merchant_blacklist",
  "pickup_card",
  "previously_declined_do_not_retry",
  "restricted_card",
  "security_violation",
  "stolen_card",
])

const DETAIL: Readonly<Record<string, string>> = {
  card_not_supported: "This card does not support this kind of payment. Please use another card.",
  card_velocity_exceeded: "The card's limit is used up. Please use another card, or try again later.",
  expired_card: "The card has expired. Please use another card.",
  incorrect_cvc: "The card's security code was wrong. Please enter the card again.",
  incorrect_number: "The card number was wrong. Please enter the card again.",
  incorrect_zip: "The postal code did not match the card. Please enter the card again.",
  insufficient_funds: "The card has not enough funds. Please use another card, or try again later.",
  invalid_cvc: "The card's security code was wrong. Please enter the card again.",
  payment_intent_authentication_failure: "Your bank could not confirm the payment with you. Please try again.",
}

const DETAIL_BY_CLASS: Readonly<Record<DeclineClass, string>> = {
  soft: "Your bank declined the payment. It may work later, or with another card.",
  final: "Your bank declined the payment. Please use another card.",
  fix: "Your bank declined the payment. Please check the card's details or use another card.",
}

/** The most telling word: `card_declined` alone says nothing. */
export const codeOf = (error: CardError): string => error.declineCode ?? error.code ?? "unknown"

const classOf = (error: CardError): DeclineClass =>
  lookUp(BY_ADVICE, error.adviceCode) ??
  lookUp(BY_NETWORK_ADVICE, error.networkAdviceCode) ??
  lookUp(BY_CODE, error.declineCode) ??
  lookUp(BY_CODE, error.code) ??
  DEFAULT_CLASS

const lookUp = <A>(table: Readonly<Record<string, A>>, word: string | null): A | undefined =>
  word !== null && Object.hasOwn(table, word) ? table[word] : undefined

/** Of a card error that is no request for authentication (`needsAuthentication`). */
export const declineOf = (error: CardError): Decline => {
  const kind = classOf(error)
  const code = codeOf(error)
  if (SECRET.has(code)) return { class: kind, code: "generic", detail: DETAIL_BY_CLASS[kind] }
  // The table's advice must not contradict the class: "try again later" on a card that never works.
  const detail = kind === "final" && BY_CODE[code] !== "final" ? undefined : lookUp(DETAIL, code)
  return { class: kind, code, detail: detail ?? DETAIL_BY_CLASS[kind] }
}

/** The card was refused for good before: it is not tried again (card networks forbid it). */
export const blockedCard = (code: string): Decline => ({
  class: "final",
  code,
  detail: "This card was declined for good before. Please use another card.",
})

/** Too many declines of this card lately: nothing was sent to the bank. */
export const TOO_MANY_DECLINES: Decline = {
  class: "fix",
  code: "too_many_declines",
  detail: "This card was declined too often lately. Please use another card.",
}

/** The customer began to authenticate and never finished. */
export const AUTHENTICATION_EXPIRED: Decline = {
  class: "soft",
  code: AUTHENTICATION_EXPIRED_CODE,
  detail: "Your bank's confirmation was not completed in time. Please try again.",
}
