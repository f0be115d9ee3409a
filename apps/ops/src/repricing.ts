/**
 * What re-rating asks of the services: the price books of a time range from pricing, the charges from the ledger's
 * journal. The rule of what comes back is rerating.ts.
 */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import { partitions, type BookAnswer, type VersionsAnswer } from "@credits/contracts"
import { partitionOf, type Instant } from "@credits/kernel"
import { bookAt, readPriceBook, type PriceBook } from "@credits/pricebook"
import { failed, type CommandFailure } from "./failure.ts"
import { readJournal } from "./journal.ts"
import { askPricing } from "./pricing.ts"
import { progressBar } from "./progress.ts"
import { Rerating, type Scope } from "./rerating.ts"

const readBook = (bus: BusHandle, version: string): Effect.Effect<PriceBook, CommandFailure> =>
  Effect.gen(function* () {
    const shown = yield* askPricing<BookAnswer>(bus, { op: "book-show", version })
    const checked = readPriceBook(shown.data)
    if ("ok" in checked) return checked.ok
    return yield* failed("malformed_answer", `book ${version}: ${checked.invalid[0]?.detail}`)
  })

/** By which book a call of an instant is priced again: `version` for all, or the one in force then, corrections too. */
export const booksFor = (
  bus: BusHandle,
  { from, to }: Scope,
  version: string | null,
): Effect.Effect<(at: Instant) => PriceBook | null, CommandFailure> =>
  Effect.gen(function* () {
    if (version !== null) {
      const book = yield* readBook(bus, version)
      return () => book
    }
    const { items } = yield* askPricing<VersionsAnswer>(bus, { op: "book-list" })
    const first = items.findLastIndex(({ effectiveAt }) => effectiveAt <= from)
    const ofRange = items.filter((item, i) => i >= first && item.effectiveAt < to)
    const books = yield* Effect.forEach(ofRange, (item) => readBook(bus, item.version))
    return (at: Instant) => bookAt(books, at)
  })

/** Reads the journal of every partition in question. */
export const findOvercharges = (
  bus: BusHandle,
  scope: Scope,
  bookAtInstant: (at: Instant) => PriceBook | null,
): Effect.Effect<Rerating, CommandFailure> =>
  Effect.gen(function* () {
    const rerating = new Rerating(scope, bookAtInstant)
    const progress = progressBar("partitions read")
    const wanted = scope.account === null ? partitions : [partitionOf(scope.account)]
    for (const [done, partition] of wanted.entries()) {
      const within = (entries: number, last: number) => progress.at(done + Math.floor(entries / last), wanted.length)
      yield* readJournal(bus, partition, (entry) => rerating.add(entry), within)
    }
    progress.end()
    return rerating
  })
