/**
 * Bringing partitions to memory after taking them: snapshots and the entries after them. Actors without such entries
 * are loaded when first needed.
 */
import { entriesOf } from "./block.ts"
import type { Partition } from "./partition.ts"
import type { ActorStore } from "./rows.ts"
import type { Slots } from "./slots.ts"

/** Blocks read at a time; the leases are renewed between pages. */
const LOAD_PAGE = 1_000

const NOTHING = {
  blocks: [],
  claims: [],
  claimBlockId: 0,
  unclaimed: [],
  receipts: [],
  outbox: [],
  outboxDone: [],
  snapshots: [],
}

/** Renews the leases without any other work; false when one was lost. */
const holdLeases = async (taken: ReadonlyArray<Partition>, store: ActorStore, leaseMs: number): Promise<boolean> => {
  await store.begin(taken, [], 0, leaseMs)
  return (await store.commit({ ...NOTHING, partitions: taken }, leaseMs)).length === taken.length
}

/**
 * Replays what snapshots lack. Throws when the database contradicts itself or a lease is lost meanwhile; what was
 * loaded is dropped then: the partitions are not owned yet, so nobody else would, and by the next time it is stale.
 */
export const loadPartitions = async <State>(
  taken: ReadonlyArray<Partition>,
  slots: Slots<State>,
  store: ActorStore,
  leaseMs: number,
): Promise<void> => {
  try {
    await replayAll(taken, slots, store, leaseMs)
  } catch (error) {
    slots.drop(new Set(taken.map((partition) => partition.id)))
    throw error
  }
  // What was loaded now may lack older entries than what is in memory already: floors are read off the first.
  slots.sortDirty()
}

const replayAll = async <State>(
  taken: ReadonlyArray<Partition>,
  slots: Slots<State>,
  store: ActorStore,
  leaseMs: number,
): Promise<void> => {
  const ids = taken.map((partition) => partition.id)
  const seqs = new Map(taken.map((partition) => [partition.id, partition.seq]))
  for (let from = Math.min(...taken.map((partition) => partition.floor)); ;) {
    const blocks = await store.blocksFrom(from, ids, LOAD_PAGE)
    const entries = blocks.flatMap(entriesOf)
    const missing = entries.filter((entry) => slots.get(entry.account) === undefined)
    await slots.load(new Map(missing.map((entry) => [entry.account, entry.partition])), store)
    for (const entry of entries) {
      if (entry.seq > seqs.get(entry.partition)!) {
        throw new Error(`partition ${entry.partition}: entry ${entry.seq} is beyond its row`)
      }
      slots.replay(entry)
    }
    if (blocks.length < LOAD_PAGE) return
    from = blocks.at(-1)!.id + 1
    if (!(await holdLeases(taken, store, leaseMs))) throw new Error("the lease was lost while loading")
  }
}
