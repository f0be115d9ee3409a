/**
 * Runs group commits: load, fence, claim, decide, write, commit; only then answers leave (I5). A decision that throws,
 * a command the database refuses, a lost fence: each is confined to what caused it (decision 5).
 */
import { Ahead, type Flight, type OpenBatch } from "./ahead.ts"
import { Draft, NO_WORK, type AnyMachine, type CommandUnit, type Names, type RequestUnit, type Work } from "./batch.ts"
import { claimsOf, Deciding, DecisionThrew, type Counters } from "./deciding.ts"
import type { DueHeap } from "./due-heap.ts"
import { historyOf } from "./history.ts"
import type { JournalFeed } from "./journal-feed.ts"
import { LogNotSynced, type LogWriter } from "./log-sync.ts"
import { isBad, type DecisionContext, type Request, type StreamCommand } from "./machine.ts"
import type { Partition } from "./partition.ts"
import type { ToHost } from "./protocol.ts"
import {
  CommitUnknown,
  Fenced,
  isDataError,
  Repeated,
  type ActorStore,
  type Batch,
  type Claim,
  type NewSnapshot,
} from "./rows.ts"
import type { Ticks } from "./ticks.ts"
import type { Slot, Slots } from "./slots.ts"
import { Telling, type Committed } from "./telling.ts"

/** Block ids are taken from the database in runs; gaps are harmless. */
const ID_BLOCK = 100_000
/** More ids than one batch can use: its blocks and outbox rows. */
const ID_RESERVE = 20_000
/** Batches decided the careful way after a key came again: where one is, more are (a replay). */
const CAREFUL_BATCHES = 64
const NOTHING_KNOWN: ReadonlyMap<number, string> = new Map()
const SNAPSHOTS_PER_COMMIT_MIN = 20
const SNAPSHOT_SHARE = 0.08
const LEASE_MARGIN_MS = 500

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
  readonly log: Pick<LogWriter, "written">
  readonly send: ToHost
  readonly lose: (partitions: ReadonlyArray<number>, why: string) => void
}

export class Executor<State> {
  readonly deciding: Deciding<State>
  readonly #p: ExecutorParts<State>
  readonly #telling: Telling<State>
  readonly #ahead: Ahead<State> | null
  #careful = 0
  #nextId = 0
  #blockEnd = 0

  constructor(parts: ExecutorParts<State>) {
    this.#p = parts
    this.deciding = new Deciding(parts)
    this.#telling = new Telling(parts, this.deciding)
    const { writer } = parts.store
    this.#ahead =
      writer === undefined
        ? null
        : new Ahead({
            writer,
            leaseMs: parts.leaseMs,
            seal: (open) => this.#sealAhead(open),
            committed: (flight, applied) => this.#flown(flight, applied),
            failed: (error, drafts, commands) => this.#failedAhead(error, drafts, commands),
          })
  }

  /** Whether something is decided and not committed yet. */
  get isAhead(): boolean {
    return this.#ahead?.isBusy === true
  }

  /** Whether stream commands may be decided while others are written. */
  get mayRunAhead(): boolean {
    return this.#careful === 0 && this.#p.store.writer?.isReady === true
  }

  /** Stream commands decided so far and not sent to be written. */
  get openCommands(): number {
    return this.#ahead?.open?.commands.length ?? 0
  }

  /** Before anything else writes or tells what it sees: all that is decided is committed. False: nothing was. */
  async settle(): Promise<boolean> {
    if (this.#ahead?.isBusy !== true) return false
    await this.#ahead.settle()
    return true
  }

  async launch(): Promise<void> {
    await this.#ahead?.launch()
  }

  /** Memory is about to be discarded; the writer is at rest afterwards. */
  async abandon(): Promise<void> {
    await this.#ahead?.abandon()
  }

  get counters(): Counters {
    return this.deciding.counters
  }

  /** Ids of an earlier owner of these partitions could be higher: take fresh ones after an acquisition. */
  async freshIds(): Promise<void> {
    this.#nextId = await this.#p.store.allocate(ID_BLOCK)
    this.#blockEnd = this.#nextId + ID_BLOCK
  }

  /** Runs the work to its end. Throws only when the store itself is in trouble: memory is then worth nothing. */
  async run(work: Work): Promise<void> {
    // A failure that this brings to light may cost partitions.
    let left = (await this.settle()) ? this.#without(work) : work
    if (this.#careful > 0 && work.commands.length > 0) this.#careful -= 1
    for (;;) {
      const draft = await this.#draft()
      try {
        await this.#attempt(left, draft)
        return
      } catch (error) {
        await this.#p.store.abort()
        if (error instanceof CommitUnknown || error instanceof LogNotSynced) throw error
        if (error instanceof Fenced) {
          this.#fenced(error.partitions)
          await this.#restore([draft])
          left = this.#without(left)
          continue
        }
        await this.#restore([draft])
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
    const first = { requests: work.requests.slice(0, requests), commands: work.commands.slice(0, commands) }
    await this.run({ ...NO_WORK, ...first })
    await this.run({ ...work, requests: work.requests.slice(requests), commands: work.commands.slice(commands) })
  }

  #setAside(thrown: DecisionThrew): void {
    this.deciding.setAside(thrown)
    const { account, message: error } = thrown
    this.#p.send({ t: "log", level: "error", message: "a decision threw and is set aside", detail: { account, error } })
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
    if (this.#blockEnd - this.#nextId < ID_RESERVE) {
      await this.settle()
      await this.freshIds()
    }
    const { owned, clock } = this.#p
    const before = this.#ahead?.flight?.draft
    let now = Math.max(clock(), before?.now ?? 0)
    for (const partition of owned.values()) if (partition.lastAt > now) now = partition.lastAt
    return new Draft(now, this.#nextId, (id) => before?.partitions.get(id) ?? owned.get(id)!)
  }

  /** Decides stream commands on top of what is being written; they are sent with the next `launch`. */
  async runAhead(taken: ReadonlyArray<CommandUnit<StreamCommand>>): Promise<void> {
    const ahead = this.#ahead!
    const open = (ahead.open ??= { draft: await this.#draft(), commands: [], claims: [] })
    const commands = taken.filter((unit) => this.#p.owned.has(unit.partition))
    const { draft } = open
    await this.#load({ ...NO_WORK, commands })
    for (const { partition } of commands) draft.partition(partition)
    const claims = claimsOf(commands)
    for (const unit of commands) open.commands.push(unit)
    for (const claim of claims) open.claims.push(claim)
    try {
      this.deciding.commands(commands, claims, NOTHING_KNOWN, draft)
    } catch (error) {
      if (!(error instanceof DecisionThrew)) throw error
      if (!(await ahead.giveUp())) return
      await this.#restore([draft])
      this.#setAside(error)
      await this.run(this.#without({ ...NO_WORK, commands: open.commands }))
    }
  }

  #sealAhead({ draft, commands, claims }: OpenBatch<State>): { batch: Batch; snapshots: ReadonlyArray<NewSnapshot> } {
    const work = { ...NO_WORK, commands }
    const snapshots = this.#seal(work, draft)
    this.#nextId = draft.nextId
    return { batch: this.#batchOf(work, draft, claims, snapshots), snapshots }
  }

  async #flown({ draft, commands, snapshots }: Flight<State>, applied: ReadonlyArray<number>): Promise<void> {
    const work = { ...NO_WORK, commands }
    await this.#committed({ work, draft, applied, replies: [], readsOnly: false, snapshots })
  }

  /** Decision 5, for batches that were decided ahead: nothing of them is in the database. */
  async #failedAhead(
    error: unknown,
    drafts: ReadonlyArray<Draft<State>>,
    batches: ReadonlyArray<ReadonlyArray<CommandUnit<StreamCommand>>>,
  ): Promise<void> {
    if (error instanceof Fenced) this.#fenced(error.partitions)
    else if (!(error instanceof Repeated || isDataError(error))) throw error
    this.#careful = CAREFUL_BATCHES
    await this.#restore(drafts)
    for (const commands of batches) await this.run(this.#without({ ...NO_WORK, commands }))
  }

  /** Actors go back to what is committed. */
  async #restore(drafts: ReadonlyArray<Draft<State>>): Promise<void> {
    const touched = new Set(drafts.flatMap((draft) => draft.touched))
    const ours = [...touched].filter((slot) => this.#p.owned.has(slot.partition))
    await this.#p.slots.restore(ours, this.#p.store)
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
    const known = await store.begin([...draft.partitions.values()], claims, draft.nextId, leaseMs)
    const replies: Array<readonly [reply: string, text: string]> = []
    const stored = await store.receipts(work.requests.map(({ request }) => request).filter(({ key }) => key !== ""))
    this.deciding.requests(work.requests, stored, prepared, draft, replies)
    this.deciding.commands(work.commands, claims, known, draft)
    for (const unit of work.due) this.deciding.due(slots.get(unit.account)!, draft, unit)
    const snapshots = this.#seal(work, draft)
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
          this.#batchOf(work, draft, known.size === 0 ? claims : claims.filter((_, i) => !known.has(i)), snapshots),
          leaseMs,
        )
    if (!readsOnly) this.#p.log.written()
    this.counters.commitMs += performance.now() - started
    await this.#committed({ work, draft, applied, replies, readsOnly, snapshots })
  }

  #batchOf(
    work: Work,
    draft: Draft<State>,
    claims: ReadonlyArray<Claim>,
    snapshots: ReadonlyArray<NewSnapshot>,
  ): Batch {
    const { firstId, blocks, unclaimed, receipts, outbox } = draft
    const [{ outboxDone }, partitions] = [work, [...draft.partitions.values()]]
    return { partitions, blocks, claims, claimBlockId: firstId, unclaimed, receipts, outbox, outboxDone, snapshots }
  }

  async #committed(batch: Committed<State>): Promise<void> {
    const { draft, applied, readsOnly } = batch
    this.#nextId = Math.max(this.#nextId, draft.nextId)
    const isWhole = readsOnly || applied.length === draft.partitions.size
    const lost = isWhole ? [] : [...draft.partitions.keys()].filter((id) => !applied.includes(id))
    await this.#telling.committed(batch)
    if (lost.length > 0) this.#fenced(lost)
  }

  /** Brings what the work needs into memory and gives each command its slot. */
  async #load(work: Work): Promise<void> {
    const { slots, store } = this.#p
    const missing = new Map<string, number>()
    for (const unit of work.requests) {
      const slot = slots.get(unit.request.account)
      unit.slot = slot ?? null
      if (slot === undefined) missing.set(unit.request.account, unit.partition)
    }
    for (const { account, partition } of work.due) if (slots.get(account) === undefined) missing.set(account, partition)
    for (const unit of work.commands) {
      if (isBad(unit.command)) continue
      const slot = slots.get(unit.command.account)
      unit.slot = slot ?? null
      if (slot === undefined) missing.set(unit.command.account, unit.partition)
    }
    if (missing.size === 0) return
    await slots.load(missing, store)
    for (const unit of work.requests) unit.slot ??= slots.get(unit.request.account)!
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
      if (wants !== undefined) prepared.set(unit, await wants(historyOf(unit.slot as Slot<State>, this.#p.store)))
    }
    return prepared
  }

  #snapshots(work: Work, draft: Draft<State>): ReadonlyArray<NewSnapshot> {
    const { slots } = this.#p
    const chosen: Array<NewSnapshot> = []
    for (const unit of work.due) {
      const slot = slots.get(unit.account)!
      if (!unit.cold) continue
      draft.touched.push(slot)
      chosen.push(slots.snapshot(slot))
    }
    const budget = Math.max(
      work.snapshots,
      draft.entries === 0 ? 0 : Math.max(SNAPSHOTS_PER_COMMIT_MIN, Math.ceil(draft.entries * SNAPSHOT_SHARE)),
    )
    if (budget > 0) {
      const more = slots.dueSnapshots(draft.nextId, budget, work.snapshots > 0)
      for (const snapshot of more) draft.touched.push(slots.get(snapshot.account)!)
      chosen.push(...more)
    }
    // Written under their own partition's fence: one that the batch does not touch would write nothing (Postgres).
    for (const { partition } of chosen) draft.partition(partition)
    return chosen
  }

  /** Snapshots, blocks, and cursor, business time and snapshot floor of every partition the batch writes. */
  #seal(work: Work, draft: Draft<State>): ReadonlyArray<NewSnapshot> {
    const snapshots = this.#snapshots(work, draft)
    draft.sealNotices(this.#p.names)
    draft.sealBlocks()
    const { commands } = work
    for (let i = 0; i < commands.length; i++) {
      const unit = commands[i]!
      if (unit.seq === commands[i + 1]?.seq) continue
      const partition = draft.partition(unit.partition)
      partition.cursor = unit.seq
      partition.cursorIndex = unit.last ? -1 : unit.index + 1
    }
    const floor = this.#p.slots.floor(draft.nextId)
    for (const partition of draft.partitions.values()) {
      partition.floor = floor
      partition.lastAt = draft.now
    }
    return snapshots
  }
}
