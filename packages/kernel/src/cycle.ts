/**
 * Cycle arithmetic (R2.1, R2.2): boundaries are computed from the anchor, never from the previous boundary, so periods
 * tile (I12). The day is clamped to the month's last day and the time of day is kept, all in UTC.
 */
import type { Instant } from "./instant.ts"

const daysInMonth = (year: number, month: number): number => new Date(Date.UTC(year, month + 1, 0)).getUTCDate()

/** `boundary(n)` = anchor + n calendar months. `n` may be any integer. */
export const boundary = (anchor: Instant, n: number): Instant => {
  const date = new Date(anchor)
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth() + n
  const year = Math.floor(months / 12)
  const month = months - year * 12
  const day = Math.min(date.getUTCDate(), daysInMonth(year, month))
  const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  return Date.UTC(year, month, day) + (anchor - midnight)
}

/** The half-open cycle `[start, end)` that holds `at`, and its number counted from the anchor. */
export const cycleAt = (anchor: Instant, at: Instant): { n: number; start: Instant; end: Instant } => {
  const a = new Date(anchor)
  const b = new Date(at)
  let n = (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + (b.getUTCMonth() - a.getUTCMonth())
  if (boundary(anchor, n) > at) n -= 1
  return { n, start: boundary(anchor, n), end: boundary(anchor, n + 1) }
}
