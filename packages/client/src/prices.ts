/**
 * The price books as a gateway sees them: read from the bucket, kept up to date, used to quote what a call can cost at
 * most (decision 13). Owns the watch; the arithmetic is @credits/pricebook's.
 */
import { type BucketWatch, type BusHandle, kvGet, kvWatch } from "@credits/bus"
import { BUCKETS, CURRENT_KEY, type VersionList } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { bookAt, type Estimate, type PriceBook, quoteMaximum, readPriceBook } from "@credits/pricebook"
import type { CallRefusal } from "./errors.ts"
import type { PriceList, Quote } from "./transport.ts"

/** The most a call that keeps to its estimate can cost under a book; null: none is known yet. */
export const quoteUnder = (book: PriceBook | null, model: string, estimate: Estimate): Quote | CallRefusal => {
  if (book === null) return { code: "unavailable", detail: "no price book is known yet", retryAfterMs: 1_000 }
  const quoted = quoteMaximum(book, model, estimate)
  if ("amount" in quoted) return { amount: quoted.amount, bookVersion: book.version }
  return { code: quoted.code === "model_unknown" ? "model_unknown" : "invalid", detail: quoted.detail }
}

/** A list that is none is not read again: it stays what it is. */
const versionsOf = (text: string): VersionList | null => {
  try {
    return JSON.parse(text) as VersionList
  } catch {
    return null
  }
}

export class Prices implements PriceList {
  readonly #bus: BusHandle
  #books: ReadonlyArray<PriceBook> = []
  #watch: BucketWatch | null = null
  #onBooks: () => void = () => {}
  /** Resolves when the first book is known. */
  readonly known: Promise<void>

  private constructor(bus: BusHandle) {
    this.#bus = bus
    this.known = new Promise((resolve) => (this.#onBooks = resolve))
  }

  /** Resolves after the first read. Without a published book every quote is refused until one comes. */
  static async watch(bus: BusHandle): Promise<Prices> {
    const prices = new Prices(bus)
    prices.#watch = await kvWatch(bus, BUCKETS.priceBooks, CURRENT_KEY, (value) => prices.#load(value.text))
    return prices
  }

  /**
   * Versions never change, so only new ones are fetched. A book that cannot be read leaves the ones before it in force.
   */
  async #load(text: string): Promise<void> {
    const list = versionsOf(text)
    if (list === null) return
    const known = new Map(this.#books.map((book) => [book.version, book]))
    const books: Array<PriceBook> = []
    for (const { version } of list.versions) {
      const book = known.get(version) ?? (await this.#fetch(version))
      if (book !== null) books.push(book)
    }
    // Stable: of equal instants the one published later stays last and holds.
    this.#books = books.sort((a, b) => a.effectiveAt - b.effectiveAt)
    if (books.length > 0) this.#onBooks()
  }

  /** @throws BusError: the list is then given again, and no call is quoted from the book before it for long. */
  async #fetch(version: string): Promise<PriceBook | null> {
    const value = await kvGet(this.#bus, BUCKETS.priceBooks, version)
    if (value === undefined) return null
    const read = readPriceBook(JSON.parse(value.text))
    return "ok" in read ? read.ok : null
  }

  /** The book in force at an instant; null when none is known. */
  bookAt(at: Instant): PriceBook | null {
    return bookAt(this.#books, at)
  }

  /** Ids and aliases of all models that have a price. */
  get models(): ReadonlyArray<string> {
    return [...new Set(this.#books.flatMap((book) => [...book.models.keys()]))]
  }

  /** The most a call that keeps to its estimate can cost at `now`. */
  quote(model: string, estimate: Estimate, now: Instant): Quote | CallRefusal {
    return quoteUnder(this.bookAt(now), model, estimate)
  }

  stop(): void {
    this.#watch?.stop()
  }
}
