/**
 * The price list of an edge, read again every minute: what a gateway without a bus quotes from when it extends a hold.
 * Holds themselves are quoted by the edge. Owns the reading; the list has neither the hours of a model nor prices of
 * images, so a quote from it is near the edge's, not equal to it.
 */
import type { ModelPrices } from "@credits/contracts/http"
import type { Instant } from "@credits/kernel"
import {
  type Estimate,
  type ModelPriceData,
  type PriceBook,
  type PriceBookData,
  readPriceBook,
} from "@credits/pricebook"
import type { CallRefusal } from "./errors.ts"
import { quoteUnder } from "./prices.ts"
import type { PriceList, Quote } from "./transport.ts"

/** A new price book takes effect for new holds at once, at the edge; here a minute later. */
const AGAIN_MS = 60_000
const READ_MS = 5_000
const FIRST_PAUSE_MS = 200

const modelOf = (model: ModelPrices["models"][number]): ModelPriceData => ({
  id: model.id,
  provider: model.provider,
  enabled: model.enabled,
  input: model.input,
  output: model.output,
  ...(model.cacheRead !== null && { cacheRead: model.cacheRead }),
  ...(model.cacheWrite !== null && { cacheWrite5m: model.cacheWrite }),
  ...(model.cacheWrite1h !== null && { cacheWrite1h: model.cacheWrite1h }),
  ...(model.longContext !== null && {
    longContext: [
      {
        aboveInputTokens: model.longContext.aboveInputTokens,
        input: model.longContext.input,
        output: model.longContext.output,
        ...(model.longContext.cacheRead !== null && { cacheRead: model.longContext.cacheRead }),
      },
    ],
  }),
})

/** In force whenever it is asked for: the list says what holds now and nothing of before. */
const bookOf = (list: ModelPrices): PriceBook | null => {
  const data: PriceBookData = {
    version: list.version,
    effectiveAt: "2000-01-01T00:00:00Z",
    source: "the public price list",
    models: list.models.map(modelOf),
  }
  const read = readPriceBook(data)
  return "ok" in read ? read.ok : null
}

export class HttpPrices implements PriceList {
  readonly #url: string
  readonly #signal: AbortSignal
  #book: PriceBook | null = null
  #timer: NodeJS.Timeout | undefined
  #onBook: () => void = () => {}
  readonly known: Promise<void>

  constructor(base: string, signal: AbortSignal) {
    this.#url = `${base}/api/v1/public/model-prices`
    this.#signal = signal
    this.known = new Promise((resolve) => (this.#onBook = resolve))
  }

  /** Waits for the first answer of the edge, whatever it is. @throws Error after `withinMs`; default: waits for ever */
  async firstRead(withinMs?: number): Promise<void> {
    const deadlineAt = withinMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + withinMs
    while (!(await this.#read())) {
      if (this.#signal.aborted) throw new Error("the client closes")
      if (performance.now() > deadlineAt) throw new Error(`${this.#url} does not answer`)
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS))
    }
    this.#later()
  }

  #later(): void {
    if (this.#signal.aborted) return
    // Before there is a book every quote is refused: then it is asked for more often.
    this.#timer = setTimeout(() => void this.#read().then(() => this.#later()), this.#book === null ? 1_000 : AGAIN_MS)
    this.#timer.unref()
  }

  /** True when somebody answered. What cannot be read leaves the list before it in force. */
  async #read(): Promise<boolean> {
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(READ_MS)])
      const response = await fetch(this.#url, { redirect: "error", signal })
      const text = await response.text()
      if (response.status !== 200) return true
      const book = bookOf(JSON.parse(text) as ModelPrices)
      if (book !== null) {
        this.#book = book
        this.#onBook()
      }
      return true
    } catch {
      return false
    }
  }

  bookAt(_at: Instant): PriceBook | null {
    return this.#book
  }

  get models(): ReadonlyArray<string> {
    return [...(this.#book?.models.keys() ?? [])]
  }

  quote(model: string, estimate: Estimate, _now: Instant): Quote | CallRefusal {
    return quoteUnder(this.#book, model, estimate)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
