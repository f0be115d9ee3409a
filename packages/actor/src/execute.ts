/**
 * Runs group commits: load, fence, claim, decide, write, commit; only then answers leave (I5). A decision that throws,
 * a command the database refuses, a lost fence: each is confined to what caused it (decision 5).
 */
import type { AnyMachine, CommandUnit, DueUnit, Names, RequestUnit } from "./batch.ts"
import { Draft } from "./batch.ts"
import { claimsOf, Deciding, DecisionThrew, type Counters } from "./deciding.ts"
import type { DueHeap } from "./due-heap.ts"
import { historyOf } from "./history.ts"
import type { JournalFeed } from "./journal-feed.ts"
import { isBad, type DecisionContext, type Request, type StreamCommand } from "./machine.ts"
import { committedPartition, partitionRow, type Partition } from "./partition.ts"
import type { FromWorker, JournalItem } from "./protocol.ts"
import { CommitUnknown, Fenced, type ActorStore, type NewSnapshot } from "./rows.ts"
import type { Ticks } from "./ticks.ts"
import type { Slot, Slots } from "./slots.ts"

/** Block ids are taken from the database in runs; gaps are harmless, order within a partition is what counts. */
const ID_BLOCK = 100_000
/** More ids than one batch can use: its blocks and outbox rows. */
const ID_RESERVE = 10_000
const SNAPSHOTS_PER_COMMIT_MIN = 20
const SNAPSHOT_SHARE = 0.08
const LEASE_MARGIN_MS = 500

export interface Work {
  readonly requests: ReadonlyArray<RequestUnit<Request>>
  readonly commands: ReadonlyArray<CommandUnit<StreamCommand>>
  readonly due: ReadonlyArray<DueUnit>
  /** Partitions to write even without work: lease renewal, idle cursors, journal positions. */
  readonly touch: ReadonlyArray<number>
  readonly outboxDone: ReadonlyArray<number>
  /** Write snapshots beyond what is due: idle time or a planned stop. */
  readonly snapshots: number
}

export const NO_WORK: Work = { requests: [], commands: [], due: [], touch: [], outboxDone: [], snapshots: 0 }

export interface ExecutorParts<State> {
  readonly machine: AnyMachine<State>
  readonly names: Names
  readonly store: ActorStore
  readonly slots: Slots<State>
  readonly due: DueHeap<State>
  readonly ticks: Ticks<State>
  readonly feed: JournalFeed
  readonly owned: Map<number, Partition>
  readonly leaseMs: number
  readonly clock: () => number
  readonly newIds: Pick<DecisionContext, "newLotId" | "newHoldId">
  readonly send: (message: FromWorker) => void
  readonly lose: (partitions: ReadonlyArray<number>, why: string) => void
}

export class Executor<State> {
  readonly deciding: Deciding<State>
  readonly #p: ExecutorParts<State>
  #nextId = 0
  #blockEnd = 0

  constructor(parts: ExecutorParts<State>) {
    this.#p = parts
    this.deciding = new Deciding(parts)
  }

  get counters(): Counters {
    return this.deciding.counters
  }

  get nextId(): number {
    return this.#nextId
  }

  /**
   * Ids of a block taken by an earlier owner of these partitions could be higher: take a fresh one after an
   * acquisition.
   */
  async freshIds(): Promise<void> {
    this.#nextId = await this.#p.store.allocate(ID_BLOCK)
    this.#blockEnd = this.#nextId + ID_BLOCK
  }

  /** Runs the work to its end. Throws only when the store itself is in trouble: memory is then worth nothing. */
  async run(work: Work): Promise<void> {
    let left = work
    for (;;) {
      const draft = await this.#draft()
      try {
        await this.#attempt(left, draft)
        return
      } catch (error) {
        await this.#p.store.abort()
        if (error instanceof CommitUnknown) throw error
        if (error instanceof Fenced) {
          this.#fenced(error.partitions)
          await this.#p.slots.restore(
            [...draft.touched].filter((slot) => this.#p.owned.has(slot.partition)),
            this.#p.store,
          )
          left = this.#without(left)
          continue
        }
        await this.#p.slots.restore(draft.touched, this.#p.store)
        if (error instanceof DecisionThrew) {
          this.#setAside(error)
          continue
        }
        if (!isDataError(error)) throw error
        const units = [...left.requests, ...left.commands]
        if (units.length <= 1) {
          if (units.length === 0 || units[0]!.poison !== "") throw error
          units[0]!.poison = `the database refused it: ${(error as Error).message}`
          continue
        }
        await this.#halves(left)
        return
      }
    }
  }

  /** Decision 5: halved until the command is alone. Order within a partition is kept, so cursors only move forward. */
  async #halves(work: Work): Promise<void> {
    const requests = Math.ceil(work.requests.length / 2)
    const commands = Math.ceil(work.commands.length / 2)
    if (work.requests.length > 0 && work.commands.length > 0) {
      await this.run({ ...NO_WORK, requests: work.requests })
      await this.run({ ...work, requests: [] })
      return
    }
    await this.run({
      ...NO_WORK,
      requests: work.requests.slice(0, requests),
      commands: work.commands.slice(0, commands),
    })
    await this.run({ ...work, requests: work.requests.slice(requests), commands: work.commands.slice(commands) })
  }

  #setAside(thrown: DecisionThrew): void {
    this.deciding.setAside(thrown)
    const detail = { error: thrown.message }
    this.#p.send({ t: "log", level: "error", message: "a decision threw and is set aside", detail })
  }

  #fenced(partitions: ReadonlyArray<number>): void {
    this.counters.fenceLosses += partitions.length
    this.#p.lose(partitions, "another owner has the partition")
  }

  #without(work: Work): Work {
    const owned = (unit: { readonly partition: number }) => this.#p.owned.has(unit.partition)
    return {
      ...work,
      requests: work.requests.filter(owned),
      commands: work.commands.filter(owned),
      due: work.due.filter(owned),
      touch: work.touch.filter((id) => this.#p.owned.has(id)),
    }
  }

  async #draft(): Promise<Draft<State>> {
    if (this.#blockEnd - this.#nextId < ID_RESERVE) await this.freshIds()
    let now = this.#p.clock()
    for (const partition of this.#p.owned.values()) if (partition.lastAt > now) now = partition.lastAt
    return new Draft(now, this.#nextId, this.#p.owned)
  }

  async #attempt(work: Work, draft: Draft<State>): Promise<void> {
    const { store, slots, leaseMs } = this.#p
    await this.#load(work)
    const prepared = await this.#prepare(work.requests)
    for (const { partition } of work.requests) draft.partition(partition)
    for (const { partition } of work.commands) draft.partition(partition)
    for (const { partition } of work.due) draft.partition(partition)
    for (const id of work.touch) draft.partition(id)
    const claims = claimsOf(work.commands)
    const started = performance.now()
    const known = await store.begin([...draft.partitions.values()].map(partitionRow), claims, draft.nextId, leaseMs)
    const firstId = draft.nextId
    const replies: Array<readonly [reply: string, text: string]> = []
    const stored = await store.receipts(
      work.requests
        .filter((u) => u.request.key !== "")
        .map((u) => ({ key: u.request.key, account: u.request.account })),
    )
    this.deciding.requests(work.requests, stored, prepared, draft, firstId, replies)
    this.deciding.commands(work.commands, claims, known, draft)
    for (const unit of work.due) this.deciding.due(slots.get(unit.account)!, draft, unit)
    const snapshots = this.#snapshots(work, draft)
    draft.sealNotices(this.#p.names)
    draft.sealBlocks()
    this.#seal(work.commands, draft)
    const readsOnly =
      work.commands.length === 0 &&
      work.touch.length === 0 &&
      work.outboxDone.length === 0 &&
      snapshots.length === 0 &&
      draft.entries === 0 &&
      draft.receipts.length === 0 &&
      draft.outbox.length === 0
    const applied = readsOnly
      ? (await store.abort(), this.#leased(draft.partitions.keys()))
      : await store.commit(
          {
            partitions: [...draft.partitions.values()].map(partitionRow),
            blocks: draft.blocks,
            claims: known.size === 0 ? claims : claims.filter((_, i) => !known.has(i)),
            claimBlockId: firstId,
            unclaimed: draft.unclaimed,
            receipts: draft.receipts,
            outbox: draft.outbox,
            outboxDone: work.outboxDone,
            snapshots,
          },
          leaseMs,
        )
    this.counters.commitMs += performance.now() - started
    await this.#committed(work, draft, applied, replies, readsOnly, snapshots)
  }

  async #read(slot: Slot<State>, unit: RequestUnit<Request>, now: number): Promise<string> {
    const { machine } = this.#p
    try {
      const answer = await machine.read(slot.state, unit.request, now, historyOf(slot, this.#p.store))
      return `{"ok":${JSON.stringify(answer)}}`
    } catch (error) {
      this.#p.send({ t: "log", level: "error", message: "a read failed", detail: { error: String(error) } })
      return JSON.stringify({ refused: machine.refusal("unavailable", "the read failed") })
    }
  }

  /** Brings what the work needs into memory and gives each command its slot. */
  async #load(work: Work): Promise<void> {
    const { slots, store } = this.#p
    const missing = new Map<string, number>()
    for (const { request, partition } of work.requests)
      if (slots.get(request.account) === undefined) missing.set(request.account, partition)
    for (const { account, partition } of work.due) if (slots.get(account) === undefined) missing.set(account, partition)
    for (const unit of work.commands) {
      if (isBad(unit.command)) continue
      const slot = slots.get(unit.command.account)
      unit.slot = slot ?? null
      if (slot === undefined) missing.set(unit.command.account, unit.partition)
    }
    if (missing.size === 0) return
    await slots.load(missing, store)
    for (const unit of work.commands)
      if (unit.slot === null && !isBad(unit.command)) unit.slot = slots.get(unit.command.account)!
  }

  /** Reads need lease time left: a stopped owner that wakes up late answers nothing (decision 6). */
  #leased(partitions: Iterable<number>): ReadonlyArray<number> {
    const until = Date.now() + LEASE_MARGIN_MS
    return [...partitions].filter((id) => this.#p.owned.get(id)!.leaseUntil > until)
  }

  async #prepare(requests: ReadonlyArray<RequestUnit<Request>>): Promise<Map<RequestUnit<Request>, unknown>> {
    const prepared = new Map<RequestUnit<Request>, unknown>()
    for (const unit of requests) {
      const wants = this.#p.machine.prepare(unit.request)
      if (wants !== undefined)
        prepared.set(unit, await wants(historyOf(this.#p.slots.get(unit.request.account)!, this.#p.store)))
    }
    return prepared
  }

  #snapshots(work: Work, draft: Draft<State>): ReadonlyArray<NewSnapshot> {
    const { slots } = this.#p
    const chosen: Array<NewSnapshot> = []
    for (const unit of work.due) {
      const slot = slots.get(unit.account)!
      if (!unit.cold) continue
      draft.touched.add(slot)
      chosen.push(slots.snapshot(slot))
    }
    const budget = Math.max(
      work.snapshots,
      draft.entries === 0 ? 0 : Math.max(SNAPSHOTS_PER_COMMIT_MIN, Math.ceil(draft.entries * SNAPSHOT_SHARE)),
    )
    if (budget > 0) {
      const more = slots.dueSnapshots(draft.nextId, budget, work.snapshots > 0)
      for (const snapshot of more) draft.touched.add(slots.get(snapshot.account)!)
      chosen.push(...more)
    }
    // Written under their own partition's fence: one that the batch does not touch would write nothing (Postgres).
    for (const { partition } of chosen) draft.partition(partition)
    return chosen
  }

  /** Cursors, business time and the snapshot floor of every partition the batch writes. */
  #seal(commands: ReadonlyArray<CommandUnit<StreamCommand>>, draft: Draft<State>): void {
    for (const unit of commands) {
      const partition = draft.partition(unit.partition)
      partition.cursor = unit.seq
      partition.cursorIndex = unit.last ? -1 : unit.index + 1
    }
    const floor = this.#p.slots.floor(draft.nextId)
    for (const partition of draft.partitions.values()) {
      partition.floor = floor
      partition.lastAt = draft.now
    }
  }

  async #committed(
    work: Work,
    draft: Draft<State>,
    applied: ReadonlyArray<number>,
    replies: ReadonlyArray<readonly [string, string]>,
    readsOnly: boolean,
    snapshots: ReadonlyArray<NewSnapshot>,
  ): Promise<void> {
    const { slots, due, ticks, feed, owned, send } = this.#p
    const real = Date.now()
    this.#nextId = draft.nextId
    const done = new Set(applied)
    if (!readsOnly) {
      const leaseUntil = real + this.#p.leaseMs
      for (const [id, written] of draft.partitions) {
        const now = owned.get(id)
        if (done.has(id) && now !== undefined) owned.set(id, committedPartition(written, now, leaseUntil))
      }
      const lost = [...draft.partitions.keys()].filter((id) => !done.has(id))
      if (lost.length > 0) this.#fenced(lost)
    }
    for (const slot of draft.touched) {
      if (!done.has(slot.partition)) continue
      slot.committed = slot.head
      due.wait(slot, this.#p.machine.nextDue(slot.state))
      ticks.changed(slot, real)
    }
    // A place in the heap was taken out to get here: also those that were not due after all wait again.
    for (const unit of work.due) {
      const slot = slots.get(unit.account)
      if (slot === undefined || !done.has(unit.partition) || this.deciding.broken.has(unit.account)) continue
      due.wait(slot, this.#p.machine.nextDue(slot.state))
    }
    const items: Array<JournalItem> = []
    for (const block of draft.blocks) if (done.has(block.partition)) feed.committed(block, items)
    if (items.length > 0) send({ t: "journal", items })
    const outbox = draft.outbox.filter((row) => done.has(row.partition))
    if (outbox.length > 0)
      send({ t: "outbox", items: outbox.map(({ id, subject, payload }) => ({ id, subject, payload })) })
    const texts = new Map(replies)
    for (const unit of work.requests) {
      if (unit.request.key !== "" || texts.has(unit.reply) || !done.has(unit.partition)) continue
      const slot = slots.get(unit.request.account)!
      texts.set(unit.reply, await this.#read(slot, unit, draft.now))
      slot.rest()
    }
    const ready = work.requests.filter((unit) => done.has(unit.partition) && texts.has(unit.reply))
    if (ready.length > 0)
      send({ t: "replies", replies: ready.map((u) => u.reply), texts: ready.map((u) => texts.get(u.reply)!) })
    const { counters } = this
    counters.commits += readsOnly ? 0 : 1
    counters.entries += draft.entries
    counters.requests += work.requests.length
    counters.commands += work.commands.length
    counters.snapshots += snapshots.length
    // Written while idle: these actors rest until somebody asks for them.
    if (work.snapshots > 0) for (const { account, state } of snapshots) slots.get(account)?.reset(state)
  }
}

/** Refusals for the data itself: constraint, range or encoding; anything else is the store's own trouble. */
const isDataError = (error: unknown): boolean => {
  const code = (error as { code?: unknown }).code
  return typeof code === "string" && (/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)/.test(code) || /^(22|23)/.test(code))
}
