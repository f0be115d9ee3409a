/**
 * The cards of the sandbox. A token of the card element (`tok_…`) or one of the processor's own test names
 * (`tok_visa`, `pm_card_visa`) says how the card behaves when it is set up and when it is charged. Pure.
 */
import { createHash } from "node:crypto"

/** How an issuer says no. */
export interface Decline {
  readonly code: "card_declined" | "expired_card"
  readonly declineCode: string
  readonly adviceCode: "do_not_try_again" | "try_again_later" | "confirm_card_data"
  readonly networkDeclineCode: string
  /** Mastercard's merchant advice code, two digits; Visa gives none here. */
  readonly networkAdviceCode?: string
  readonly message: string
}

interface Behaviour {
  readonly brand: "visa" | "mastercard"
  readonly last4: string
  /** What an attempt to save the card comes to. `authenticate`: the customer has to act first. */
  readonly setUp: "saved" | "declined" | "authenticate"
  /** What every charge, or every charge after the first one that succeeded, comes to. */
  readonly decline?: Decline
  readonly declinesFrom?: "first" | "second"
  /** Every charge asks for the customer. */
  readonly authenticates?: boolean
  /** Real time between the request and the charge (ms). */
  readonly slowMs?: number
  /** Answers to the first charge that never arrive. */
  readonly answersLost?: number
  /** A charge is disputed as soon as it succeeded. */
  readonly disputed?: boolean
}

const INSUFFICIENT_FUNDS: Decline = {
  code: "card_declined",
  declineCode: "insufficient_funds",
  adviceCode: "try_again_later",
  networkDeclineCode: "51",
  message: "Your card has insufficient funds.",
}
const STOLEN: Decline = {
  code: "card_declined",
  declineCode: "stolen_card",
  adviceCode: "do_not_try_again",
  networkDeclineCode: "43",
  networkAdviceCode: "03",
  message: "Your card was declined.",
}
const GENERIC: Decline = {
  code: "card_declined",
  declineCode: "generic_decline",
  adviceCode: "try_again_later",
  networkDeclineCode: "01",
  message: "Your card was declined.",
}
const EXPIRED: Decline = {
  code: "expired_card",
  declineCode: "expired_card",
  adviceCode: "confirm_card_data",
  networkDeclineCode: "54",
  message: "Your card has expired.",
}

/**
 * A lost answer is lost for the client's own network-level repeat too: the SDK sends a request again after every
 * closed connection, and would never notice a loss that spared the repeat.
 */
const ANSWERS_LOST = 2

const SAVED = { brand: "visa", setUp: "saved" } as const
const REFUSED_AT_SET_UP = { brand: "visa", setUp: "declined", declinesFrom: "first" } as const

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  // The sandbox's own: all can be saved, they differ when charged.
  ok: { ...SAVED, last4: "4242" },
  insufficient_funds: { ...SAVED, last4: "0341", decline: INSUFFICIENT_FUNDS, declinesFrom: "first" },
  stolen: { ...SAVED, brand: "mastercard", last4: "9979", decline: STOLEN, declinesFrom: "first" },
  authentication_required: { ...SAVED, last4: "3184", authenticates: true },
  ok_then_decline: { ...SAVED, last4: "5126", decline: GENERIC, declinesFrom: "second" },
  timeout_then_ok: { ...SAVED, last4: "7726", answersLost: ANSWERS_LOST },
  slow: { ...SAVED, last4: "2000", slowMs: 2_000 },
  // The processor's test names, as far as its own command line uses them.
  visa: { ...SAVED, last4: "4242" },
  mastercard: { ...SAVED, brand: "mastercard", last4: "4444" },
  chargeDeclined: { ...REFUSED_AT_SET_UP, last4: "0002", decline: GENERIC },
  visa_chargeDeclined: { ...REFUSED_AT_SET_UP, last4: "0002", decline: GENERIC },
  visa_chargeDeclinedInsufficientFunds: { ...REFUSED_AT_SET_UP, last4: "9995", decline: INSUFFICIENT_FUNDS },
  visa_chargeDeclinedStolenCard: { ...REFUSED_AT_SET_UP, last4: "9979", decline: STOLEN },
  chargeCustomerFail: { ...SAVED, last4: "0341", decline: GENERIC, declinesFrom: "first" },
  authenticationRequired: { ...SAVED, last4: "3184", setUp: "authenticate", authenticates: true },
  createDispute: { ...SAVED, last4: "0259", disputed: true },
  createDisputeInquiry: { ...SAVED, last4: "1976", disputed: true },
}

/** Longest first: `tok_ok_then_decline` is no `tok_ok`. */
const NAMES = Object.keys(BEHAVIOURS).sort((a, b) => b.length - a.length)

const SUFFIX = /^(_expiring)?(_\d{1,6})?$/

/** What a token stands for. Another suffix (`tok_ok_2`) is another card with another fingerprint. */
export interface Card {
  readonly token: string
  readonly behaviour: Behaviour
  /** What distinguishes it from other cards of the same behaviour; "" for the first. */
  readonly number: string
  readonly expiresSoon: boolean
}

const cardOf = (name: string, token: string): Card | undefined => {
  const base = NAMES.find((each) => name === each || name.startsWith(`${each}_`))
  if (base === undefined) return undefined
  const suffix = SUFFIX.exec(name.slice(base.length))
  if (suffix === null) return undefined
  const behaviour = BEHAVIOURS[base]!
  return { token, behaviour, number: suffix[2] ?? "", expiresSoon: suffix[1] !== undefined }
}

/** What a customer and a merchant can tell a card by; the same for every saving of the same card. */
export const faceOf = (card: Card): { readonly last4: string; readonly fingerprint: string } => {
  const digest = createHash("sha256").update(card.token).digest()
  const { last4 } = card.behaviour
  return {
    last4: card.number === "" ? last4 : String(digest.readUInt16BE(0) % 10_000).padStart(4, "0"),
    fingerprint: digest.toString("base64url").replaceAll(/[-_]/g, "0").slice(0, 16),
  }
}

/** The card a token stands for; undefined for a token nobody gave out. */
export const cardOfToken = (token: string): Card | undefined =>
  token.startsWith("tok_") ? cardOf(token.slice(4), token) : undefined

/** `pm_card_visa` and the like: names that become a new payment method wherever they are used. */
export const cardOfTestMethod = (id: string): Card | undefined =>
  id.startsWith("pm_card_") ? cardOf(id.slice(8), `tok_${id.slice(8)}`) : undefined

const YEARS_VALID = 4

/** Expiry of a card saved at an instant: four years on, or the end of that very month. */
export const expiryOf = (card: Card, atMs: number): { readonly month: number; readonly year: number } => {
  const at = new Date(atMs)
  const year = at.getUTCFullYear()
  return card.expiresSoon ? { month: at.getUTCMonth() + 1, year } : { month: 12, year: year + YEARS_VALID }
}

export type ChargeOutcome =
  | { readonly kind: "approved" }
  | { readonly kind: "declined"; readonly decline: Decline }
  | { readonly kind: "authenticate" }

/**
 * What the issuer says to a charge.
 * @param chargesBefore charges of this payment method that succeeded
 * @param authenticated the customer has just proved who they are
 */
export const chargeOutcome = (
  card: Card,
  expiry: { readonly month: number; readonly year: number },
  atMs: number,
  chargesBefore: number,
  authenticated: boolean,
): ChargeOutcome => {
  const { behaviour } = card
  // Good to the end of its last month.
  if (atMs >= Date.UTC(expiry.year, expiry.month, 1)) return { kind: "declined", decline: EXPIRED }
  if (behaviour.authenticates === true && !authenticated) return { kind: "authenticate" }
  const declines = behaviour.declinesFrom === "first" || (behaviour.declinesFrom === "second" && chargesBefore > 0)
  return declines ? { kind: "declined", decline: behaviour.decline ?? GENERIC } : { kind: "approved" }
}

export const setUpDecline = (card: Card): Decline => card.behaviour.decline ?? GENERIC
