/**
 * The document's text form: JSON, amounts as decimal strings. Pure. Owns which fields are amounts, so that text which a
 * person wrote is never read as one.
 */
import type { State } from "./subscription.ts"

/** Raised when the text changes in a way an older program would misread (decision 21). */
export const DOCUMENT_VERSION = 1

const AMOUNTS = new Set([
  "paidValue",
  "price",
  "creditsPerCycle",
  "topUpThreshold",
  "topUpAmount",
  "credited",
  "takenBack",
])

export const encodeState = (state: State): string =>
  JSON.stringify(state, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value))

export const decodeState = (text: string): State =>
  JSON.parse(text, (key, value: unknown) =>
    AMOUNTS.has(key) && typeof value === "string" ? BigInt(value) : value,
  ) as State
