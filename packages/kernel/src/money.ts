/**
 * Money: integer nano-USD (1e-9 USD) as `bigint`, never a float (R1.1).
 * Owns the unit, its decimal text forms and the limits. Does not know what is bought with it.
 */

/** Integer nano-USD. 1 USD = 1_000_000_000n. */
export type Nano = bigint

export const NANO_PER_USD = 1_000_000_000n
export const NANO_PER_CENT = 10_000_000n
/** 10000 credits of the Open Design clients = 1 USD. */
export const NANO_PER_CREDIT = 100_000n

/** No single amount may exceed 1,000,000 USD: far above any plan, far below what 64 bits hold. */
export const NANO_AMOUNT_MAX = 1_000_000n * NANO_PER_USD

const DECIMAL = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?$/

/** Parses a decimal USD string ("12.34", at most 9 decimals) exactly. Returns null when it is not one. */
export const parseUsd = (text: string): Nano | null => {
  const match = DECIMAL.exec(text)
  if (match === null) return null
  const whole = BigInt(match[2]!) * NANO_PER_USD
  const fraction = match[3] === undefined ? 0n : BigInt(match[3].padEnd(9, "0"))
  return match[1] === "-" ? -(whole + fraction) : whole + fraction
}

/** Like `parseUsd` for literals in code and data files; throws a RangeError on bad text. */
export const usd = (text: string): Nano => {
  const nano = parseUsd(text)
  if (nano === null) throw new RangeError(`not a USD amount: ${JSON.stringify(text)}`)
  return nano
}

/** Exact decimal USD with at least two decimals and no trailing zeros beyond them: 12_340_000_001n → "12.340000001". */
export const formatUsd = (nano: Nano): string => {
  const absolute = nano < 0n ? -nano : nano
  const fraction = (absolute % NANO_PER_USD).toString().padStart(9, "0")
  const digits = fraction.replace(/0+$/, "").padEnd(2, "0")
  return `${nano < 0n ? "-" : ""}${absolute / NANO_PER_USD}.${digits}`
}

const INTEGER = /^-?\d{1,19}$/

/** Parses an integer string of nano-USD as used on the bus. Returns null when it is not one. */
export const parseNano = (text: string): Nano | null => (INTEGER.test(text) ? BigInt(text) : null)

/** Division of non-negative integers, rounded half up (R7.3). */
export const divideHalfUp = (numerator: bigint, denominator: bigint): bigint =>
  (numerator * 2n + denominator) / (denominator * 2n)
