/**
 * Re-rating (R7.4): which charges of the journal cost more than a corrected price book says, and what of each is still
 * to come back. Pure: entries in, in the order of their partition; owns no asking and no reversing.
 */
import { decodeUsageLine, type JournalEntry, type UsageLine } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { costOfCall, type CallCost, type CallRefused, type PriceBook } from "@credits/pricebook"

export interface Scope {
  /** By when the usage happened: `[from, to)`. */
  readonly from: Instant
  readonly to: Instant
  /** As the calls name it; null: every model. */
  readonly model: string | null
  readonly account: string | null
}

/** A charge that was too much. Amounts are nano-USD. */
export interface Overcharge {
  readonly account: string
  /** The usage event's id. */
  readonly chargeId: string
  readonly model: string
  readonly usedAt: Instant
  readonly charged: Nano
  /** Under the book that holds for it now. */
  readonly corrected: Nano
  readonly bookVersion: string
  /** What came back before, and in how many reversals. */
  reversed: Nano
  reversals: number
}

/** What is still to come back: never more than was charged too much, less what came back before. */
export const dueOf = ({ charged, corrected, reversed }: Overcharge): Nano => {
  const due = charged - corrected - reversed
  return due > 0n ? due : 0n
}

/** The call again, from its usage line: its tokens are disjoint there. */
const costAgain = (line: UsageLine, at: Instant, book: PriceBook): CallCost | CallRefused =>
  costOfCall(book, {
    model: line.model,
    at,
    tokens: {
      convention: "additive",
      input: line.inputTokens,
      output: line.outputTokens + line.reasoningTokens,
      cacheRead: line.cacheReadTokens,
      cacheWrite5m: line.cacheWrite5mTokens,
      cacheWrite1h: line.cacheWrite1hTokens,
      reasoning: line.reasoningTokens,
    },
    images: line.images,
    requests: line.requests,
    status: line.status,
  })

export class Rerating {
  readonly #scope: Scope
  readonly #bookAt: (at: Instant) => PriceBook | null
  readonly #found = new Map<string, Overcharge>()
  /** Charges in the scope. */
  calls = 0
  /** Of them, those the books have no price for: left as they are. */
  unpriced = 0

  /** `bookAt`: the book by which a call of an instant is priced again; null: by none. */
  constructor(scope: Scope, bookAt: (at: Instant) => PriceBook | null) {
    this.#scope = scope
    this.#bookAt = bookAt
  }

  add(entry: JournalEntry): void {
    if (entry.kind === "charged") this.#charged(entry)
    else if (entry.kind === "reversed") this.#reversed(entry)
  }

  #charged({ account, body }: JournalEntry): void {
    const { usage, usedAt, spent, cause } = body
    const { from, to, model, account: wanted } = this.#scope
    if (usage === undefined || usedAt === undefined || cause === undefined) return
    if (usedAt < from || usedAt >= to || (wanted !== null && account !== wanted)) return
    const line = decodeUsageLine(usage)
    if (line === null || (model !== null && line.model !== model)) return
    this.calls += 1
    const book = this.#bookAt(usedAt)
    const priced = book === null ? null : costAgain(line, usedAt, book)
    if (book === null || priced === null || "code" in priced) {
      this.unpriced += 1
      return
    }
    const charged = BigInt(spent ?? "0")
    if (priced.cost >= charged) return
    const { cost: corrected } = priced
    const found = { account, chargeId: cause, model: line.model, usedAt, charged, corrected }
    this.#found.set(`${account} ${cause}`, { ...found, bookVersion: book.version, reversed: 0n, reversals: 0 })
  }

  #reversed({ account, body: { cause, spent } }: JournalEntry): void {
    const found = this.#found.get(`${account} ${cause ?? ""}`)
    if (found === undefined) return
    found.reversed -= BigInt(spent ?? "0")
    found.reversals += 1
  }

  /** What is to come back, most first. */
  get due(): ReadonlyArray<Overcharge> {
    return [...this.#found.values()]
      .filter((each) => dueOf(each) > 0n)
      .toSorted((a, b) => {
        const difference = dueOf(b) - dueOf(a)
        return difference > 0n ? 1 : difference < 0n ? -1 : a.chargeId < b.chargeId ? -1 : 1
      })
  }
}
