/**
 * The price books and catalogues in force, followed from their buckets (decision 13): quoting is then a pure function.
 * Owns a copy only; pricing publishes. A version whose data cannot be read is not used, and said so in the log.
 */
import { Bus, BusinessClock, type BusHandle, kvGet, kvWatch } from "@credits/bus"
import { BUCKETS, CURRENT_KEY, MESSAGE_VERSION, type VersionList } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { type Catalogue, type Checked, type PriceBook, readCatalogue, readPriceBook } from "@credits/pricebook"
import { Context, Effect, Layer } from "effect"

interface Version<A> {
  readonly version: string
  readonly effectiveAt: Instant
  readonly value: A
}

/** The versions of a bucket that matter from `now` on, newest known data. */
class Versions<A> {
  #loaded: ReadonlyArray<Version<A>> = []

  at(now: Instant): A | null {
    for (let i = this.#loaded.length - 1; i >= 0; i--) {
      const one = this.#loaded[i]!
      if (one.effectiveAt <= now) return one.value
    }
    return null
  }

  /**
   * Loads what is in force at `now` and everything that comes after it; older versions are pricing's. Versions are
   * immutable: one that is loaded is never read again.
   */
  async load(
    bus: BusHandle,
    bucket: string,
    { v, versions }: VersionList,
    now: Instant,
    read: (data: unknown) => Checked<A>,
  ): Promise<void> {
    if (v !== MESSAGE_VERSION) throw new Error(`${bucket}: the list has version ${String(v)}, newer than this program`)
    const known = new Map(this.#loaded.map((one) => [one.version, one]))
    const loaded: Array<Version<A>> = []
    const inForce = versions.findLastIndex(({ effectiveAt }) => effectiveAt <= now)
    for (const { version, effectiveAt } of versions.slice(Math.max(0, inForce))) {
      const found = known.get(version)
      if (found !== undefined) {
        loaded.push(found)
        continue
      }
      const text = await kvGet(bus, bucket, version)
      if (text === undefined) continue
      const checked = read(JSON.parse(text.text))
      if ("ok" in checked) loaded.push({ version, effectiveAt, value: checked.ok })
      else throw new Error(`${bucket}/${version}: ${checked.invalid[0]?.detail ?? "invalid"}`)
    }
    this.#loaded = loaded
  }
}

const follow = <A>(bucket: string, read: (data: unknown) => Checked<A>) =>
  Effect.gen(function* () {
    const bus = yield* Bus
    const clock = yield* BusinessClock
    const context = yield* Effect.context()
    const fork = Effect.runForkWith(context)
    const versions = new Versions<A>()
    yield* Effect.acquireRelease(
      Effect.promise(() =>
        kvWatch(bus, bucket, CURRENT_KEY, async (value) => {
          try {
            await versions.load(bus, bucket, JSON.parse(value.text) as VersionList, clock.now(), read)
          } catch (error) {
            fork(Effect.logError(`price data not taken: ${String(error)}; trying again`))
            throw error
          }
        }),
      ),
      (watch) => Effect.sync(() => watch.stop()),
    )
    return versions
  })

export class PriceBooks extends Context.Service<
  PriceBooks,
  {
    /** The book in force at an instant, null while none was received. */
    readonly bookAt: (now: Instant) => PriceBook | null
    readonly catalogueAt: (now: Instant) => Catalogue | null
  }
>()("edge/PriceBooks") {
  static readonly layer = Layer.effect(
    PriceBooks,
    Effect.gen(function* () {
      const books = yield* follow(BUCKETS.priceBooks, readPriceBook)
      const catalogues = yield* follow(BUCKETS.catalogues, readCatalogue)
      return PriceBooks.of({ bookAt: (now) => books.at(now), catalogueAt: (now) => catalogues.at(now) })
    }),
  )
}
