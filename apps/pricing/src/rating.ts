/**
 * Rating: usage messages in, charges by partition, BYOK records and dead letters out. The hot loop of the service:
 * plain, synchronous and pure — the same messages, books and instant give the same batch, so a repeat after a crash
 * is harmless (the ledger knows event ids, decision 7). Does not read, publish or store.
 */
import {
  decodeUsageEvent,
  EVENT_BYTES_MAX,
  USAGE_AGE_MAX_MS,
  USAGE_FUTURE_MAX_MS,
  type DeadLetter,
  type UsageEvent,
} from "@credits/contracts"
import { isAccountId, partitionOf, PARTITIONS, type Instant } from "@credits/kernel"
import { bookAt, costOfCall, type PriceBook } from "@credits/pricebook"
import { byokRecordOf, chargeOf, isByok, isHosted, type ByokRecord } from "./call.ts"
import { OpenMessage, type ChargeMessage } from "./charge-message.ts"
import { deadLetterOf, textOf } from "./dead-letter.ts"

/** A message as it came from a stream. */
export interface ArrivedMessage {
  readonly seq: number
  readonly body: Uint8Array
  /** For its dead letters; undefined: it has none. */
  readonly headers?: DeadLetter["headers"]
}

export interface RatedBatch {
  readonly charges: ReadonlyArray<ChargeMessage>
  readonly byok: ReadonlyArray<ByokRecord>
  readonly deadLetters: ReadonlyArray<DeadLetter>
  /** Headers of the messages that have any, by seq: for letters that only the database's answer makes. */
  readonly headers: ReadonlyMap<number, NonNullable<DeadLetter["headers"]>>
  /** Events seen, of any kind. */
  readonly events: number
  /** Sequence of the last message in it: where the cursor goes when all of it is safe. */
  readonly lastSeq: number
  /** Those that carry a trace. */
  readonly traced: ReadonlyArray<TracedEvent>
}

/** A rated event of a traced call; its charge carries `trace` on. */
export interface TracedEvent {
  readonly id: string
  readonly account: string
  readonly provider: string
  readonly model: string
  readonly mode: UsageEvent["mode"]
  readonly seq: number
  /** `traceparent` of the event. */
  readonly parent: string
  /** `traceparent` of its rating. */
  readonly trace: string
}

/** `traceparent` of a new span below an event's; undefined: it is not traced. An input, as ids are. */
export type NewTrace = (parent: string) => string | undefined

/** More of one batch go on untraced. */
const TRACED_MAX = 128

/** Collects what one batch of messages becomes. */
class Batch {
  readonly open: Array<OpenMessage | undefined> = Array.from({ length: PARTITIONS })
  readonly charges: Array<ChargeMessage> = []
  readonly byok: Array<ByokRecord> = []
  readonly deadLetters: Array<DeadLetter> = []
  readonly traced: Array<TracedEvent> = []
  readonly newTrace: NewTrace
  events = 0

  constructor(newTrace: NewTrace) {
    this.newTrace = newTrace
  }

  add(account: string, line: string, trace: string | undefined): void {
    const partition = partitionOf(account)
    const message = (this.open[partition] ??= new OpenMessage())
    if (message.add(line, trace)) return
    this.charges.push(message.take(partition))
    message.add(line, trace)
  }

  /** The trace of an event, if it names one that is wanted. */
  trace(event: UsageEvent, parent: unknown, seq: number): string | undefined {
    if (typeof parent !== "string" || this.traced.length >= TRACED_MAX) return undefined
    const trace = this.newTrace(parent)
    const { id, account, provider, model, mode } = event
    if (trace !== undefined) this.traced.push({ id, account, provider, model, mode, seq, parent, trace })
    return trace
  }

  close(): void {
    this.open.forEach((message, partition) => {
      if (message !== undefined && message.charges > 0) this.charges.push(message.take(partition))
    })
  }
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The event's JSON again, for its dead letter; nesting too deep to print is no reason to stop. */
const eventText = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? ""
  } catch {
    return "(nested too deeply to print)"
  }
}

const subjectOf = (value: unknown): string | null => {
  const subject = typeof value === "object" && value !== null ? (value as { subject?: unknown }).subject : null
  return isAccountId(subject) ? subject : null
}

interface Refusal {
  readonly code: string
  readonly detail: string
}

/** Age and size: what the decoder cannot know (C12: ancient and future times, events above 4 KiB). */
const checkEvent = (event: UsageEvent, now: Instant): Refusal | null => {
  if (event.time < now - USAGE_AGE_MAX_MS) return { code: "too_old", detail: "the event is older than 400 days" }
  if (event.time > now + USAGE_FUTURE_MAX_MS)
    return { code: "in_future", detail: "the event lies more than 10 minutes ahead" }
  // Names and ids are bounded one by one, attributes are not.
  if (event.attributes.length > EVENT_BYTES_MAX || Buffer.byteLength(event.attributes) > EVENT_BYTES_MAX) {
    return { code: "too_large", detail: `attributes above ${EVENT_BYTES_MAX} bytes` }
  }
  return null
}

/** Finds the book of an event; neighbouring events nearly always share it. */
class Books {
  readonly #books: ReadonlyArray<PriceBook>
  #book: PriceBook | null = null
  #from = Infinity
  #to = -Infinity

  constructor(books: ReadonlyArray<PriceBook>) {
    this.#books = books
  }

  at(time: Instant): PriceBook | null {
    if (time >= this.#from && time < this.#to) return this.#book
    this.#book = bookAt(this.#books, time)
    this.#from = this.#book?.effectiveAt ?? -Infinity
    this.#to = this.#books.find((book) => book.effectiveAt > time)?.effectiveAt ?? Infinity
    return this.#book
  }
}

const rateEvent = (
  batch: Batch,
  books: Books,
  now: Instant,
  value: unknown,
  seq: number,
  index: number,
): Refusal | null => {
  const event = decodeUsageEvent(value)
  if ("code" in event) return event
  const refusal = checkEvent(event, now)
  if (refusal !== null) return refusal
  const { traceparent } = value as { readonly traceparent?: unknown }
  const trace = traceparent === undefined ? undefined : batch.trace(event, traceparent, seq)
  if (isHosted(event)) {
    const book = books.at(event.time)
    if (book === null) return { code: "no_price_book", detail: "no price book was in force then" }
    const priced = costOfCall(book, {
      model: event.model,
      at: event.time,
      tokens: event.tokens,
      images: event.images,
      requests: event.requests,
      status: event.status,
    })
    if ("code" in priced) return priced
    batch.add(event.account, chargeOf(event, priced, book.version), trace)
  } else if (isByok(event)) {
    batch.byok.push(byokRecordOf(event, seq, index))
  }
  return null
}

const rateMessage = (batch: Batch, books: Books, now: Instant, message: ArrivedMessage): void => {
  const { seq, body, headers } = message
  const text = textOf(body)
  const refuse = (index: number, why: Refusal, value: unknown): void => {
    const original = index < 0 ? (text ?? body) : eventText(value)
    const letter = deadLetterOf(seq, index, why.code, why.detail, subjectOf(value), now, original)
    batch.deadLetters.push(headers === undefined ? letter : { ...letter, headers })
  }
  const parsed = text === null ? undefined : parse(text)
  // A single CloudEvent is a batch of one.
  const list = Array.isArray(parsed) ? (parsed as ReadonlyArray<unknown>) : typeof parsed === "object" ? [parsed] : null
  if (list === null) {
    const detail = text === null ? "the message is not UTF-8" : "the message is no JSON array of events"
    return refuse(-1, { code: "malformed", detail }, null)
  }
  for (let index = 0; index < list.length; index++) {
    batch.events++
    try {
      const refusal = rateEvent(batch, books, now, list[index], seq, index)
      if (refusal !== null) refuse(index, refusal, list[index])
    } catch (error) {
      // Nothing is known to throw but nesting beyond the stack; one event must not stop its neighbours (decision 5).
      refuse(index, { code: "malformed", detail: error instanceof Error ? error.message : "unreadable" }, list[index])
    }
  }
}

/**
 * One batch being rated, message by message, so that the caller can let others run in between. Books are ordered by
 * effective instant; `now` is business time and decides only what is too old or in the future. A bad event becomes a
 * dead letter, the good events of its message count all the same.
 */
export class Rating {
  readonly #batch: Batch
  readonly #books: Books
  readonly #now: Instant
  readonly #headers = new Map<number, NonNullable<DeadLetter["headers"]>>()
  #lastSeq = 0

  constructor(books: ReadonlyArray<PriceBook>, now: Instant, newTrace: NewTrace = () => undefined) {
    this.#batch = new Batch(newTrace)
    this.#books = new Books(books)
    this.#now = now
  }

  add(message: ArrivedMessage): void {
    rateMessage(this.#batch, this.#books, this.#now, message)
    if (message.headers !== undefined) this.#headers.set(message.seq, message.headers)
    this.#lastSeq = message.seq
  }

  end(): RatedBatch {
    this.#batch.close()
    const { charges, byok, deadLetters, events, traced } = this.#batch
    return { charges, byok, deadLetters, events, traced, headers: this.#headers, lastSeq: this.#lastSeq }
  }
}

/** Rates messages in order, all at once. */
export const rate = (
  messages: ReadonlyArray<ArrivedMessage>,
  books: ReadonlyArray<PriceBook>,
  now: Instant,
): RatedBatch => {
  const rating = new Rating(books, now)
  for (const message of messages) rating.add(message)
  return rating.end()
}
