/**
 * One group commit (decisions 4, 5): what is in it, and what it leaves behind. Plain data; execute.ts runs it.
 */
import type { DeadLetter, SignalMessage } from "@credits/contracts"
import { spanClock } from "@credits/telemetry"
import type { BadCommand, Decision, EntryHead, Machine, Notice, Request, StreamCommand } from "./machine.ts"
import { addressOf, BLOCK_ENTRIES_MAX, BLOCK_SEPARATOR, entryText, sealed, type ClosedBlock } from "./block.ts"
import type { Partition } from "./partition.ts"
import type { Claim, NewOutbox, NewReceipt, SealedBlock } from "./rows.ts"
import type { Slot } from "./slots.ts"

export interface RequestUnit<Req> {
  readonly partition: number
  /** Subject the answer goes to. */
  readonly reply: string
  readonly request: Req
  /** `traceparent` of its asker, for the few that are traced. */
  readonly trace: string | undefined
  /** Why it may not be decided again: its decision threw. */
  poison: string
  /** Its actor, once loaded: spares more look-ups among 100,000s of strings. */
  slot: { readonly account: string } | null
}

export interface CommandUnit<Command> {
  readonly partition: number
  /** Stream sequence of its message and its place in it. */
  readonly seq: number
  /** Of its message, as JSON; "": it has none. */
  readonly headers: string
  readonly index: number
  /** Last of its message: the cursor then stands behind the whole message. */
  readonly last: boolean
  readonly command: Command | BadCommand
  poison: string
  slot: { readonly account: string } | null
}

/**
 * An account something is due for. `cold`: its snapshot is written with it, because it came from the database for this
 * alone, or goes to rest now.
 */
export interface DueUnit {
  readonly account: string
  readonly partition: number
  readonly cold: boolean
  poison: string
}

/** What one commit is asked to do. */
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

export interface Names {
  readonly service: string
  readonly stream: string
  readonly signalSubject: (partition: number) => string
  readonly deadLetterSubject: string
}

/** Ids, rows and touched state of a batch while it is being decided. */
export class Draft<State> {
  readonly now: number
  /** Real time, ms with fractions. */
  readonly beganAt = spanClock()
  /** Once sealed, in the order of each partition. */
  blocks: ReadonlyArray<SealedBlock> = []
  readonly #closed: Array<ClosedBlock> = []
  entries = 0
  readonly receipts: Array<NewReceipt> = []
  readonly outbox: Array<NewOutbox> = []
  /** Claims given up again: what went to review may be sent again when a person has dealt with its reason. */
  readonly unclaimed: Array<Claim> = []
  /** Who may have changed, some more than once: whoever puts them back makes them one. */
  readonly touched: Array<Slot<State>> = []
  /**
   * Who has new entries, and the newest one's address, in order: by the time this batch is committed the next may be
   * decided.
   */
  readonly moved: Array<Slot<State>> = []
  readonly heads: Array<number> = []
  readonly partitions = new Map<number, Partition>()
  /** Block id every entry of this batch is at or behind. */
  readonly firstId: number
  /** The block each partition is filling. */
  readonly #open = new Map<number, OpenBlock>()
  readonly #notices = new Map<number, Array<{ account: string; balance: string; notice: Notice }>>()
  readonly #before: (id: number) => Partition
  #latest: Partition | null = null
  #nextId: number

  /** `before`: a partition as the batch before leaves it. */
  constructor(now: number, nextId: number, before: (id: number) => Partition) {
    this.now = now
    this.firstId = nextId
    this.#nextId = nextId
    this.#before = before
  }

  get nextId(): number {
    return this.#nextId
  }

  /** The partition as this batch will write it: a copy, so that an abort leaves the original. */
  partition(id: number): Partition {
    // Commands of one message, and so of one partition, follow each other.
    if (this.#latest !== null && this.#latest.id === id) return this.#latest
    let copy = this.partitions.get(id)
    if (copy === undefined) {
      copy = { ...this.#before(id) }
      this.partitions.set(id, copy)
    }
    this.#latest = copy
    return copy
  }

  /** Adds an entry; answers its address. */
  add<Entry extends EntryHead>(
    machine: Pick<Machine<State, Entry, Request, StreamCommand>, "encodeEntry">,
    slot: Slot<State>,
    entry: Entry,
    n: number,
  ): number {
    const partition = this.partition(slot.partition)
    const seq = (partition.seq += 1)
    this.entries += 1
    let block = this.#open.get(slot.partition)
    if (block === undefined) this.#open.set(slot.partition, (block = { id: this.#nextId++, seq, texts: [], chars: 0 }))
    const head = {
      seq,
      account: slot.account,
      n,
      prev: slot.head,
      at: entry.at,
      recordedAt: this.now,
      kind: entry.kind,
    }
    const text = entryText(head, machine.encodeEntry(entry))
    const place = block.texts.push(text) - 1
    block.chars += text.length
    if (place === BLOCK_ENTRIES_MAX - 1 || block.chars > BLOCK_BYTES_MAX) this.#close(slot.partition, block)
    return addressOf(block.id, place)
  }

  /** One join makes one flat text (growing it entry by entry costs 4 ×). */
  #close(partition: number, { id, seq, texts }: OpenBlock): void {
    this.#closed.push({ id, partition, seq, count: texts.length, text: texts.join(BLOCK_SEPARATOR) })
    this.#open.delete(partition)
  }

  notice(slot: Slot<State>, balance: string, notice: Notice): void {
    let list = this.#notices.get(slot.partition)
    if (list === undefined) this.#notices.set(slot.partition, (list = []))
    list.push({ account: slot.account, balance, notice })
  }

  deadLetter(
    names: Names,
    partition: number,
    letter: Pick<DeadLetter, "reason" | "detail" | "account" | "payload"> &
      Pick<CommandUnit<unknown>, "seq" | "index" | "headers">,
  ): void {
    const { seq, index, headers, ...rest } = { ...letter, payload: shortened(letter.payload) }
    const id = `${names.service}:${names.stream}:${seq}:${index}`
    const payload: DeadLetter = {
      v: 1,
      id,
      service: names.service,
      origin: { stream: names.stream, seq, index },
      at: this.now,
      ...rest,
      ...(headers !== "" && { headers: JSON.parse(headers) as NonNullable<DeadLetter["headers"]> }),
    }
    this.outbox.push({
      id: this.#nextId++,
      partition,
      subject: names.deadLetterSubject,
      payload: JSON.stringify(payload),
    })
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
        detail: notice.text,
      }))
      partition.signalSeq = after + signals.length
      const message = { v: 1, partition: id, after, signals } as SignalMessage
      this.outbox.push({
        id: this.#nextId++,
        partition: id,
        subject: names.signalSubject(id),
        payload: JSON.stringify(message),
      })
    }
  }

  /** Extends the partitions' hash chains by what was added. */
  sealBlocks(): void {
    for (const [partition, block] of this.#open) this.#close(partition, block)
    this.blocks = sealed(this.#closed, {
      of: (id) => this.partition(id).chain,
      set: (id, chain) => (this.partition(id).chain = chain),
    })
  }
}

interface OpenBlock {
  readonly id: number
  readonly seq: number
  readonly texts: Array<string>
  chars: number
}

/** A dead letter must itself fit into a message; the whole original lies in its stream at the origin's seq. */
const PAYLOAD_CHARS_MAX = 128 * 1024
export const shortened = (payload: string): string =>
  payload.length <= PAYLOAD_CHARS_MAX
    ? payload
    : `${payload.slice(0, PAYLOAD_CHARS_MAX)}… (${payload.length} characters in all)`

/** Far below the journal's message limit even when the next entry is the largest allowed. */
const BLOCK_BYTES_MAX = 400 * 1024

export type AnyMachine<State> = Machine<State, EntryHead, Request, StreamCommand>

export const replyText = (decision: Decision): string =>
  decision._tag === "answered"
    ? `{"ok":${JSON.stringify(decision.answer)}}`
    : JSON.stringify({
        refused: decision._tag === "refused" ? decision.refusal : { code: "unavailable", detail: decision.detail },
      })
