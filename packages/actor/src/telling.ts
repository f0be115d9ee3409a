/**
 * What leaves after a commit, and only then (I5): answers first, somebody waits for them, then journal and outbox; and
 * what memory holds as committed from now on.
 */
import { spanClock } from "@credits/telemetry"
import type { Draft, RequestUnit, Work } from "./batch.ts"
import { batchSpans } from "./batch-spans.ts"
import type { Deciding } from "./deciding.ts"
import type { ExecutorParts } from "./execute.ts"
import { historyOf } from "./history.ts"
import type { Request } from "./machine.ts"
import { committedPartition } from "./partition.ts"
import type { JournalItem } from "./protocol.ts"
import type { NewSnapshot } from "./rows.ts"
import type { Slot } from "./slots.ts"

type Parts<State> = Pick<
  ExecutorParts<State>,
  "machine" | "names" | "store" | "slots" | "due" | "ticks" | "feed" | "owned" | "leaseMs" | "send"
>

/** A batch and what became of it. */
export interface Committed<State> {
  readonly work: Work
  readonly draft: Draft<State>
  /** Partitions the database wrote. */
  readonly applied: ReadonlyArray<number>
  readonly replies: ReadonlyArray<readonly [reply: string, text: string]>
  /** Nothing was to be written, so nothing was. */
  readonly readsOnly: boolean
  readonly snapshots: ReadonlyArray<NewSnapshot>
}

export class Telling<State> {
  readonly #p: Parts<State>
  readonly #deciding: Deciding<State>

  constructor(parts: Parts<State>, deciding: Deciding<State>) {
    this.#p = parts
    this.#deciding = deciding
  }

  async committed(batch: Committed<State>): Promise<void> {
    const { work, draft, applied, readsOnly, snapshots } = batch
    const done = new Set(applied)
    if (!readsOnly) this.#own(draft, done)
    this.#settleSlots(work, draft, done)
    await this.#answer(batch, done)
    this.#publish(draft, done)
    this.#trace(work, draft, done)
    const { counters } = this.#deciding
    if (!readsOnly) {
      counters.commitSeconds.add((spanClock() - draft.beganAt) / 1_000)
      counters.commitEntries.add(draft.entries)
    }
    counters.commits += readsOnly ? 0 : 1
    counters.entries += draft.entries
    counters.requests += work.requests.length
    counters.commands += work.commands.length
    counters.snapshots += snapshots.length
    // Of a batch that was decided ahead another may have been decided on top.
    if (work.snapshots + work.due.length > 0) for (const snapshot of snapshots) this.#p.slots.saved(snapshot)
  }

  #trace(work: Work, draft: Draft<State>, done: ReadonlySet<number>): void {
    const { names, ticks, send } = this.#p
    const made = batchSpans(work, draft, names, done)
    if (made === null) return
    send({ t: "spans", spans: made.spans })
    if (ticks.areWanted(Date.now())) for (const [account, trace] of made.traces) ticks.traced(account, trace)
  }

  #own(draft: Draft<State>, done: ReadonlySet<number>): void {
    const { owned, leaseMs } = this.#p
    const leaseUntil = Date.now() + leaseMs
    for (const [id, written] of draft.partitions) {
      const now = owned.get(id)
      if (done.has(id) && now !== undefined) owned.set(id, committedPartition(written, now, leaseUntil))
    }
  }

  #settleSlots(work: Work, { moved, heads }: Draft<State>, done: ReadonlySet<number>): void {
    const { slots, due, ticks, machine } = this.#p
    for (let i = 0; i < moved.length; i++) if (done.has(moved[i]!.partition)) moved[i]!.committed = heads[i]!
    if (ticks.areWanted(Date.now())) for (const slot of moved) if (done.has(slot.partition)) ticks.changed(slot)
    // A place in the heap was taken out to get here: also those that were not due after all wait again.
    for (const unit of work.due) {
      const slot = slots.get(unit.account)
      if (slot === undefined || !done.has(unit.partition) || this.#deciding.broken.has(unit.account)) continue
      due.wait(slot, machine.nextDue(slot.state))
    }
  }

  async #answer({ work, draft, replies: decided }: Committed<State>, done: ReadonlySet<number>): Promise<void> {
    if (work.requests.length === 0) return
    const { send } = this.#p
    // In the order of the requests; only reads have none yet.
    let next = 0
    const replies: Array<string> = []
    const texts: Array<string> = []
    for (const unit of work.requests) {
      let text = decided[next]?.[0] === unit.reply ? decided[next++]![1] : undefined
      if (!done.has(unit.partition)) continue
      if (text === undefined && unit.request.key === "") {
        const slot = unit.slot as Slot<State>
        text = await this.#read(slot, unit, draft.now)
        slot.rest()
      }
      if (text === undefined) continue
      replies.push(unit.reply)
      texts.push(text)
    }
    if (replies.length > 0) send({ t: "replies", replies, texts })
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

  #publish(draft: Draft<State>, done: ReadonlySet<number>): void {
    const { feed, send } = this.#p
    const items: Array<JournalItem> = []
    for (const block of draft.blocks) if (done.has(block.partition)) feed.committed(block, items)
    // Given away: nobody here reads the texts again.
    if (items.length > 0) send({ t: "journal", items }, [draft.blocks[0]!.text.buffer as ArrayBuffer])
    const outbox = draft.outbox.filter((row) => done.has(row.partition))
    if (outbox.length > 0)
      send({ t: "outbox", items: outbox.map(({ id, subject, payload }) => ({ id, subject, payload })) })
  }
}
