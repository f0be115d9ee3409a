/**
 * ISO 8601 durations added to an instant (R12.1 "by any length"). Pure. Years and months are calendar months in UTC
 * with the day clamped, as cycle boundaries are (R2.1); weeks and smaller are exact.
 */
import { boundary, type Instant } from "@credits/kernel"

const FORM = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The instant `text` after `at`, or null when the text is no duration or the result no instant of this calendar. */
export const addDuration = (at: Instant, text: string): Instant | null => {
  const match = FORM.exec(text)
  if (match === null || text === "P" || text.endsWith("T")) return null
  const [years, months, weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0))
  const exact = weeks! * 7 * DAY + days! * DAY + hours! * HOUR + minutes! * MINUTE + seconds! * SECOND
  const result = boundary(at, years! * 12 + months!) + exact
  return Number.isSafeInteger(result) && result < 253_402_300_800_000 ? result : null
}
