/**
 * What an upgrade costs and takes back (R4.2, R4.3). Pure. Money and credit use the same measure of time, the share of
 * the credit cycle that is still to come, so that neither leaks into the other: money is rounded once, down to the
 * cent; credit once, down to the nano-USD.
 */
import { NANO_PER_CENT, type Instant, type Nano } from "@credits/kernel"
import { cycleEnd, cyclesNotBegun, cycleStart, type Period } from "./period.ts"

/** The processor takes no smaller charge (R4.2): what is below is waived. */
export const CHARGE_CENTS_MIN = 50

/** What runs and is given up. */
export interface Running {
  readonly period: Period
  /** What the period is worth to the customer, nano-USD (R4.2). */
  readonly paidValue: Nano
  /** Of the plan under its catalogue version, never the amount of a reduced lot (R4.3). */
  readonly creditsPerCycle: Nano
}

export interface Proration {
  /** 0 when waived. */
  readonly chargeCents: number
  /** What would have been charged but is too small. */
  readonly waivedCents: number
  /** Worth of the unused time, nano-USD, rounded down. */
  readonly credited: Nano
  /** Credit that goes back with the money, nano-USD, rounded down. */
  readonly takenBack: Nano
  /** What the new period is worth: the charge plus what was credited. */
  readonly paidValue: Nano
}

/** The cycle `[start, end)` holds `at`, or the caller mixed up subscriptions: never a price from that. */
const checkInside = (period: Period, at: Instant): void => {
  if (at < cycleStart(period) || at >= cycleEnd(period)) {
    throw new RangeError(`${at} lies outside the cycle [${cycleStart(period)}, ${cycleEnd(period)})`)
  }
}

const charged = (cents: number): Pick<Proration, "chargeCents" | "waivedCents"> =>
  cents < CHARGE_CENTS_MIN ? { chargeCents: 0, waivedCents: cents } : { chargeCents: cents, waivedCents: 0 }

/** A price in full: a first period, a renewal, or an upgrade of what was not paid for (R4.7). Whole cents. */
export const inFull = (price: Nano): Proration => {
  const { chargeCents, waivedCents } = charged(Number(price / NANO_PER_CENT))
  const paidValue = BigInt(chargeCents) * NANO_PER_CENT
  return { chargeCents, waivedCents, credited: 0n, takenBack: 0n, paidValue }
}

/**
 * R4.2: `max(0, price − paidValue × u)`, `u` = (cycles not begun + (ce − at)/(ce − cs)) / cycles of the period.
 * R4.3: back = credits per cycle × (ce − at)/(ce − cs).
 */
export const prorate = (price: Nano, running: Running, at: Instant): Proration => {
  const { period, paidValue, creditsPerCycle } = running
  checkInside(period, at)
  const left = BigInt(cycleEnd(period) - at)
  const whole = BigInt(cycleEnd(period) - cycleStart(period))
  const unused = BigInt(cyclesNotBegun(period)) * whole + left
  const all = BigInt(period.months) * whole
  const due = price * all - paidValue * unused
  const { chargeCents, waivedCents } = charged(due <= 0n ? 0 : Number(due / (all * NANO_PER_CENT)))
  const credited = (paidValue * unused) / all
  return {
    chargeCents,
    waivedCents,
    credited,
    takenBack: (creditsPerCycle * left) / whole,
    paidValue: BigInt(chargeCents) * NANO_PER_CENT + credited,
  }
}
