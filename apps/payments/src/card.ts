/**
 * A saved card: all that is kept of it (R10.3), and whether it may be charged. Pure; instants are business time.
 */
import type { MethodView } from "@credits/contracts"
import type { Instant } from "@credits/kernel"

/** The processor's payment method, reduced to what may be kept. */
export interface Card {
  readonly id: string
  readonly brand: string
  readonly last4: string
  /** 1–12. */
  readonly expMonth: number
  readonly expYear: number
  /** The same for the same card number, whoever saves it. */
  readonly fingerprint: string
}

/** Refused for good by its bank: never tried again. */
export interface BlockedCard {
  readonly fingerprint: string
  readonly code: string
}

export interface CardDecline {
  /** `<charge>:<attempt>`: a decline that is told twice counts once. */
  readonly key: string
  readonly fingerprint: string
  readonly at: Instant
}

/** Card networks allow 15 to 35 tries in 30 days; we stay far below (field notes A5). */
export const DECLINES_MAX = 8
export const DECLINES_SPAN_MS = 30 * 24 * 3_600_000

/** The 1st of the month in which it expires: the customer is reminded. */
export const expiringAt = (card: Card): Instant => Date.UTC(card.expYear, card.expMonth - 1, 1)

/** Good to the end of its last month. */
export const expiredAt = (card: Card): Instant => Date.UTC(card.expYear, card.expMonth, 1)

export const cardView = (card: Card, isBlocked: boolean, now: Instant): MethodView => ({
  id: card.id,
  brand: card.brand,
  last4: card.last4,
  expMonth: card.expMonth,
  expYear: card.expYear,
  fingerprint: card.fingerprint,
  status: isBlocked ? "blocked" : now >= expiredAt(card) ? "expired" : "usable",
})
