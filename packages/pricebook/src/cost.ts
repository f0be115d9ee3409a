/**
 * What a call costs: one pure function of the price book (R7.2, R7.3), used by pricing to rate and by whoever quotes.
 * Owns the arithmetic only; which book is in force and what becomes of the cost is decided elsewhere.
 */
import { divideHalfUp, NANO_AMOUNT_MAX, type Instant, type Nano } from "@credits/kernel"
import type { ModelPrice, PriceBook, RateCard, Rates } from "./book.ts"
import { PICO_PER_NANO } from "./price.ts"

/** Token counts as an event states them (the shape of a usage event's `tokens`). */
export interface CallTokens {
  /**
   * `inclusive`: cached tokens are counted inside `input`; `additive`: beside it. `reasoning` is inside `output` in
   * both.
   */
  readonly convention: "inclusive" | "additive"
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly reasoning: number
}
export interface Call {
  readonly model: string
  /** When it happened: some models have hours (see `book.ts`). */
  readonly at: Instant
  readonly tokens: CallTokens
  readonly images: number
  readonly requests: number
  readonly status: "ok" | "failed" | "cancelled"
}
/** The same tokens, disjoint: each is in exactly one count (R7.2). */
export interface DisjointTokens {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  readonly reasoningTokens: number
}
/** `provider` and `model` are those of the book. */
export interface CallCost {
  readonly cost: Nano
  readonly tokens: DisjointTokens
  readonly price: ModelPrice
}
export interface CallRefused {
  readonly code: "model_unknown" | "wrong_sum" | "cost_too_large"
  readonly detail: string
}

/** No amount of the system may exceed this; a call that would is absurd, not dear. */
const tooLarge: CallRefused = { code: "cost_too_large", detail: "a call cannot cost more than 1,000,000 USD" }

const DAY_MS = 86_400_000

/** What holds at an instant: of windows that overlap the last one listed. */
export const cardAt = (price: ModelPrice, at: Instant): RateCard => {
  if (price.hours.length === 0) return price.card
  const time = ((at % DAY_MS) + DAY_MS) % DAY_MS
  for (let i = price.hours.length - 1; i >= 0; i--) {
    const { fromMs, toMs } = price.hours[i]!
    if (fromMs < toMs ? time >= fromMs && time < toMs : time >= fromMs || time < toMs) return price.hours[i]!
  }
  return price.card
}

/** The rates of the whole call: those of the highest tier its prompt exceeds. */
export const ratesFor = (card: RateCard, promptTokens: number): Rates => {
  for (let i = card.tiers.length - 1; i >= 0; i--) {
    if (promptTokens > card.tiers[i]!.aboveInputTokens) return card.tiers[i]!
  }
  return card.base
}

/** Every token in exactly one count, or null when the counts contradict their convention. */
export const disjointTokens = (tokens: CallTokens): DisjointTokens | null => {
  const cached = tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h
  const inputTokens = tokens.convention === "inclusive" ? tokens.input - cached : tokens.input
  const outputTokens = tokens.output - tokens.reasoning
  if (inputTokens < 0 || outputTokens < 0) return null
  return {
    inputTokens,
    outputTokens,
    cacheReadTokens: tokens.cacheRead,
    cacheWrite5mTokens: tokens.cacheWrite5m,
    cacheWrite1hTokens: tokens.cacheWrite1h,
    reasoningTokens: tokens.reasoning,
  }
}

/** Exact sum in pico-USD as bigint, for the rare call that a double does not hold. */
const sumExact = (t: DisjointTokens, r: Rates, price: ModelPrice, images: number, requests: number): bigint =>
  BigInt(t.inputTokens) * BigInt(r.input) +
  BigInt(t.outputTokens) * BigInt(r.output) +
  BigInt(t.cacheReadTokens) * BigInt(r.cacheRead) +
  BigInt(t.cacheWrite5mTokens) * BigInt(r.cacheWrite5m) +
  BigInt(t.cacheWrite1hTokens) * BigInt(r.cacheWrite1h) +
  BigInt(t.reasoningTokens) * BigInt(r.reasoning) +
  BigInt(images) * BigInt(price.perImage) +
  BigInt(requests) * BigInt(price.perRequest)

/** Nano-USD of disjoint counts under rates: exact integer sum, one rounding, half up (R7.3). */
const sumNano = (t: DisjointTokens, r: Rates, price: ModelPrice, images: number, requests: number): Nano => {
  const pico =
    t.inputTokens * r.input +
    t.outputTokens * r.output +
    t.cacheReadTokens * r.cacheRead +
    t.cacheWrite5mTokens * r.cacheWrite5m +
    t.cacheWrite1hTokens * r.cacheWrite1h +
    t.reasoningTokens * r.reasoning +
    images * price.perImage +
    requests * price.perRequest
  // All terms are non-negative integers: when their sum in doubles stays below 2^53, every term and partial sum did,
  // and all of them were exact. Otherwise the sum is made again in bigint.
  if (pico > Number.MAX_SAFE_INTEGER) {
    return divideHalfUp(sumExact(t, r, price, images, requests), BigInt(PICO_PER_NANO))
  }
  const rest = pico % PICO_PER_NANO
  return BigInt((pico - rest) / PICO_PER_NANO + (rest * 2 >= PICO_PER_NANO ? 1 : 0))
}

/**
 * The cost of one call. A call that failed before it produced a token or an image costs nothing (R6.3); every other one
 * costs what it states, also when it was cancelled or failed midway.
 * Refusals are values: `model_unknown` (not in this book), `wrong_sum` (counts contradict their convention, R7.2),
 * `cost_too_large`.
 */
export const costOfCall = (book: PriceBook, call: Call): CallCost | CallRefused => {
  const price = book.models.get(call.model)
  if (price === undefined) {
    return { code: "model_unknown", detail: `price book ${book.version} has no price for ${call.model}` }
  }
  const tokens = disjointTokens(call.tokens)
  if (tokens === null) {
    return { code: "wrong_sum", detail: "cached tokens exceed input or reasoning tokens exceed output" }
  }
  if (call.status === "failed" && call.tokens.output === 0 && call.images === 0) return { cost: 0n, tokens, price }
  const promptTokens =
    tokens.inputTokens + tokens.cacheReadTokens + tokens.cacheWrite5mTokens + tokens.cacheWrite1hTokens
  const rates = ratesFor(cardAt(price, call.at), promptTokens)
  const cost = sumNano(tokens, rates, price, call.images, call.requests)
  return cost > NANO_AMOUNT_MAX ? tooLarge : { cost, tokens, price }
}

/** What a gateway knows before a call. */
export interface Estimate {
  readonly inputTokens: number
  readonly maxOutputTokens: number
  readonly images?: number
  readonly requests?: number
}

/**
 * The most a call can cost that keeps to its estimate, whatever its tokens turn out to be (cache reads and writes,
 * reasoning), at any hour: what an authorization holds (R6.1). Never below the cost of any such call, so a call that
 * keeps to its estimate makes no debt. Models that are not enabled have no quote (`model_unknown`).
 */
export const quoteMaximum = (
  book: PriceBook,
  model: string,
  estimate: Estimate,
): { readonly amount: Nano; readonly price: ModelPrice } | CallRefused => {
  const price = book.models.get(model)
  if (price === undefined || !price.enabled) {
    return { code: "model_unknown", detail: `price book ${book.version} does not offer ${model}` }
  }
  let most = 0n
  for (const card of [price.card, ...price.hours]) {
    for (const rates of [card.base, ...card.tiers.filter((tier) => estimate.inputTokens > tier.aboveInputTokens)]) {
      const input = Math.max(rates.input, rates.cacheRead, rates.cacheWrite5m, rates.cacheWrite1h)
      const output = Math.max(rates.output, rates.reasoning)
      const tokens: DisjointTokens = {
        inputTokens: estimate.inputTokens,
        outputTokens: estimate.maxOutputTokens,
        cacheReadTokens: 0,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
        reasoningTokens: 0,
      }
      const amount = sumNano(tokens, { ...rates, input, output }, price, estimate.images ?? 0, estimate.requests ?? 1)
      if (amount > most) most = amount
    }
  }
  return most > NANO_AMOUNT_MAX ? tooLarge : { amount: most, price }
}
