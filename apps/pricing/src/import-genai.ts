/**
 * Price books from the `@pydantic/genai-prices` data: OpenAI, Anthropic, Google, DeepSeek, Moonshot, Zhipu and xAI chat
 * models. Owns the translation only: pure, no file and no network. What it leaves out it names, with the reason.
 *
 * The source gives a model several prices, by start date and by time of day. Start dates become books with effective
 * instants, times of day become hours of a model. Model ids are published in lower case.
 */
import type { HoursData, LongContextData, ModelPriceData, PriceBookData, RatesData } from "@credits/pricebook"
import { parsePerMillion } from "@credits/pricebook"

type Price = number | { readonly base: number; readonly tiers: ReadonlyArray<{ start: number; price: number }> }
type Prices = Readonly<Record<string, Price | undefined>>
export type Match =
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string }
  | { readonly or: ReadonlyArray<Match> }
  | { readonly and: ReadonlyArray<Match> }
type Constraint =
  | { readonly type: "start_date"; readonly start_date: string }
  | { readonly type: "time_of_date"; readonly start_time: string; readonly end_time: string }
interface Conditional {
  readonly constraint?: Constraint | undefined
  readonly prices: Prices
}
export interface GenaiModel {
  readonly id: string
  readonly match: Match
  readonly deprecated?: boolean
  readonly prices: Prices | ReadonlyArray<Conditional>
}
export interface GenaiProvider {
  readonly id: string
  readonly models: ReadonlyArray<GenaiModel>
}
export interface Skipped {
  readonly provider: string
  readonly model: string
  readonly reason: string
}

/** Imported, in this order: where two sell a model under one name, the first one's price stands. */
export const GENAI_PROVIDERS = ["openai", "anthropic", "google", "deepseek", "moonshotai", "zhipuai", "x-ai"] as const

/** Before any usage: the first book has always been in force. */
export const FIRST_EFFECTIVE_AT = "2000-01-01T00:00:00.000Z"

const matches = (match: Match, name: string): boolean => {
  if ("or" in match) return match.or.some((one) => matches(one, name))
  if ("and" in match) return match.and.every((one) => matches(one, name))
  if ("equals" in match) return name === match.equals.toLowerCase()
  if ("starts_with" in match) return name.startsWith(match.starts_with.toLowerCase())
  if ("ends_with" in match) return name.endsWith(match.ends_with.toLowerCase())
  if ("contains" in match) return name.includes(match.contains.toLowerCase())
  return new RegExp(match.regex).test(name)
}

const exactNames = (match: Match): ReadonlyArray<string> =>
  "equals" in match ? [match.equals] : "or" in match ? match.or.flatMap(exactNames) : []

/** Modes of use whose tokens a usage event does not tell apart: they are no chat models. */
const NO_CHAT = /(^|[-_.])(tts|transcribe|audio|realtime|live|voice|image|embedding|moderation)([-_.\d]|$)/
const MODALITY = /^(output_(audio|image|video)|input_image|audio_)/

/** Why a model is left out, or null. */
const skipReason = (provider: string, model: GenaiModel, all: ReadonlyArray<Prices>): string | null => {
  if (provider === "google" && model.id.startsWith("claude")) return "sold by anthropic under the same name"
  if (model.id.startsWith("ft:") || model.id.endsWith("-")) return "a family of names, not a model"
  if (NO_CHAT.test(model.id.toLowerCase())) return "not a chat model"
  for (const prices of all) {
    if (prices.input_mtok === undefined || prices.output_mtok === undefined) return "no price for input or output"
    const other = Object.keys(prices).find((key) => MODALITY.test(key))
    if (other !== undefined) return `priced by ${other}, which usage events do not carry`
  }
  return null
}

const decimal = (price: number): string => {
  const text = String(price)
  if (parsePerMillion(text) === null) throw new RangeError(`${text} USD per million has more than six decimals`)
  return text
}

const KEYS = {
  input: "input_mtok",
  output: "output_mtok",
  cacheRead: "cache_read_mtok",
  cacheWrite5m: "cache_write_mtok",
  cacheWrite1h: "cache_write_1h_mtok",
  reasoning: "output_reasoning_mtok",
} as const satisfies Record<keyof RatesData, string>

const ratesOf = (prices: Prices, pick: (price: Price) => number): RatesData => {
  const rates: Record<string, string> = {}
  for (const [field, key] of Object.entries(KEYS)) {
    const price = prices[key]
    if (price !== undefined) rates[field] = decimal(pick(price))
  }
  return rates as unknown as RatesData
}

/** A price per token this translation does not know would be lost in silence: better no import at all. */
const refuseUnknown = (prices: Prices): void => {
  const known = new Set<string>(Object.values(KEYS))
  const unknown = Object.keys(prices).find(
    (key) => key.endsWith("_mtok") && !known.has(key) && !/audio|image|video/.test(key),
  )
  if (unknown !== undefined) throw new RangeError(`the source prices ${unknown}, which price books do not know`)
}

const base = (prices: Prices): RatesData => ratesOf(prices, (price) => (typeof price === "number" ? price : price.base))

/** One tier per start any price names; a price without a tier there keeps its last one. */
const tiersOf = (prices: Prices): ReadonlyArray<LongContextData> => {
  const tiered = Object.values(KEYS).flatMap((key) => (typeof prices[key] === "object" ? prices[key].tiers : []))
  const starts = [...new Set(tiered.map((tier) => tier.start))].sort((a, b) => a - b)
  return starts.map((start) => ({
    aboveInputTokens: start,
    ...ratesOf(prices, (price) => {
      if (typeof price === "number") return price
      const reached = price.tiers.filter((tier) => tier.start <= start).sort((a, b) => a.start - b.start)
      return reached.at(-1)?.price ?? price.base
    }),
  }))
}

const priced = (prices: Prices): RatesData & { longContext?: ReadonlyArray<LongContextData> } => {
  refuseUnknown(prices)
  const longContext = tiersOf(prices)
  return { ...base(prices), ...(longContext.length > 0 && { longContext }) }
}

/** "01:00:00Z" → "01:00:00"; the source writes UTC for these providers, anything else is refused. */
const timeOf = (text: string): string => {
  const match = /^(\d{2}:\d{2}:\d{2})Z$/.exec(text)
  if (match === null) throw new RangeError(`time of day ${text} is not UTC`)
  return match[1]!
}

const conditionalOf = (model: GenaiModel): ReadonlyArray<Conditional> =>
  Array.isArray(model.prices) ? (model.prices as ReadonlyArray<Conditional>) : [{ prices: model.prices as Prices }]

/**
 * What a model costs on and after a date: the source reads its list from the end, the first entry that applies holds.
 */
const pricesOn = (model: GenaiModel, date: string): { prices: Prices; hours: ReadonlyArray<HoursData> } => {
  const list = conditionalOf(model)
  const hours: Array<HoursData> = []
  for (const one of list.toReversed()) {
    const { constraint } = one
    if (constraint?.type === "time_of_date") {
      hours.unshift({ from: timeOf(constraint.start_time), to: timeOf(constraint.end_time), ...priced(one.prices) })
    } else if (constraint === undefined || constraint.start_date <= date) {
      return { prices: one.prices, hours }
    }
  }
  return { prices: list[0]!.prices, hours }
}

const modelOn = (provider: string, model: GenaiModel, aliases: ReadonlyArray<string>, date: string): ModelPriceData => {
  const { prices, hours } = pricesOn(model, date)
  const requests = prices.requests_kcount
  return {
    id: model.id.toLowerCase(),
    provider,
    enabled: model.deprecated !== true,
    ...(aliases.length > 0 && { aliases }),
    ...priced(prices),
    ...(hours.length > 0 && { hours }),
    ...(typeof requests === "number" && { perRequest: decimal(requests / 1000) }),
  }
}

interface Chosen {
  readonly provider: string
  readonly model: GenaiModel
  readonly aliases: ReadonlyArray<string>
}

const choose = (providers: ReadonlyArray<GenaiProvider>): { chosen: Array<Chosen>; skipped: Array<Skipped> } => {
  const chosen: Array<Chosen> = []
  const skipped: Array<Skipped> = []
  const taken = new Set<string>()
  for (const name of GENAI_PROVIDERS) {
    const provider = providers.find((one) => one.id === name)
    if (provider === undefined) throw new RangeError(`the source has no provider ${name}`)
    const resolves = (alias: string, model: GenaiModel): boolean =>
      provider.models.find((one) => matches(one.match, alias)) === model
    for (const model of provider.models) {
      const id = model.id.toLowerCase()
      const reason =
        skipReason(
          name,
          model,
          conditionalOf(model).map((one) => one.prices),
        ) ??
        (resolves(id, model) ? null : "the source prices this name as another model") ??
        (taken.has(id) ? "the name is taken by another provider" : null)
      if (reason !== null) {
        skipped.push({ provider: name, model: model.id, reason })
        continue
      }
      const names = [model.id, ...exactNames(model.match).flatMap((alias) => [alias, alias.toLowerCase()])]
      const aliases = [...new Set(names)].filter(
        (alias) => alias !== id && !taken.has(alias) && resolves(alias.toLowerCase(), model),
      )
      for (const alias of [id, ...aliases]) taken.add(alias)
      chosen.push({ provider: name, model, aliases })
    }
  }
  return { chosen, skipped }
}

const startDates = (chosen: ReadonlyArray<Chosen>): ReadonlyArray<string> => {
  const dates = chosen.flatMap(({ model }) =>
    conditionalOf(model).flatMap(({ constraint }) =>
      constraint?.type === "start_date" ? [constraint.start_date] : [],
    ),
  )
  return [...new Set(dates)].sort()
}

/**
 * All books of the source: one in force from 2000, one for each date on which any price changes.
 * Versions are `<prefix>-<date>`. Throws a RangeError when the source holds what a book cannot say exactly.
 */
export const importBooks = (
  providers: ReadonlyArray<GenaiProvider>,
  prefix: string,
  source: string,
): { readonly books: ReadonlyArray<PriceBookData>; readonly skipped: ReadonlyArray<Skipped> } => {
  const { chosen, skipped } = choose(providers)
  const first = FIRST_EFFECTIVE_AT.slice(0, 10)
  const books = [first, ...startDates(chosen).filter((date) => date > first)].map((date) => ({
    version: `${prefix}-${date.replaceAll("-", "")}`,
    effectiveAt: `${date}T00:00:00.000Z`,
    source,
    models: chosen.map(({ provider, model, aliases }) => modelOn(provider, model, aliases, date)),
  }))
  return { books, skipped }
}
