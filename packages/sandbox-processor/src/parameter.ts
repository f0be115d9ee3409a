/**
 * Which parameters an endpoint takes and of what kind. A name that is not listed is refused, so that nothing a caller
 * asked for is silently ignored. The lists are checked against the `stripe` package's own parameter types.
 */
import type Stripe from "stripe"
import type { FormTree, FormValue } from "./form.ts"
import {
  invalidValue,
  invalidWithCode,
  parameterEmpty,
  parameterInvalidInteger,
  parameterMissing,
  parameterUnknown,
} from "./refusal.ts"

type Kind =
  | "text"
  | "integer"
  | "boolean"
  /** Free texts by name; "" removes a name. */
  | "metadata"
  /** `created=5` or `created[gte]=5`, seconds. */
  | "range"
  /** Kept as it is, unread: addresses and the like. */
  | "open"
  | { readonly oneOf: ReadonlyArray<string> }
  | { readonly list: Kind }
  | { readonly hash: Readonly<Record<string, Kind>> }

/** A list of parameters, each of which the SDK's type has. */
export type ParameterList<P> = { readonly [K in keyof P]?: Kind }

export interface Range {
  readonly gt?: number
  readonly gte?: number
  readonly lt?: number
  readonly lte?: number
}

const TEXT_MAX = 5_000
const METADATA_KEYS_MAX = 50
const METADATA_KEY_MAX = 40
const METADATA_VALUE_MAX = 500

const integer = (value: FormValue, name: string): number => {
  if (typeof value !== "string") throw invalidValue(`Invalid integer: hash`, name)
  const number = Number(value)
  if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number)) throw parameterInvalidInteger(name, value)
  return number
}

const metadata = (value: FormValue, name: string): Record<string, string> | "" => {
  // An empty text removes all of it.
  if (value === "") return ""
  if (typeof value === "string") throw invalidValue(`Invalid hash`, name)
  if (value.size > METADATA_KEYS_MAX) throw invalidValue(`Metadata can have at most ${METADATA_KEYS_MAX} keys.`, name)
  const result: Record<string, string> = {}
  for (const [key, text] of value) {
    const at = `${name}[${key}]`
    if (typeof text !== "string") throw invalidValue(`Metadata values must be strings.`, at)
    if (key.length > METADATA_KEY_MAX || text.length > METADATA_VALUE_MAX) {
      const limits = `${METADATA_KEY_MAX} characters for a key and ${METADATA_VALUE_MAX} for a value`
      throw invalidValue(`Metadata exceeds ${limits}.`, at)
    }
    result[key] = text
  }
  return result
}

const RANGE: Readonly<Record<string, Kind>> = { gt: "integer", gte: "integer", lt: "integer", lte: "integer" }

const range = (value: FormValue, name: string): Range => {
  if (typeof value === "string") {
    const at = integer(value, name)
    return { gte: at, lte: at }
  }
  return readHash(RANGE, value, name) as Range
}

const plain = (value: FormValue): unknown =>
  typeof value === "string" ? value : Object.fromEntries([...value].map(([key, child]) => [key, plain(child)]))

const text = (value: FormValue, name: string): string => {
  if (typeof value !== "string") throw invalidValue(`Invalid string: hash`, name)
  if (value.length > TEXT_MAX) throw invalidValue(`Invalid string: must be at most ${TEXT_MAX} characters`, name)
  return value
}

const read = (kind: Kind, value: FormValue, name: string): unknown => {
  if (typeof kind !== "string") {
    if ("oneOf" in kind) {
      const given = text(value, name)
      if (kind.oneOf.includes(given)) return given
      throw invalidValue(`Invalid ${name}: must be one of ${kind.oneOf.join(", ")}`, name)
    }
    if ("list" in kind) {
      if (value === "") return []
      if (typeof value === "string") throw invalidValue(`Invalid array`, name)
      return [...value.values()].map((child, index) => read(kind.list, child, `${name}[${index}]`))
    }
    if (typeof value === "string") throw invalidValue(`Invalid object`, name)
    return readHash(kind.hash, value, name)
  }
  switch (kind) {
    case "text":
      return text(value, name)
    case "integer":
      return integer(value, name)
    case "boolean":
      if (value === "true" || value === "false") return value === "true"
      throw invalidValue(`Invalid boolean: ${typeof value === "string" ? value : "hash"}`, name)
    case "metadata":
      return metadata(value, name)
    case "range":
      return range(value, name)
    case "open":
      return plain(value)
  }
}

const readHash = (kinds: Readonly<Record<string, Kind>>, tree: FormTree, prefix: string): Record<string, unknown> => {
  const result: Record<string, unknown> = {}
  for (const [key, value] of tree) {
    const name = prefix === "" ? key : `${prefix}[${key}]`
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined
    if (kind === undefined) throw parameterUnknown(name)
    result[key] = read(kind, value, name)
  }
  return result
}

/** The parameters as the SDK's type describes them. */
export const readParameters = <P>(
  list: ParameterList<P>,
  required: ReadonlyArray<keyof P & string>,
  tree: FormTree,
): P => {
  const result = readHash(list as Readonly<Record<string, Kind>>, tree, "")
  for (const name of required) {
    if (!tree.has(name)) throw parameterMissing(name)
    if (tree.get(name) === "") throw parameterEmpty(name)
  }
  return result as P
}

/** What an update makes of stored metadata. */
export const mergeMetadata = (
  before: Stripe.Metadata | null,
  given: Stripe.Emptyable<Stripe.MetadataParam> | undefined,
): Stripe.Metadata => {
  if (given === "") return {}
  const merged: Stripe.Metadata = { ...before }
  for (const [key, value] of Object.entries(given ?? {})) {
    if (value === "" || value === null) delete merged[key]
    else merged[key] = String(value)
  }
  return merged
}

/** The smallest and largest amounts the processor takes, cents. */
const AMOUNT_MIN = 50
const AMOUNT_MAX = 99_999_999
/** Two-decimal currencies, so that an amount is always cents. */
const CURRENCIES = ["usd", "eur", "gbp"]

export const checkAmount = (amount: number): void => {
  if (amount < AMOUNT_MIN) {
    throw invalidWithCode("amount_too_small", "Amount must be at least $0.50 usd", "amount")
  }
  if (amount > AMOUNT_MAX) {
    throw invalidWithCode("amount_too_large", "Amount must be no more than $999,999.99", "amount")
  }
}

export const checkCurrency = (currency: string): string => {
  const code = currency.toLowerCase()
  if (!CURRENCIES.includes(code)) {
    throw invalidValue(`Invalid currency: ${currency}. The sandbox takes ${CURRENCIES.join(", ")}.`, "currency")
  }
  return code
}
