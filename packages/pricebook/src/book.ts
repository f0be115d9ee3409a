/**
 * The price book (R7.1): versioned, immutable data with an effective instant; prices, never ratios.
 * Owns its data shape, its validation and its form in memory. What a call costs is in `cost.ts`.
 *
 * Long context: a tier replaces the rates of the **whole call** (input, cache and output) as soon as the call's
 * prompt, cached tokens included, has more than `aboveInputTokens` tokens. That is how the providers bill; it is not
 * marginal. Hours: a window of the UTC day (`from` inclusive, `to` exclusive, may pass midnight) replaces all rates
 * of the model; of windows that overlap the last one listed holds. Some providers sell by the hour, and an average
 * would be no price.
 */
import type { Instant } from "@credits/kernel"
import { Findings, VERSION, VERSION_RULE, type Checked } from "./invalid.ts"
import { parsePerMillion, parsePerPiece } from "./price.ts"

/** USD per million tokens, as decimal strings with at most six decimals. */
export interface RatesData {
  readonly input: string
  readonly output: string
  /** Absent: cached tokens cost what other input costs. */
  readonly cacheRead?: string
  /** Absent: written tokens cost what other input costs. */
  readonly cacheWrite5m?: string
  /** Absent: as `cacheWrite5m`. */
  readonly cacheWrite1h?: string
  /** Absent: as `output`. */
  readonly reasoning?: string
}
export interface LongContextData extends RatesData {
  readonly aboveInputTokens: number
}
export interface HoursData extends RatesData {
  /** "HH:MM:SS", UTC. */
  readonly from: string
  readonly to: string
  readonly longContext?: ReadonlyArray<LongContextData>
}
export interface ModelPriceData extends RatesData {
  readonly id: string
  readonly provider: string
  /** Other names of the same model, priced alike. */
  readonly aliases?: ReadonlyArray<string>
  /** false: not offered any more (no quote), yet a call that happened is still priced. */
  readonly enabled: boolean
  readonly longContext?: ReadonlyArray<LongContextData>
  readonly hours?: ReadonlyArray<HoursData>
  /** USD per image produced, per request made. */
  readonly perImage?: string
  readonly perRequest?: string
}
export interface PriceBookData {
  readonly version: string
  /** ISO 8601: in force from this instant until the next book's. */
  readonly effectiveAt: string
  /** Where the prices come from, for people. */
  readonly source: string
  /** Only in a correction (`correction.ts`): the version whose prices were wrong. */
  readonly corrects?: string
  readonly models: ReadonlyArray<ModelPriceData>
}

/** Pico-USD per token, every kind filled in. */
export interface Rates {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly reasoning: number
}
export interface Tier extends Rates {
  readonly aboveInputTokens: number
}
/** The rates of a time of day: base and tiers, ascending. */
export interface RateCard {
  readonly base: Rates
  readonly tiers: ReadonlyArray<Tier>
}
export interface HoursCard extends RateCard {
  /** Milliseconds into the UTC day. */
  readonly fromMs: number
  readonly toMs: number
}
export interface ModelPrice {
  readonly id: string
  readonly provider: string
  readonly enabled: boolean
  readonly card: RateCard
  readonly hours: ReadonlyArray<HoursCard>
  /** Pico-USD per image, per request. */
  readonly perImage: number
  readonly perRequest: number
}
export interface PriceBook {
  readonly version: string
  readonly effectiveAt: Instant
  /** Of a correction: the version it stands for from its instant on; null for every other book. */
  readonly corrects: string | null
  /** By id and by alias. */
  readonly models: ReadonlyMap<string, ModelPrice>
  readonly data: PriceBookData
}

export const MODELS_MAX = 5000
export const TIERS_MAX = 8
export const HOURS_MAX = 24

const NAME = /^[A-Za-z0-9][\w.:@/+-]{0,119}$/
const NAME_RULE = "a name of 1–120 letters, digits or . _ : @ / + -"
const TIME = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)$/
const RATE_FIELDS = ["input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h", "reasoning"] as const
const BOOK = new Set(["version", "effectiveAt", "source", "corrects", "models"])
const TIER = new Set<string>([...RATE_FIELDS, "aboveInputTokens"])
const HOURS = new Set<string>([...RATE_FIELDS, "from", "to", "longContext"])
const MODEL = new Set<string>([
  ...RATE_FIELDS,
  "id",
  "provider",
  "aliases",
  "enabled",
  "longContext",
  "hours",
  "perImage",
  "perRequest",
])

const readRate = (found: Findings, value: unknown, path: string): number => {
  const pico = parsePerMillion(value)
  if (pico === null) {
    found.add("invalid_price", path, `${path} must be USD per million tokens as text, ≥ 0, at most six decimals`)
    return 0
  }
  return pico
}

const readRates = (found: Findings, data: Record<string, unknown>, path: string): Rates => {
  const rate = (field: (typeof RATE_FIELDS)[number], fallback: () => number): number =>
    data[field] === undefined ? fallback() : readRate(found, data[field], `${path}.${field}`)
  const input = readRate(found, data.input, `${path}.input`)
  const output = readRate(found, data.output, `${path}.output`)
  const cacheWrite5m = rate("cacheWrite5m", () => input)
  return {
    input,
    output,
    cacheRead: rate("cacheRead", () => input),
    cacheWrite5m,
    cacheWrite1h: rate("cacheWrite1h", () => cacheWrite5m),
    reasoning: rate("reasoning", () => output),
  }
}

const readTiers = (found: Findings, value: unknown, path: string): ReadonlyArray<Tier> => {
  if (value === undefined) return []
  let last = 0
  return found.array(value, TIERS_MAX, path).flatMap((item, i) => {
    const at = `${path}[${i}]`
    const data = found.record(item, TIER, at)
    if (data === null) return []
    const aboveInputTokens = found.count(data.aboveInputTokens, 1, 100_000_000, `${at}.aboveInputTokens`)
    if (aboveInputTokens <= last) {
      found.add("tiers_not_ascending", `${at}.aboveInputTokens`, "tiers must be listed by growing aboveInputTokens")
    }
    last = aboveInputTokens
    return [{ aboveInputTokens, ...readRates(found, data, at) }]
  })
}

const readTime = (found: Findings, value: unknown, path: string): number => {
  const match = typeof value === "string" ? TIME.exec(value) : null
  if (match === null) {
    found.add("invalid_field", path, `${path} must be a time of day in UTC, HH:MM:SS`)
    return 0
  }
  return (Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])) * 1000
}

const readHours = (found: Findings, value: unknown, path: string): ReadonlyArray<HoursCard> => {
  if (value === undefined) return []
  return found.array(value, HOURS_MAX, path).flatMap((item, i) => {
    const at = `${path}[${i}]`
    const data = found.record(item, HOURS, at)
    if (data === null) return []
    const fromMs = readTime(found, data.from, `${at}.from`)
    const toMs = readTime(found, data.to, `${at}.to`)
    if (fromMs === toMs) found.add("invalid_field", `${at}.to`, "a window must not be empty")
    return [
      {
        fromMs,
        toMs,
        base: readRates(found, data, at),
        tiers: readTiers(found, data.longContext, `${at}.longContext`),
      },
    ]
  })
}

const readPiece = (found: Findings, value: unknown, path: string): number => {
  if (value === undefined) return 0
  const pico = parsePerPiece(value)
  if (pico === null) {
    found.add("invalid_price", path, `${path} must be USD as text, from 0 to 1000, at most twelve decimals`)
  }
  return pico ?? 0
}

const readModel = (found: Findings, item: unknown, path: string): { price: ModelPrice; names: string[] } | null => {
  const data = found.record(item, MODEL, path)
  if (data === null) return null
  const id = found.text(data.id, NAME, `${path}.id`, NAME_RULE)
  const aliases =
    data.aliases === undefined
      ? []
      : found
          .array(data.aliases, 50, `${path}.aliases`)
          .map((alias, i) => found.text(alias, NAME, `${path}.aliases[${i}]`, NAME_RULE))
  return {
    names: [id, ...aliases],
    price: {
      id,
      provider: found.text(data.provider, NAME, `${path}.provider`, NAME_RULE),
      enabled: found.flag(data.enabled, `${path}.enabled`),
      card: { base: readRates(found, data, path), tiers: readTiers(found, data.longContext, `${path}.longContext`) },
      hours: readHours(found, data.hours, `${path}.hours`),
      perImage: readPiece(found, data.perImage, `${path}.perImage`),
      perRequest: readPiece(found, data.perRequest, `${path}.perRequest`),
    },
  }
}

/**
 * Reads a price book from data. Refusal codes: `invalid_field`, `unknown_field`, `invalid_price` (negative, not a
 * decimal string, too many digits), `tiers_not_ascending`, `model_repeats`, `no_models`; each names its field.
 */
export const readPriceBook = (value: unknown): Checked<PriceBook> => {
  const found = new Findings()
  const data = found.record(value, BOOK, "")
  if (data === null) return { invalid: found.list }
  const version = found.text(data.version, VERSION, "version", VERSION_RULE)
  const effectiveAt = found.instant(data.effectiveAt, "effectiveAt")
  found.text(data.source, /^[^\0]{1,500}$/, "source", "1–500 characters")
  const corrects = data.corrects === undefined ? null : found.text(data.corrects, VERSION, "corrects", VERSION_RULE)
  const models = new Map<string, ModelPrice>()
  const list = found.array(data.models, MODELS_MAX, "models")
  list.forEach((item, i) => {
    const model = readModel(found, item, `models[${i}]`)
    for (const name of model?.names ?? []) {
      if (models.has(name)) found.add("model_repeats", `models[${i}].id`, `${name} is priced twice`)
      models.set(name, model!.price)
    }
  })
  if (models.size === 0) found.add("no_models", "models", "a price book prices at least one model")
  return found.list.length > 0
    ? { invalid: found.list }
    : { ok: { version, effectiveAt, corrects, models, data: value as PriceBookData } }
}

/**
 * Of versions ordered by effective instant (equal instants: by publication) the one in force at `at`, or null before
 * the first one (R7.1, R0.1).
 */
export const versionAt = <A extends { readonly effectiveAt: Instant }>(
  versions: ReadonlyArray<A>,
  at: Instant,
): A | null => {
  for (let i = versions.length - 1; i >= 0; i--) {
    if (versions[i]!.effectiveAt <= at) return versions[i]!
  }
  return null
}

/** The price book in force at an instant (R7.1). */
export const bookAt = (books: ReadonlyArray<PriceBook>, at: Instant): PriceBook | null => versionAt(books, at)
