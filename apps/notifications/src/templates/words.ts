/**
 * How templates say amounts, instants and plans. Pure. Owns that a customer who has something left never reads $0.00,
 * and that every instant names its zone.
 */
import type { NotificationData, NotificationKind } from "@credits/contracts"

/** What a template gives; title and body are plain text. */
export interface Told {
  readonly title: string
  /** One paragraph. */
  readonly body: string
  /** A path of the web pages, and what its button says. */
  readonly link: string
  readonly action: string
}

export type Templates<Kind extends NotificationKind> = {
  readonly [K in Kind]: (data: NotificationData[K]) => Told
}

/** Pages that notifications lead to (apps/web/src/routes.tsx), and places in them. */
export const PAGES = {
  wallet: "/wallet",
  plans: "/pricing",
  billing: "/wallet#charges",
  card: "/wallet#payment-method",
  autoTopUp: "/wallet#auto-top-up",
  preferences: "/notifications#preferences",
} as const

/** "12.340000001" → "$12.34": whole cents, rounded down; what is left of the last cent is not nothing. */
export const dollars = (usd: string): string => {
  const [whole = "0", fraction = ""] = usd.split(".")
  const cents = fraction.padEnd(2, "0").slice(0, 2)
  const isShownAsNothing = Number(whole) === 0 && Number(cents) === 0
  if (isShownAsNothing && /[1-9]/.test(fraction)) return "less than $0.01"
  return `$${whole.replaceAll(/\B(?=(\d{3})+$)/g, ",")}.${cents}`
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const

/** "2026-11-26T12:05:00.000Z" → "26 November 2026, 12:05 UTC". */
export const when = (instant: string): string => {
  const [date = "", time = ""] = instant.split("T")
  const [year, month, day] = date.split("-")
  return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}, ${time.slice(0, 5)} UTC`
}

/** "2026-11" → "November 2026 (UTC)". */
export const monthName = (key: string): string => `${MONTHS[Number(key.slice(5)) - 1]} ${key.slice(0, 4)} (UTC)`

/** Catalogues name plans by a word; people read it with a capital. */
export const planName = (plan: string): string => plan.slice(0, 1).toUpperCase() + plan.slice(1)

export const per = (interval: "monthly" | "yearly"): string => (interval === "yearly" ? "year" : "month")
