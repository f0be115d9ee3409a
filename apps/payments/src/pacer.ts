/**
 * When a charge may use the processor: a token bucket of business-time instants, one writer for the whole service, so
 * that a month's renewals do not run into the processor's limit (field notes A3), and a moved clock plays them fast.
 * Customers who are there have a lane of their own and do not queue behind renewals. Slots need not survive a restart:
 * what has one keeps it in its state.
 */
import type { Instant } from "@credits/kernel"

/** A quarter of the rate is for customers who are there: five purchases a second of twenty. */
const PRESENT_SHARE = 0.25
/** Seconds' worth of slots that may be used at once after a quiet time. */
const BURST_SECONDS = 1

class Lane {
  readonly #spacingMs: number
  readonly #burstMs: number
  /** The instant at which the next slot would be on time. */
  #next: Instant = 0

  constructor(perSecond: number) {
    this.#spacingMs = 1_000 / perSecond
    this.#burstMs = Math.max(0, BURST_SECONDS * 1_000 - this.#spacingMs)
  }

  take(now: Instant): Instant {
    const next = Math.max(this.#next, now)
    this.#next = next + this.#spacingMs
    return Math.max(now, Math.round(next - this.#burstMs))
  }
}

export class Pacer {
  readonly #present: Lane | null
  readonly #background: Lane | null

  /** @param perSecond charges a second; 0: no limit */
  constructor(perSecond: number) {
    this.#present = perSecond > 0 ? new Lane(perSecond * PRESENT_SHARE) : null
    this.#background = perSecond > 0 ? new Lane(perSecond * (1 - PRESENT_SHARE)) : null
  }

  /** From when on the next charge may be sent. */
  take(isPresent: boolean, now: Instant): Instant {
    const lane = isPresent ? this.#present : this.#background
    return lane === null ? now : lane.take(now)
  }
}
