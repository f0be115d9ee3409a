/**
 * Rebuilding the usage projection: counted anew from the ledger's entries (`ledger.history`, the system of record) and
 * our own BYOK calls into shadow tables, while the live ones go on; then compared with them, and put in their place.
 * Owns the order of it and its state. Interrupted, it goes on at the next question for it: every page was committed
 * with its position.
 */
import type { BusHandle } from "@credits/bus"
import { partitions, type RebuildState } from "@credits/contracts"
import type { Report } from "./intake.ts"
import { readHistory } from "./journal-owner.ts"
import type { UsageProjection } from "./projection.ts"
import { foldJournal, Rollup, type Positions } from "./rollup.ts"
import {
  beginShadow,
  clearShadow,
  commitShadow,
  compareAndSwap,
  isBegun,
  shadowPositions,
  type Comparison,
} from "./shadow.ts"
import { readPositions, type PricingDatabase } from "./store.ts"

export interface RebuildOptions {
  readonly bus: BusHandle
  readonly database: PricingDatabase
  readonly projection: UsageProjection
  readonly report: Report
}

/** Passes over the partitions while the live projection goes on; the last entries are counted while it waits. */
const PASSES = 2
/** A rest between pages is cut so that a stop does not wait for it. */
const STOP_LOOK_MS = 250

const nothing = { name: "usage", apply: false, entries: 0, total: 0, detail: "", comparison: null } as const

class Stopped extends Error {}

const sumOf = (positions: Positions): number => [...positions.values()].reduce((sum, seq) => sum + seq, 0)

export class UsageRebuild {
  readonly #options: RebuildOptions
  #stopped = false
  #running: Promise<void> | undefined
  #last: RebuildState = { ...nothing, state: "none", swapped: false }
  #shadow: Positions = new Map()
  #readAt = 0

  constructor(options: RebuildOptions) {
    this.#options = options
  }

  async state(): Promise<RebuildState> {
    if (this.#last.state !== "none" || !(await isBegun(this.#options.database))) return this.#last
    return { ...this.#last, state: "interrupted", entries: sumOf(await shadowPositions(this.#options.database)) }
  }

  /** Begins one, or goes on with one that was interrupted; answers at once. */
  async begin(apply: boolean, rate: number): Promise<RebuildState> {
    if (this.#running !== undefined) return this.#last
    this.#last = { ...nothing, apply, state: "running", swapped: false }
    this.#running = this.#run(apply, rate).finally(() => (this.#running = undefined))
    return this.#last
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(apply: boolean, rate: number): Promise<void> {
    const { database, projection, report } = this.#options
    try {
      await beginShadow(database, Date.now())
      this.#shadow = await shadowPositions(database)
      for (let pass = 0; pass < PASSES; pass++) await this.#count(rate)
      const comparison = await projection.exclusively(async (): Promise<Comparison> => {
        await this.#count(rate)
        return compareAndSwap(database, apply)
      })
      // Where something differs, what was counted is kept: to put it in place needs no second count.
      if (apply || comparison.differing === 0) await clearShadow(database)
      this.#last = { ...this.#last, state: "done", comparison, swapped: apply }
      if (apply) report("warning", `the usage projection was rebuilt; ${comparison.differing} figures differed`)
    } catch (error) {
      if (error instanceof Stopped) return
      const detail = error instanceof Error ? error.message : String(error)
      this.#last = { ...this.#last, state: "failed", detail }
      report("error", `rebuilding the usage projection: ${detail}`)
    }
  }

  /** Up to where the live projection stands now, partition by partition. */
  async #count(rate: number): Promise<void> {
    const live = await readPositions(this.#options.database)
    this.#last = { ...this.#last, total: sumOf(live) }
    for (const partition of partitions) await this.#countPartition(partition, live.get(partition) ?? 0, rate)
  }

  async #countPartition(partition: number, end: number, rate: number): Promise<void> {
    const { bus, database } = this.#options
    for (let position = this.#shadow.get(partition) ?? 0; position < end;) {
      if (this.#stopped) throw new Stopped()
      const page = await readHistory(bus, partition, position)
      const entries = page.entries.filter(({ seq }) => seq <= end)
      const rollup = new Rollup()
      const positions: Positions = new Map([[partition, position]])
      foldJournal(rollup, positions, { ...page, entries })
      const counted = positions.get(partition)!
      if (counted === position) throw new Error(`partition ${partition}: the ledger has no entry after ${position}`)
      await commitShadow(database, rollup, partition, counted)
      await this.#pace(counted - position, rate)
      position = counted
      this.#shadow.set(partition, counted)
      this.#last = { ...this.#last, entries: sumOf(this.#shadow) }
    }
  }

  /** Entries a second at most, evenly. */
  async #pace(entries: number, rate: number): Promise<void> {
    this.#readAt = Math.max(performance.now(), this.#readAt) + (entries / rate) * 1_000
    for (let rest = 0; !this.#stopped && (rest = this.#readAt - performance.now()) > 0;)
      await new Promise((resolve) => setTimeout(resolve, Math.min(rest, STOP_LOOK_MS)))
  }
}
