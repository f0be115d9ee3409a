/**
 * When a delivery is tried again, and when it is given up. Pure, in real time. Owns both schedules: a mail is tried
 * for a day, a webhook by the fixed schedule that its README and receivers know; an endpoint that has failed for five
 * days is disabled.
 */
import type { DeliveryState } from "./schema.ts"

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** What is written of an attempt. */
export interface Recorded {
  readonly state: DeliveryState
  /** Of the next attempt; of one that is over, when it ended. */
  readonly dueAt: number
  /** For people: the code and the beginning of what was answered. */
  readonly outcome: string
  readonly at: number
}

export type SendOutcome =
  | { readonly kind: "sent"; readonly detail: string }
  /** Never again: the receiver said that it is of no use. `gone`: nothing else either. */
  | { readonly kind: "refused"; readonly detail: string; readonly gone?: boolean }
  | { readonly kind: "failed"; readonly detail: string }

/** After the first attempt, after the second, … */
const MAIL_AFTER = [10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] as const
const MAIL_GIVEN_UP_MS = DAY

/** Standard Webhooks' own: at once, then after these; the sum is a little more than three days. */
export const WEBHOOK_AFTER = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const
export const ENDPOINT_DISABLED_AFTER_MS = 5 * DAY
/** What failed together is not tried again together. */
const JITTER = 0.1

const over = (state: "sent" | "failed", outcome: string, at: number): Recorded => ({ state, outcome, at, dueAt: at })

/** `chance` is in [0, 1). */
const later = (afterMs: number, outcome: string, at: number, chance: number): Recorded => ({
  state: "waiting",
  outcome,
  at,
  dueAt: at + Math.round(afterMs * (1 + JITTER * chance)),
})

export interface Attempt {
  /** Attempts before this one. */
  readonly attempts: number
  readonly at: number
  readonly chance: number
}

/** The last wait is cut so that the last attempt falls on the end of the day. */
export const afterMail = (outcome: SendOutcome, madeAt: number, { attempts, at, chance }: Attempt): Recorded => {
  if (outcome.kind === "sent") return over("sent", outcome.detail, at)
  if (outcome.kind === "refused") return over("failed", outcome.detail, at)
  const left = madeAt + MAIL_GIVEN_UP_MS - at
  if (left <= 0) return over("failed", `given up after a day: ${outcome.detail}`, at)
  const wait = MAIL_AFTER[Math.min(attempts, MAIL_AFTER.length - 1)]!
  return later(Math.min(wait, left), outcome.detail, at, chance)
}

export const afterWebhook = (outcome: SendOutcome, { attempts, at, chance }: Attempt): Recorded => {
  if (outcome.kind === "sent") return over("sent", outcome.detail, at)
  if (outcome.kind === "refused") return over("failed", outcome.detail, at)
  const wait = WEBHOOK_AFTER[attempts]
  return wait === undefined ? over("failed", outcome.detail, at) : later(wait, outcome.detail, at, chance)
}

/** How an endpoint stands after an attempt. */
export interface EndpointStanding {
  readonly failingSince: number | null
  /** Why it is disabled from now on; null: it is not. */
  readonly disabledBecause: string | null
}

export const standingAfter = (outcome: SendOutcome, failingSince: number | null, at: number): EndpointStanding => {
  if (outcome.kind === "sent") return { failingSince: null, disabledBecause: null }
  const since = failingSince ?? at
  if (outcome.kind === "refused" && outcome.gone === true) {
    return { failingSince: since, disabledBecause: "it answered 410: gone" }
  }
  const isOver = at - since >= ENDPOINT_DISABLED_AFTER_MS
  const why = `nothing was delivered for 5 days, since ${new Date(since).toISOString()}: ${outcome.detail}`
  return { failingSince: since, disabledBecause: isOver ? why : null }
}
