/**
 * The hard cap (R9.3, I7): what has been charged in a calendar month, what may still be, and when a month begins.
 * Pure. Whole cents; months are UTC. Owns the arithmetic and the month's own account; when to charge is in `topup.ts`.
 */
import type { Instant } from "@credits/kernel"

/** What a customer may set: 5.00 to 10,000.00. */
export const CAP_MIN_CENTS = 500
export const CAP_MAX_CENTS = 1_000_000
/** A last top-up is cut to what the cap leaves when that is at least this. */
const LAST_MIN_CENTS = 500

/** Two years: longer than any charge is looked for. Bounds the state of an account. */
const MONTHS_KEPT = 24

/** "2026-11". */
export type MonthKey = string

export interface Month {
  readonly key: MonthKey
  /** Obligations numbered so far. */
  readonly seq: number
  /** Succeeded charges that were authorized in this month. */
  readonly spentCents: number
  /** Numbers whose charge failed. A success that comes all the same is one of these, told once (R10.2). */
  readonly failed: ReadonlyArray<number>
  /** Shares of the cap that the customer was told of, in percent. */
  readonly told: ReadonlyArray<80 | 100>
}

export const monthOf = (at: Instant): MonthKey => new Date(at).toISOString().slice(0, 7)

/** The first instant of the month after this one. */
export const monthEnd = (key: MonthKey): Instant => Date.UTC(Number(key.slice(0, 4)), Number(key.slice(5)), 1)

const newMonth = (key: MonthKey): Month => ({ key, seq: 0, spentCents: 0, failed: [], told: [] })

export const monthIn = (months: ReadonlyArray<Month>, key: MonthKey): Month =>
  months.find((month) => month.key === key) ?? newMonth(key)

/** The months with one of them changed, oldest first. */
export const withMonth = (
  months: ReadonlyArray<Month>,
  key: MonthKey,
  change: (month: Month) => Month,
): ReadonlyArray<Month> => {
  const others = months.filter((month) => month.key !== key)
  const all = [...others, change(monthIn(months, key))]
  return all.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(-MONTHS_KEPT)
}

/**
 * R9.3: what may be charged now of `wanted`, so that settled + in flight + unknown + new ≤ cap; 0: nothing.
 * `counted` is everything charged or reserved in the month.
 */
export const roomFor = (wantedCents: number, capCents: number, countedCents: number): number => {
  const left = capCents - countedCents
  if (wantedCents <= left) return wantedCents
  return left >= LAST_MIN_CENTS ? left : 0
}

/** R11: which shares of its cap a month has reached and not been told of. At 100: nothing more fits. */
export const sharesToTell = (month: Month, capCents: number, wantedCents: number | null): ReadonlyArray<80 | 100> => {
  const isFull =
    month.spentCents >= capCents || roomFor(wantedCents ?? LAST_MIN_CENTS, capCents, month.spentCents) === 0
  const reached = [
    ...(isFull || month.spentCents * 100 >= capCents * 80 ? ([80] as const) : []),
    ...(isFull ? ([100] as const) : []),
  ]
  return reached.filter((share) => !month.told.includes(share))
}
