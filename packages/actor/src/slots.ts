/**
 * Slots: the actors of owned partitions in memory, each with the row id of its newest entry. Owns loading (snapshot +
 * entries after it), the order in which snapshots are written, and eviction. Knows nothing of decisions.
 */
import { blockOf, entryAt } from "./block.ts"
import type { AnyMachine, DueUnit } from "./batch.ts"
import type { StoredEntry } from "./machine.ts"
import type { ActorStore, NewSnapshot } from "./rows.ts"

type SlotMachine<State> = Pick<
  AnyMachine<State>,
  "empty" | "decodeSnapshot" | "encodeSnapshot" | "nextDue" | "evolve" | "decodeEntry"
>

/**
 * One actor. At rest it is only its snapshot's text (about 0.6 KiB with everything around it, half of the objects it
 * stands for); the state is made from it when somebody looks, and the text is given up when something changes.
 */
export class Slot<State> {
  readonly account: string
  readonly partition: number
  /** Address of the newest entry, 0 for none. */
  head: number
  /** The same, as last committed: where a reload starts after a batch that failed. */
  committed: number
  /** No entry outside its snapshot lies in a block below this one; 0 = clean. */
  dirtyFrom = 0
  /** Entries since the last snapshot: bounds what a reload must replay for one hot account. */
  since = 0
  /** The instant under which it waits in the due heap. */
  waitsFor = Number.POSITIVE_INFINITY
  /** Whether it is among those that changed since they were last taken. */
  isChanged = false
  /** The second of real time in which it was used last, and whether it is among those that are looked at for that. */
  usedAt = 0
  isQueued = false
  /** No longer in memory: another slot may stand for its account. */
  isGone = false
  readonly #machine: SlotMachine<State>
  #state: State | null
  #text: string | null

  constructor(machine: SlotMachine<State>, account: string, partition: number, text: string | null, head: number) {
    this.account = account
    this.partition = partition
    this.head = head
    this.committed = head
    this.#machine = machine
    this.#state = null
    this.#text = text
  }

  get state(): State {
    if (this.#state === null) {
      const { account } = this
      this.#state =
        this.#text === null ? this.#machine.empty(account) : this.#machine.decodeSnapshot(account, this.#text)
    }
    return this.#state
  }

  /** The state of one that is not at rest. */
  get awake(): State | null {
    return this.#state
  }

  /** The state is no longer what its text says. */
  changed(): void {
    this.#text = null
  }

  /** Back to a snapshot's text; null: an actor without entries. */
  reset(text: string | null): void {
    this.#state = null
    this.#text = text
  }

  /** The text says again what the state is. */
  saved(text: string): void {
    this.#text = text
  }

  /** Nobody looks any more: objects go, the text stays, if the text still holds. */
  rest(): void {
    if (this.#text !== null) this.#state = null
  }
}

/**
 * A snapshot is written at the latest when this many entries or blocks follow the first it lacks: bounds the replay at
 * start. A drain has 32 entries a block, a commit of a few requests 1 to 3: blocks alone would have snapshots, each a
 * page of its own, written all the time.
 */
const LAG_ENTRIES_MAX = 2_000_000
const LAG_BLOCKS_MAX = 400_000
/** Where so many more entries begin is remembered. */
const LAG_STEP = 1_000
/** And when one account has this many: bounds the replay of one account. */
export const SNAPSHOT_ENTRIES_MAX = 20_000
/** Actors kept in memory; clean ones beyond it are dropped, oldest loaded first. */
export const SLOTS_MAX = 400_000

/** Who was used a moment ago is likely to be used again: making its objects anew costs as much as a decision. */
const REST_AFTER_SECONDS = 60
/** Of those that are awake, at a time. */
const AWAKE_LOOKED_MAX = 10_000

/** Places of the queue of changed actors that may stand empty before it is moved up. */
const CHANGED_TAKEN_KEPT = 10_000

export class Slots<State> {
  readonly #machine: SlotMachine<State>
  readonly #slots = new Map<string, Slot<State>>()
  /** Dirty accounts in the order they became so: a Map keeps insertion order. */
  readonly #dirty = new Map<string, Slot<State>>()
  readonly #hot: Array<Slot<State>> = []
  #changed: Array<Slot<State>> = []
  #changedFrom = 0
  /** Who was used, longest ago first; looked at again and again until they are tired. */
  readonly #awake: Array<Slot<State>> = []
  readonly #restAfterSeconds: number
  /** Of real time; told by whoever calls `tired`. */
  #second = 0
  /** Entries applied, and the block that every `LAG_STEP`th of them came with: the newest `LAG_ENTRIES_MAX`. */
  #entries = 0
  #steps: Array<number> = []

  constructor(machine: SlotMachine<State>, restAfterSeconds = REST_AFTER_SECONDS) {
    this.#machine = machine
    this.#restAfterSeconds = restAfterSeconds
  }

  get size(): number {
    return this.#slots.size
  }
  get dirty(): number {
    return this.#dirty.size
  }

  get(account: string): Slot<State> | undefined {
    return this.#slots.get(account)
  }

  /** Brings the accounts (with their partitions) into memory; unknown ones start empty. */
  async load(missing: Map<string, number>, store: ActorStore): Promise<void> {
    if (missing.size === 0) return
    for (const row of await store.snapshotsOf([...missing.keys()])) {
      const slot = new Slot(this.#machine, row.account, row.partition, row.state, row.head)
      this.#slots.set(row.account, slot)
      this.#note(slot)
      missing.delete(row.account)
    }
    for (const [account, partition] of missing)
      this.#slots.set(account, new Slot(this.#machine, account, partition, null, 0))
  }

  #note(slot: Slot<State>): void {
    if (slot.isChanged) return
    slot.isChanged = true
    this.#changed.push(slot)
  }

  /**
   * Up to `max` of the actors that were loaded, changed or put back since they were last taken, the longest waiting
   * first, each once; some may be gone again.
   */
  takeChanged(max: number): ReadonlyArray<Slot<State>> {
    const taken = this.#changed.slice(this.#changedFrom, this.#changedFrom + max)
    this.#changedFrom += taken.length
    if (this.#changedFrom === this.#changed.length || this.#changedFrom > CHANGED_TAKEN_KEPT) {
      this.#changed = this.#changed.slice(this.#changedFrom)
      this.#changedFrom = 0
    }
    for (const slot of taken) slot.isChanged = false
    return taken
  }

  /** After the entry at this address was applied; `block` is the first block of its commit. */
  touched(slot: Slot<State>, address: number, block: number): void {
    slot.head = address
    slot.since += 1
    slot.changed()
    this.#note(slot)
    if (slot.dirtyFrom === 0) {
      slot.dirtyFrom = block
      this.#dirty.set(slot.account, slot)
    }
    if (slot.since === SNAPSHOT_ENTRIES_MAX) this.#hot.push(slot)
    if (this.#entries++ % LAG_STEP === 0) this.#step(block)
  }

  #step(block: number): void {
    this.#steps.push(block)
    if (this.#steps.length > (2 * LAG_ENTRIES_MAX) / LAG_STEP)
      this.#steps = this.#steps.slice(-LAG_ENTRIES_MAX / LAG_STEP)
  }

  /** A snapshot that lacks a block below this one is due. */
  #overdueBelow(next: number): number {
    const steps = this.#steps
    const entries = steps.length * LAG_STEP < LAG_ENTRIES_MAX ? 0 : steps[steps.length - LAG_ENTRIES_MAX / LAG_STEP]!
    return Math.max(next - LAG_BLOCKS_MAX, entries)
  }

  /** Blocks below this one are in snapshots; `next` when all are clean. */
  floor(next: number): number {
    for (const slot of this.#dirty.values()) return slot.dirtyFrom
    return next
  }

  /**
   * Up to `budget` snapshots that are due: overly hot accounts, then the oldest dirty ones beyond the limits, or `all`
   * dirty ones.
   */
  dueSnapshots(next: number, budget: number, all: boolean): ReadonlyArray<NewSnapshot> {
    const below = all ? Number.POSITIVE_INFINITY : this.#overdueBelow(next)
    const chosen: Array<NewSnapshot> = []
    while (this.#hot.length > 0 && chosen.length < budget) {
      const slot = this.#hot.pop()!
      if (slot.since >= SNAPSHOT_ENTRIES_MAX && this.#slots.get(slot.account) === slot) chosen.push(this.snapshot(slot))
    }
    for (const slot of this.#dirty.values()) {
      if (chosen.length >= budget || slot.dirtyFrom >= below) break
      chosen.push(this.snapshot(slot))
    }
    return chosen
  }

  /** Takes a snapshot and marks the slot clean: to be called only for what the coming commit writes. */
  snapshot(slot: Slot<State>): NewSnapshot {
    slot.dirtyFrom = 0
    slot.since = 0
    this.#dirty.delete(slot.account)
    const due = this.#machine.nextDue(slot.state)
    return {
      account: slot.account,
      partition: slot.partition,
      head: slot.head,
      nextDue: due >= 8_640_000_000_000_000 ? null : due,
      state: this.#machine.encodeSnapshot(slot.state),
    }
  }

  /** Somebody decides about it: it stays awake for a while. */
  used(slot: Slot<State>): void {
    slot.usedAt = this.#second
    if (slot.isQueued) return
    slot.isQueued = true
    this.#awake.push(slot)
  }

  /**
   * To be called every second or so. Who was not used for a minute rests; up to `max` who lack a snapshot are answered,
   * to be written first. Without this a service that is never idle would keep everyone awake it ever saw.
   */
  tired(real: number, max: number): ReadonlyArray<DueUnit> {
    this.#second = Math.floor(real / 1_000)
    const looked = this.#awake.splice(0, AWAKE_LOOKED_MAX)
    const unwritten: Array<DueUnit> = []
    for (const slot of looked) {
      if (slot.isGone) continue
      const { account, partition } = slot
      const isTired = slot.usedAt <= this.#second - this.#restAfterSeconds
      if (!isTired || (slot.dirtyFrom !== 0 && unwritten.length === max)) {
        this.#awake.push(slot)
        continue
      }
      slot.isQueued = false
      if (slot.dirtyFrom === 0) slot.rest()
      else unwritten.push({ account, partition, cold: true, poison: "" })
    }
    return unwritten
  }

  /** The snapshot is committed, and nothing was decided since it was taken. */
  saved({ account, state }: Pick<NewSnapshot, "account" | "state">): void {
    const slot = this.#slots.get(account)
    slot?.saved(state)
    if (slot?.isQueued === false) slot.rest()
  }

  /** Drops clean actors beyond the limit. */
  evict(max: number): void {
    let over = this.#slots.size - max
    if (over <= 0) return
    for (const [account, slot] of this.#slots) {
      if (over <= 0) return
      if (slot.dirtyFrom !== 0) continue
      slot.isGone = true
      this.#slots.delete(account)
      over -= 1
    }
  }

  /**
   * After a batch that was not committed: the slots go back to what the database holds (snapshot, then the chain of
   * entries up to the committed head).
   */
  async restore(touched: Iterable<Slot<State>>, store: ActorStore): Promise<void> {
    for (const slot of touched) {
      const row = (await store.snapshotsOf([slot.account]))[0]
      const entries: Array<StoredEntry> = []
      for (let id = slot.committed; id > (row?.head ?? 0);) {
        const block = await store.block(blockOf(id))
        const entry = block === undefined ? undefined : entryAt(block, id)
        if (entry === undefined) throw new Error(`account ${slot.account}: entry ${id} is missing from its chain`)
        entries.push(entry)
        id = entry.prev
      }
      slot.reset(row === undefined ? null : row.state)
      this.#note(slot)
      this.used(slot)
      const { state } = slot
      if (entries.length > 0) slot.changed()
      for (let i = entries.length - 1; i >= 0; i--) {
        const { kind, at, body } = entries[i]!
        this.#machine.evolve(state, this.#machine.decodeEntry(kind, at, body))
      }
      slot.head = slot.committed
      slot.since = entries.length
      slot.dirtyFrom = entries.length === 0 ? 0 : blockOf(entries.at(-1)!.id)
      if (slot.dirtyFrom === 0) this.#dirty.delete(slot.account)
      else this.#dirty.set(slot.account, slot)
    }
    this.sortDirty()
  }

  /** `floor` needs the dirty accounts in the order of their first missing entry. */
  sortDirty(): void {
    const sorted = [...this.#dirty.values()].sort((a, b) => a.dirtyFrom - b.dirtyFrom)
    this.#dirty.clear()
    for (const slot of sorted) this.#dirty.set(slot.account, slot)
  }

  /** Replays one stored entry while loading; entries a snapshot already holds are skipped. */
  replay(entry: StoredEntry): void {
    const slot = this.#slots.get(entry.account)
    if (slot === undefined) throw new Error(`account ${entry.account} is not loaded`)
    if (entry.id <= slot.head) return
    if (entry.prev !== slot.head)
      throw new Error(`account ${entry.account}: entry ${entry.id} follows ${entry.prev}, not ${slot.head}`)
    this.#machine.evolve(slot.state, this.#machine.decodeEntry(entry.kind, entry.at, entry.body))
    this.used(slot)
    this.touched(slot, entry.id, blockOf(entry.id))
    slot.committed = entry.id
  }

  /** Forgets everything of these partitions: they will be read from the database again. */
  drop(partitions: ReadonlySet<number>): void {
    for (const [account, slot] of this.#slots) {
      if (!partitions.has(slot.partition)) continue
      slot.isGone = true
      this.#slots.delete(account)
      this.#dirty.delete(account)
    }
  }

  all(): Iterable<Slot<State>> {
    return this.#slots.values()
  }
}
