/** Instants of the API (ISO 8601 UTC) in the reader's zone. */

const formats = {
  /** "Nov 26, 2026" */
  day: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  /** "Nov 26, 2026, 2:05 PM" */
  minute: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  /** "Nov 26" */
  short: new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" }),
} as const
export type InstantForm = keyof typeof formats

export const localText = (at: string, form: InstantForm): string => formats[form].format(new Date(at))

/** "2026-11-26 14:05:09 UTC": what the tooltip says. */
export const utcText = (at: string): string => `${at.slice(0, 19).replace("T", " ")} UTC`

/** A UTC day ("2026-11-26") as "Nov 26": a day of the server, not of the reader. */
const utcDay = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" })
export const dayText = (day: string): string => utcDay.format(new Date(`${day}T00:00:00Z`))

const DAY_MS = 86_400_000

/** "in 12 days", "in 3 hours", "today": how far `at` is from `now`, both of the business clock. */
export const untilText = (at: string, now: string): string => {
  const ms = Date.parse(at) - Date.parse(now)
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" })
  if (Math.abs(ms) >= 2 * DAY_MS) return relative.format(Math.round(ms / DAY_MS), "day")
  if (Math.abs(ms) >= 3_600_000) return relative.format(Math.round(ms / 3_600_000), "hour")
  return relative.format(Math.round(ms / 60_000), "minute")
}
