/**
 * The document's text form: JSON, amounts as decimal strings. Pure. Owns which fields are amounts, so that text which a
 * person wrote is never read as one. Walked by hand: a callback of `JSON` for every value costs five times as much, and
 * every decision encodes and decodes.
 */
import type { State } from "./subscription.ts"

/** Raised when the text changes in a way an older program would misread (decision 21). */
export const DOCUMENT_VERSION = 2

const AMOUNTS = new Set([
  "paidValue",
  "price",
  "creditsPerCycle",
  "topUpThreshold",
  "topUpAmount",
  "credited",
  "takenBack",
])

type Fields = Record<string, unknown>

/** The same value without bigints; the same object where there are none. */
const toPlain = (value: unknown): unknown => {
  if (typeof value === "bigint") return value.toString()
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    let list: Array<unknown> | null = null
    for (let i = 0; i < value.length; i++) {
      const plain = toPlain(value[i])
      if (plain !== value[i]) (list ??= [...value])[i] = plain
    }
    return list ?? value
  }
  let copy: Fields | null = null
  for (const key in value) {
    const field = (value as Fields)[key]
    // Copied in the order of the fields: a text is told from another by it.
    if (typeof field !== "object" && typeof field !== "bigint") continue
    const plain = toPlain(field)
    if (plain !== field) (copy ??= { ...value })[key] = plain
  }
  return copy ?? value
}

/** What `JSON.parse` just made, with its amounts, in place. */
const takeAmounts = (value: object): void => {
  for (const key in value) {
    const field = (value as Fields)[key]
    if (typeof field === "string") {
      if (AMOUNTS.has(key)) (value as Fields)[key] = BigInt(field)
    } else if (typeof field === "object" && field !== null) takeAmounts(field)
  }
}

export const encodeState = (state: State): string => JSON.stringify(toPlain(state))

export const decodeState = (text: string): State => {
  const state = JSON.parse(text) as State
  takeAmounts(state)
  return state
}
