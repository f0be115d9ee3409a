/** Notifications by the reader's own day, newest first. Pure. */
import type { Notification } from "@credits/contracts/http"

export interface Day {
  /** "2026-11-26" in the reader's zone. */
  readonly day: string
  readonly items: ReadonlyArray<Notification>
}

/** `timeZone` undefined: the reader's. */
export const daysOf = (items: ReadonlyArray<Notification>, timeZone?: string): ReadonlyArray<Day> => {
  // The Swedish form is year-month-day.
  const day = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", ...(timeZone === undefined ? {} : { timeZone }) })
  const days = new Map<string, Array<Notification>>()
  for (const item of items) {
    const key = day.format(new Date(item.at))
    const ofDay = days.get(key)
    if (ofDay === undefined) days.set(key, [item])
    else ofDay.push(item)
  }
  return [...days].map(([key, ofDay]) => ({ day: key, items: ofDay }))
}

/** Own pages only: a link in a message cannot lead anywhere else. */
export const ownLink = (link: string): string | null => (/^\/(?![/\\])/.test(link) ? link : null)
