/**
 * Corrections of price books (R7.4): a book that names the version whose prices were wrong. It begins in the past,
 * takes the place of that version from its instant on, and is never dearer: what was quoted then stays the most that
 * such a call can cost, however late its usage arrives. Pure. Owns the comparison; when one may be published is
 * pricing's.
 */
import type { ModelPrice, PriceBook, Rates } from "./book.ts"
import { cardAt, ratesFor } from "./cost.ts"
import { Findings, type DataInvalid } from "./invalid.ts"

const DAY_MS = 86_400_000
const RATES = ["input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h", "reasoning"] as const

/** Instants of the day at which the prices of either may change: between two of them nothing does. */
const changesOfDay = (...prices: ReadonlyArray<ModelPrice>): ReadonlyArray<number> => [
  ...new Set([0, ...prices.flatMap(({ hours }) => hours.flatMap(({ fromMs, toMs }) => [fromMs, toMs % DAY_MS]))]),
]

/** Prompts with which a tier of either begins. */
const promptsAt = (at: number, ...prices: ReadonlyArray<ModelPrice>): ReadonlyArray<number> => [
  ...new Set([0, ...prices.flatMap((price) => cardAt(price, at).tiers.map((tier) => tier.aboveInputTokens + 1))]),
]

/** The first rate that is higher in `price`, in words; null: no call costs more. */
const dearerRate = (price: ModelPrice, than: ModelPrice): string | null => {
  if (price.perImage > than.perImage) return "perImage"
  if (price.perRequest > than.perRequest) return "perRequest"
  for (const at of changesOfDay(price, than)) {
    for (const prompt of promptsAt(at, price, than)) {
      const [rates, before]: ReadonlyArray<Rates> = [
        ratesFor(cardAt(price, at), prompt),
        ratesFor(cardAt(than, at), prompt),
      ]
      const dearer = RATES.find((rate) => rates![rate] > before![rate])
      if (dearer !== undefined) return prompt === 0 ? dearer : `${dearer} above ${prompt - 1} input tokens`
    }
  }
  return null
}

/**
 * Why `book` cannot stand for `wrong`: a model that is missing (`model_missing`), a price that is higher
 * (`price_higher`). Empty: every call that `wrong` prices costs the same or less.
 */
export const dearerThan = (book: PriceBook, wrong: PriceBook): ReadonlyArray<DataInvalid> => {
  const found = new Findings()
  const places = new Map(book.data.models.map(({ id }, i) => [id, `models[${i}]`]))
  for (const [name, than] of wrong.models) {
    const price = book.models.get(name)
    if (price === undefined) {
      found.add("model_missing", "models", `${name} has a price in ${wrong.version} and none here`)
      continue
    }
    const dearer = dearerRate(price, than)
    if (dearer === null) continue
    found.add("price_higher", places.get(price.id) ?? "models", `${name}: ${dearer} is higher than in ${wrong.version}`)
  }
  return found.list
}
