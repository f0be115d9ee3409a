/**
 * USD texts of the API as people read them. Exact: decimal text in, decimal text out, no float between. A positive
 * amount is never shown as zero, and a balance is never shown as more than it is (rounded toward zero).
 */
import { type Nano, NANO_PER_USD, parseUsd } from "@credits/kernel"

/** Nano-USD of an amount of the API; a text that is none is a defect of the server. */
export const nanoOf = (usd: string): Nano => {
  const nano = parseUsd(usd)
  if (nano === null) throw new RangeError(`not a USD amount: ${usd}`)
  return nano
}

const grouped = (digits: string): string => digits.replaceAll(/\B(?=(\d{3})+$)/g, ",")

/** `decimals` at most, trailing zeros beyond two dropped. */
const written = (nano: Nano, decimals: number): string => {
  const absolute = nano < 0n ? -nano : nano
  const whole = grouped((absolute / NANO_PER_USD).toString())
  const fraction = (absolute % NANO_PER_USD).toString().padStart(9, "0").slice(0, decimals)
  return `$${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`
}

const isBelow = (nano: Nano, decimals: number): boolean => nano !== 0n && nano < 10n ** BigInt(9 - decimals)

const shown = (nano: Nano, decimals: number): string => {
  const absolute = nano < 0n ? -nano : nano
  const sign = nano < 0n ? "−" : ""
  if (isBelow(absolute, decimals)) return `${sign}< $0.${"1".padStart(decimals, "0")}`
  return `${sign}${written(nano, decimals)}`
}

/** A headline: two decimals. "12.345" → "$12.34", "0.001" → "< $0.01". */
export const headline = (usd: string): string => shown(nanoOf(usd), 2)

/** A row: up to six decimals. "0.0123456" → "$0.012345". */
export const precise = (usd: string): string => shown(nanoOf(usd), 6)

/** A row with its sign spelt out, as in a statement: "−$0.0123", "+$20.00". */
export const signed = (usd: string): string => {
  const nano = nanoOf(usd)
  return nano > 0n ? `+${shown(nano, 6)}` : shown(nano, 6)
}

/** A price: whole dollars without cents. "16.00" → "$16", "16.50" → "$16.50". */
export const price = (usd: string): string => written(nanoOf(usd), 2).replace(/\.00$/, "")

/** Share of a whole for bars and charts, 0 to 1: the one place where a float is good enough. */
export const shareOf = (part: Nano, whole: Nano): number =>
  whole <= 0n ? 0 : Math.min(1, Math.max(0, Number((part * 10_000n) / whole) / 10_000))

/** Dollars as a number, for the axes of charts only. */
export const chartDollars = (nano: Nano): number => Number(nano) / 1e9
