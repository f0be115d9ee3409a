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

/** Parses an RFC 3339 instant; digits below the millisecond are cut. Returns null when it is not one. */
export const parseInstant = (text: string): Instant | null => {
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
