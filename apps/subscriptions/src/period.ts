/**
 * Paid periods and their credit cycles (R2.1, R2.2): months counted from one anchor, so that they tile (I12). Pure.
 * Owns where a period and its cycles lie; what is paid and granted for them is not known here.
 */
import type { Interval } from "@credits/contracts"
import { boundary, type Instant } from "@credits/kernel"

export interface Period {
  /** The instant the chain of periods began. */
  readonly anchor: Instant
  /** Where the paid period begins, in months from the anchor. */
  readonly month: number
  /** Its length: 1, or 12 by the year. */
  readonly months: number
  /** Where the credit cycle that runs begins, in months from the anchor. */
  readonly cycle: number
}

export const monthsOf = (interval: Interval): number => (interval === "yearly" ? 12 : 1)

/** A new chain: its first period begins at the anchor. */
export const firstPeriod = (anchor: Instant, interval: Interval): Period => ({
  anchor,
  month: 0,
  months: monthsOf(interval),
  cycle: 0,
})

/** The period that follows without gap or overlap, perhaps of another length. */
export const nextPeriod = (period: Period, interval: Interval): Period => {
  const month = period.month + period.months
  return { anchor: period.anchor, month, months: monthsOf(interval), cycle: month }
}

export const nextCycle = (period: Period): Period => ({ ...period, cycle: period.cycle + 1 })

export const periodStart = (period: Period): Instant => boundary(period.anchor, period.month)
export const periodEnd = (period: Period): Instant => boundary(period.anchor, period.month + period.months)
export const cycleStart = (period: Period): Instant => boundary(period.anchor, period.cycle)
/** Of the last cycle this is the period's end. */
export const cycleEnd = (period: Period): Instant => boundary(period.anchor, period.cycle + 1)

/** Cycles of the period that begin after the one that runs. */
export const cyclesNotBegun = (period: Period): number => period.month + period.months - period.cycle - 1
