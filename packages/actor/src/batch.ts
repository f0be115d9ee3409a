/**
 * One group commit (decisions 4, 5): what is in it, and what it leaves behind. Plain data; execute.ts runs it.
 */
import { createHash } from "node:crypto"
import type { DeadLetter, SignalMessage } from "@credits/contracts"
import type { BadCommand, Decision, EntryHead, Machine, Notice, Request, StreamCommand } from "./machine.ts"
import { journalText } from "./journal-feed.ts"
import type { Partition } from "./partition.ts"
import type { NewEntry, NewOutbox, NewReceipt } from "./rows.ts"
import type { Slot } from "./slots.ts"

export interface RequestUnit<Req> {
  readonly partition: number
  /** Subject the answer goes to. */
  readonly reply: string
  readonly request: Req
  /** Why it may not be decided again: its decision threw. */
  poison: string
}

export interface CommandUnit<Command> {
  readonly partition: number
  /** Stream sequence of its message and its place in it. */
  readonly seq: number
  readonly index: number
  /** Last of its message: the cursor then stands behind the whole message. */
  readonly last: boolean
  readonly command: Command | BadCommand
  poison: string
}

/** An account something is due for; `cold` ones came from the database and must be written back to it. */
export interface DueUnit {
  readonly account: string
  readonly partition: number
  readonly cold: boolean
}

export interface Names {
  readonly service: string
  readonly stream: string
  readonly signalSubject: (partition: number) => string
  readonly deadLetterSubject: string
}

/** Ids, rows and touched state of a batch while it is being decided. */
export class Draft<State> {
  readonly now: number
  readonly entries: Array<NewEntry> = []
  readonly receipts: Array<NewReceipt> = []
  readonly outbox: Array<NewOutbox> = []
  readonly touched = new Set<Slot<State>>()
  readonly partitions = new Map<number, Partition>()
  /** Per partition: its new entries and their journal texts. */
  readonly journal = new Map<number, { readonly entries: Array<NewEntry>; readonly texts: Array<string> }>()
  readonly #notices = new Map<number, Array<{ account: string; balance: string; notice: Notice }>>()
  readonly #owned: ReadonlyMap<number, Partition>
  #nextId: number

  constructor(now: number, nextId: number, owned: ReadonlyMap<number, Partition>) {
    this.now = now
    this.#nextId = nextId
    this.#owned = owned
  }

  get nextId(): number {
    return this.#nextId
  }

  /** The partition as this batch will write it: a copy, so that an abort leaves the original. */
  partition(id: number): Partition {
    let copy = this.partitions.get(id)
    if (copy === undefined) {
      copy = { ...this.#owned.get(id)! }
      this.partitions.set(id, copy)
    }
    return copy
  }

  add<Entry extends EntryHead>(machine: Pick<Machine<State, Entry, any, any>, "encodeEntry">, slot: Slot<State>, entry: Entry, n: number): number {
    const partition = this.partition(slot.partition)
    const id = this.#nextId++
    partition.seq += 1
    const row: NewEntry = {
      id,
      partition: slot.partition,
      seq: partition.seq,
      account: slot.account,
      n,
      prev: slot.head,
      at: entry.at,
      recordedAt: this.now,
      kind: entry.kind,
      body: machine.encodeEntry(entry),
      chain: ""
    }
    this.entries.push(row)
    let journal = this.journal.get(slot.partition)
    if (journal === undefined) this.journal.set(slot.partition, (journal = { entries: [], texts: [] }))
    journal.entries.push(row)
    journal.texts.push(journalText(row))
    return id
  }

  notice(slot: Slot<State>, balance: string, notice: Notice): void {
    let list = this.#notices.get(slot.partition)
    if (list === undefined) this.#notices.set(slot.partition, (list = []))
    list.push({ account: slot.account, balance, notice })
  }

  deadLetter(names: Names, partition: number, letter: Pick<DeadLetter, "reason" | "detail" | "account" | "payload"> & { seq: number; index: number }): void {
    const { seq, index, ...rest } = letter
    const id = `${names.service}:${names.stream}:${seq}:${index}`
    const payload: DeadLetter = { v: 1, id, service: names.service, origin: { stream: names.stream, seq, index }, at: this.now, ...rest }
    this.outbox.push({ id: this.#nextId++, partition, subject: names.deadLetterSubject, payload: JSON.stringify(payload) })
  }

  /** Notices become one signal message a partition, in order, naming the one before (decision 9). */
  sealNotices(names: Names): void {
    for (const [id, list] of this.#notices) {
      const partition = this.partition(id)
      const after = partition.signalSeq
      const signals = list.map(({ account, balance, notice }, i) => ({
        seq: after + 1 + i,
        account,
        kind: notice.kind,
        at: notice.at,
        balance,
        detail: notice.text
      }))
      partition.signalSeq = after + signals.length
      const message = { v: 1, partition: id, after, signals } as SignalMessage
      this.outbox.push({ id: this.#nextId++, partition: id, subject: names.signalSubject(id), payload: JSON.stringify(message) })
    }
  }

  /** Extends each touched partition's hash chain by this batch: sha256(previous head, entry texts in order). */
  sealChains(): void {
    for (const [id, { entries, texts }] of this.journal) {
      const partition = this.partition(id)
      partition.chain = chainHash(partition.chain, texts)
      entries.at(-1)!.chain = partition.chain
    }
  }
}

/** The chain's step, shared with verify: hex SHA-256 over the head before and the journal texts of the batch, one a line. */
export const chainHash = (previous: string, texts: ReadonlyArray<string>): string =>
  createHash("sha256").update(`${previous}\n${texts.join("\n")}\n`).digest("hex")

export type AnyMachine<State> = Machine<State, EntryHead, Request, StreamCommand>

export const replyText = (decision: Decision): string =>
  decision._tag === "answered"
    ? `{"ok":${JSON.stringify(decision.answer)}}`
    : JSON.stringify({ refused: decision._tag === "refused" ? decision.refusal : { code: "unavailable", detail: decision.detail } })
