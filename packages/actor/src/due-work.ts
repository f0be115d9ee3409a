/**
 * Due work of owned partitions (decision 11): who is due in memory, and who only the database knows to be due.
 */
import type { DueUnit } from "./batch.ts"
import { DueHeap } from "./due-heap.ts"
import type { Partition } from "./partition.ts"
import type { ActorStore } from "./rows.ts"
import type { Slots } from "./slots.ts"

export interface DueWorkParts<State> {
  readonly store: ActorStore
  readonly slots: Slots<State>
  readonly owned: ReadonlyMap<number, Partition>
  readonly partitionOf: (account: string) => number
}

export class DueWork<State> {
  readonly heap = new DueHeap<State>()
  readonly #p: DueWorkParts<State>
  /** Earliest instant in snapshots; actors that are not in memory cannot have changed since. */
  #cold = Number.POSITIVE_INFINITY

  constructor(parts: DueWorkParts<State>) {
    this.#p = parts
  }

  /** Earliest instant anything may be due, or Infinity. */
  get earliest(): number {
    return Math.min(this.heap.earliest, this.#cold)
  }

  /** Looks at the database again: after taking partitions, and now and then. */
  async refresh(): Promise<void> {
    const { store, owned } = this.#p
    this.#cold =
      owned.size === 0
        ? Number.POSITIVE_INFINITY
        : ((await store.earliestDue([...owned.keys()])) ?? Number.POSITIVE_INFINITY)
  }

  async take(now: number, max: number): Promise<ReadonlyArray<DueUnit>> {
    const units: Array<DueUnit> = []
    const seen = new Set<string>()
    while (units.length < max) {
      const slot = this.heap.take(now)
      if (slot === undefined) break
      if (!this.#p.owned.has(slot.partition) || seen.has(slot.account)) continue
      seen.add(slot.account)
      units.push({ account: slot.account, partition: slot.partition, cold: false, poison: "" })
    }
    if (units.length < max && this.#cold <= now) await this.#takeCold(now, max - units.length, seen, units)
    return units
  }

  async #takeCold(now: number, max: number, seen: Set<string>, units: Array<DueUnit>): Promise<void> {
    const { store, slots, owned, partitionOf } = this.#p
    const accounts = await store.dueAccounts([...owned.keys()], now, max)
    for (const account of accounts) {
      if (seen.has(account)) continue
      units.push({ account, partition: slots.get(account)?.partition ?? partitionOf(account), cold: true, poison: "" })
    }
    if (accounts.length < max) this.#cold = Number.POSITIVE_INFINITY
  }
}
