/**
 * Instants: integer milliseconds since the Unix epoch, UTC; ISO 8601 with milliseconds at the borders (R12.2).
 * Pure: nothing here reads a clock.
 */

export type Instant = number

/** 0001-01-01 … 9999-12-31: what ISO 8601 text can carry without a sign. */
const INSTANT_MIN = -62_135_596_800_000
const INSTANT_MAX = 253_402_300_799_999

export const formatInstant = (at: Instant): string => new Date(at).toISOString()

const ISO = /^(\d{4})-(\d{2})-(\d{2})T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

const ZERO = 0x30

/** Two digits as a number; NaN when they are none. */
const twoDigits = (text: string, at: number): number => {
  const tens = text.charCodeAt(at) - ZERO
  const ones = text.charCodeAt(at + 1) - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** Of February 28: whether it has another one is left to `Date`. */
const LAST_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

/** "2026-11-23T09:55:37.950Z", as nearly every caller writes it; null: not in this form, or not so easily told. */
const parseUsual = (text: string): Instant | null => {
  if (text.length !== 24 || text[4] !== "-" || text[7] !== "-" || text[10] !== "T") return null
  if (text[13] !== ":" || text[16] !== ":" || text[19] !== "." || text[23] !== "Z") return null
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  const second = twoDigits(text, 17)
  const ms = twoDigits(text, 20) * 10 + (twoDigits(text, 21) % 10)
  // `Date.UTC` takes years below 100 for others. NaN is in no range.
  const isDay = year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= LAST_DAYS[month - 1]!
  if (!isDay || !(hour <= 23 && minute <= 59 && second <= 59 && ms <= 999)) return null
  return Date.UTC(year, month - 1, day, hour, minute, second, ms)
}

/** Parses an RFC 3339 instant; digits below the millisecond are cut. Returns null when it is not one. */
export const parseInstant = (text: string): Instant | null => parseUsual(text) ?? parseAny(text)

const parseAny = (text: string): Instant | null => {
  const match = ISO.exec(text)
  if (match === null) return null
  // `Date.parse` moves February 30 into March.
  const [, year, month, day] = match
  if (Number(day) > 28 && Number(day) > new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()) return null
  const at = Date.parse(text)
  return Number.isNaN(at) || at < INSTANT_MIN || at > INSTANT_MAX ? null : at
}

/** "2026-11-23" (UTC day) of an instant. */
export const dayOf = (at: Instant): string => new Date(at).toISOString().slice(0, 10)
