/**
 * The outlet of a host (decision 9): journal blocks, signals and dead letters to their streams, in order, each batch
 * after the PubAck of the one before. Tries until stored: a repeat is known by its seq, a gap would not be.
 */
import { HEADERS } from "@credits/contracts"
import { BusRefused, publishInOrder, type BusError, type BusHandle, type OutgoingMessage } from "@credits/bus"
import { BLOCK_SEPARATOR } from "./block.ts"
import { JOURNAL_BYTES_MAX, type JournalItem, type OutboxItem, type ToWorker } from "./protocol.ts"

const PUBLISH_MESSAGES_MAX = 256
const PUBLISH_BYTES_MAX = 8 * 1024 * 1024
const PUBLISH_RETRY_MS = 200
/**
 * Journal messages leave at most this often, unless much waits: commits of a few requests each touch many partitions,
 * and what they said within a moment fits into one message a partition. The first after a rest leaves at once.
 */
const JOURNAL_EVERY_MS = 40
const JOURNAL_MUCH_BYTES = 2 * 1024 * 1024

export class Outlet {
  readonly #bus: BusHandle
  readonly #subjectOf: (partition: number) => string
  readonly #told: (message: ToWorker) => void
  readonly #trouble: (level: "warning" | "error", detail: Readonly<Record<string, unknown>>) => void
  readonly #journal: Array<JournalItem> = []
  readonly #outbox: Array<OutboxItem> = []
  /** When what waits began to, real time. */
  #waitsSince: number | null = null
  #publishing = false
  #stopping = false
  #journalBytes = 0
  #journalAt = 0
  /** Ends the rest between two journal messages early. */
  #wake: (() => void) | null = null
  #isHurried = false
  /** Why what is first is not stored, as it was told. */
  #waitsFor: BusError | null = null

  constructor(
    bus: BusHandle,
    subjectOf: (partition: number) => string,
    told: (message: ToWorker) => void,
    trouble: (level: "warning" | "error", detail: Readonly<Record<string, unknown>>) => void,
  ) {
    this.#bus = bus
    this.#subjectOf = subjectOf
    this.#told = told
    this.#trouble = trouble
  }

  /** Blocks and messages not stored yet. */
  get pending(): number {
    return this.#journal.length + this.#outbox.length
  }

  /** Of its own accord the bus will never take what is first, and the rest waits behind it: a person must look. */
  get refused(): string | null {
    return this.#waitsFor instanceof BusRefused ? this.#waitsFor.message : null
  }

  /** At most this old: after a publication the rest counts from its beginning. */
  get metrics(): { readonly outboxOldestSeconds: number } {
    const since = this.#waitsSince
    return { outboxOldestSeconds: since === null ? 0 : (performance.now() - since) / 1_000 }
  }

  /** From `since` on something waits, or nothing does. */
  #settled(since: number): void {
    this.#waitsSince = this.pending === 0 ? null : since
  }

  journal(items: ReadonlyArray<JournalItem>): void {
    this.#waitsSince ??= performance.now()
    for (const item of items) {
      this.#journal.push(item)
      this.#journalBytes += item.text.byteLength
    }
    if (this.#journalBytes > JOURNAL_MUCH_BYTES) this.#wake?.()
    void this.#run()
  }

  outbox(items: ReadonlyArray<OutboxItem>): void {
    this.#waitsSince ??= performance.now()
    for (const item of items) this.#outbox.push(item)
    this.#wake?.()
    void this.#run()
  }

  /** Somebody waits until nothing is pending: what is here leaves now. */
  hurry(): void {
    this.#isHurried = true
    this.#wake?.()
  }

  /** What is not stored stays in the database and goes out after the next start. */
  stop(): void {
    this.#stopping = true
    this.#wake?.()
  }

  /** One publication after the other: a partition's messages stay in order, the next after the PubAck (decision 9). */
  async #run(): Promise<void> {
    if (this.#publishing) return
    this.#publishing = true
    try {
      while (this.#journal.length + this.#outbox.length > 0 && !this.#stopping) {
        if (this.#outbox.length > 0) await this.#publishOutbox()
        if (this.#journal.length === 0) continue
        const rest = this.#journalAt + JOURNAL_EVERY_MS - performance.now()
        if (rest > 0 && !this.#isHurried && this.#journalBytes <= JOURNAL_MUCH_BYTES) await this.#rest(rest)
        else await this.#publishJournal()
      }
    } finally {
      this.#publishing = false
    }
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }

  async #publishJournal(): Promise<void> {
    this.#journalAt = performance.now()
    const { messages, items } = takeJournal(this.#journal, this.#subjectOf)
    if (!(await this.#send(messages))) return
    this.#journal.splice(0, items.length)
    this.#settled(this.#journalAt)
    const bytes = items.reduce((sum, item) => sum + item.text.byteLength, 0)
    this.#journalBytes -= bytes
    if (this.#journal.length === 0) this.#isHurried = false
    this.#told({
      t: "journaled",
      items: items.map((item) => [item.partition, item.lastSeq, item.lastId] as const),
      bytes,
    })
  }

  /** Signals and dead letters go to different streams: one message, one PubAck; they are few. */
  async #publishOutbox(): Promise<void> {
    const first = this.#outbox[0]!
    const same = this.#outbox.slice(0, PUBLISH_MESSAGES_MAX)
    const prefix = first.subject.slice(0, first.subject.lastIndexOf("."))
    const until = same.findIndex((item) => item.subject.slice(0, item.subject.lastIndexOf(".")) !== prefix)
    const items = until === -1 ? same : same.slice(0, until)
    const began = performance.now()
    if (!(await this.#send(items.map(({ subject, payload }) => ({ subject, payload }))))) return
    this.#outbox.splice(0, items.length)
    this.#settled(began)
    this.#told({ t: "outboxed", ids: items.map((item) => item.id) })
  }

  /** Until stored: an unknown outcome is sent again, readers know repeats by their seq. */
  async #send(messages: ReadonlyArray<OutgoingMessage>): Promise<boolean> {
    for (let stored = 0; !this.#stopping;) {
      const { count, error } = await publishInOrder(this.#bus.js, messages.slice(stored))
      stored += count
      const isTold = error?.message === this.#waitsFor?.message
      this.#waitsFor = error
      if (error === null) return true
      const detail = { error: String(error), messages: messages.length - stored }
      if (!isTold) this.#trouble(error instanceof BusRefused ? "error" : "warning", detail)
      await new Promise((resolve) => setTimeout(resolve, PUBLISH_RETRY_MS))
    }
    return false
  }
}

interface JournalMessage {
  readonly after: number
  last: number
  readonly texts: Array<Uint8Array>
  bytes: number
}

const SEPARATOR = Buffer.from(BLOCK_SEPARATOR)
const END = Buffer.from("]}")

/** The texts are put together as the bytes they are. */
const payloadOf = (partition: number, { after, texts }: JournalMessage): Uint8Array => {
  const parts: Array<Uint8Array> = [Buffer.from(`{"v":1,"partition":${partition},"after":${after},"entries":[`)]
  texts.forEach((text, i) => (i === 0 ? parts.push(text) : parts.push(SEPARATOR, text)))
  parts.push(END)
  return Buffer.concat(parts)
}

/** The head of the queue as messages: neighbours of one partition are joined up to the size limit. */
const takeJournal = (
  queue: ReadonlyArray<JournalItem>,
  subjectOf: (partition: number) => string,
): { readonly messages: ReadonlyArray<OutgoingMessage>; readonly items: ReadonlyArray<JournalItem> } => {
  const open = new Map<number, JournalMessage>()
  const done: Array<readonly [number, JournalMessage]> = []
  let bytes = 0
  let count = 0
  for (const item of queue) {
    const size = item.text.byteLength
    if (bytes + size > PUBLISH_BYTES_MAX && count > 0) break
    if (done.length + open.size >= PUBLISH_MESSAGES_MAX) break
    const current = open.get(item.partition)
    if (current !== undefined && current.bytes + size <= JOURNAL_BYTES_MAX) {
      current.texts.push(item.text)
      current.bytes += size
      current.last = item.lastSeq
    } else {
      if (current !== undefined) done.push([item.partition, current])
      open.set(item.partition, { after: item.after, last: item.lastSeq, texts: [item.text], bytes: size })
    }
    bytes += size
    count += 1
  }
  for (const pair of open) done.push(pair)
  const messages = done.map(([partition, message]) => ({
    subject: subjectOf(partition),
    payload: payloadOf(partition, message),
    headers: { [HEADERS.id]: `${partition}.${message.last}` },
  }))
  return { messages, items: queue.slice(0, count) }
}
