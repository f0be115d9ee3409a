/**
 * Prices: decimal USD strings in data, exact integers of pico-USD (1e-12 USD) in memory. One USD per million tokens
 * is 1,000,000 pico-USD a token, so every price of up to six decimals per million is an exact integer per token, far
 * below the nano-USD the ledger counts in. More digits are refused, never rounded (R7.3).
 */

/** 1 nano-USD = 1000 pico-USD. */
export const PICO_PER_NANO = 1000

/** Dearest price accepted, USD per million tokens, or USD per image or request. */
export const PRICE_MAX_USD = 100_000

const PER_MILLION = /^(\d{1,6})(?:\.(\d{1,6}))?$/
const PER_PIECE = /^(\d{1,6})(?:\.(\d{1,12}))?$/

/**
 * "2.5" USD per million tokens → 2_500_000 pico-USD per token; null when it is no price or has more than six decimals.
 * At most 1e11, an exact `number`.
 */
export const parsePerMillion = (text: unknown): number | null => {
  const match = typeof text === "string" ? PER_MILLION.exec(text) : null
  if (match === null) return null
  const pico = Number(match[1]) * 1_000_000 + Number((match[2] ?? "").padEnd(6, "0"))
  return pico <= PRICE_MAX_USD * 1_000_000 ? pico : null
}

/**
 * "0.04" USD an image (or request) → 40_000_000_000 pico-USD; null when it is none or has more than twelve decimals.
 */
export const parsePerPiece = (text: unknown): number | null => {
  const match = typeof text === "string" ? PER_PIECE.exec(text) : null
  if (match === null) return null
  const pico = BigInt(match[1]!) * 1_000_000_000_000n + BigInt((match[2] ?? "").padEnd(12, "0"))
  // 1,000 USD a piece is the most a double holds exactly in pico-USD; dearer pieces do not exist.
  return pico <= 1_000_000_000_000_000n ? Number(pico) : null
}

/** Pico-USD per token → decimal USD per million tokens, without trailing zeros. */
export const formatPerMillion = (pico: number): string => {
  const whole = Math.floor(pico / 1_000_000)
  const fraction = String(pico % 1_000_000)
    .padStart(6, "0")
    .replace(/0+$/, "")
  return fraction === "" ? String(whole) : `${whole}.${fraction}`
}
