/**
 * A stream read into a bounded queue from the cursor in the database (decision 2). Owns pausing and what is known of
 * the stream's end; the cursor moves with the commit that holds what came of the messages.
 */
import {
  orderedReader,
  plainHeaders,
  streamState,
  type BusHandle,
  type CursorGap,
  type OrderedReader,
} from "@credits/bus"
import type { DeadLetter } from "@credits/contracts"
import type { SagaStream } from "./running.ts"
import type { SagaCursor, SagaStore } from "./store.ts"

const QUEUE_BYTES_MAX = 16 * 1024 * 1024
const QUEUE_MESSAGES_MAX = 1_024
const AHEAD_MESSAGES = 256
/** What changed nothing is read again after a crash: its place is written with the next change, or after this long. */
const UNSTORED_MS = 500

export interface Arrived {
  readonly stream: string
  readonly seq: number
  readonly text: string
  /** As it came, when it is not UTF-8. */
  readonly bytes: Uint8Array | null
  /** undefined: it has none. */
  readonly headers: DeadLetter["headers"]
}

export interface IntakeOptions {
  readonly bus: BusHandle
  readonly store: SagaStore
  readonly stream: SagaStream<unknown>
  readonly onArrived: () => void
  readonly report: (level: "warning" | "error", message: string) => void
}

export class Intake {
  readonly #o: IntakeOptions
  #reader: OrderedReader | undefined
  #queue: Array<Arrived> = []
  #bytes = 0
  #incarnation = ""
  #taken = 0
  /** Real time since which the place in the database is behind; null: it is not. */
  #unstoredSince: number | null = null
  #endAtCreation = Number.POSITIVE_INFINITY
  /** Everything up to here is decided, and what came of it is committed. */
  cursor = 0
  gap: CursorGap | undefined

  constructor(options: IntakeOptions) {
    this.#o = options
  }

  get stream(): string {
    return this.#o.stream.stream
  }
  get route(): SagaStream<unknown>["route"] {
    return this.#o.stream.route
  }
  get queued(): number {
    return this.#queue.length
  }
  /** Everything that was in the stream when it was opened is decided. */
  get isCaughtUp(): boolean {
    return this.cursor >= this.#endAtCreation
  }

  /** Reads on from the database's cursor; what was read ahead of it is forgotten. */
  async open(): Promise<void> {
    await this.#reader?.close()
    const stored = await this.#o.store.cursor(this.stream)
    this.#queue = []
    this.#bytes = 0
    this.#unstoredSince = null
    this.cursor = stored?.seq ?? (await this.#beginning())
    this.#taken = this.cursor
    this.#incarnation = stored?.incarnation ?? ""
    if (this.gap !== undefined) return
    this.#reader = orderedReader(this.#o.bus, {
      stream: this.stream,
      filters: this.#o.stream.filters,
      startSeq: this.cursor + 1,
      incarnation: stored?.incarnation,
      aheadMessages: AHEAD_MESSAGES,
      onMessage: ({ seq, data, raw }) => this.#arrived(seq, data, plainHeaders(raw.headers)),
      onCreated: ({ incarnation, last }) => {
        // From now on another stream of this name is noticed, also when nothing of this one was applied yet.
        if (this.#incarnation === "") this.#unstoredSince ??= performance.now()
        this.#incarnation = incarnation
        this.#endAtCreation = last
        this.#o.onArrived()
      },
      onGap: (gap) => {
        this.gap = gap
        const { first, last } = gap.state
        const where = `cursor ${gap.cursor}, stream ${first} to ${last}`
        this.#o.report("error", `cursor_gap: ${gap.stream} ${gap.reason}, ${where}`)
        this.#o.onArrived()
      },
      onTrouble: (detail) => this.#o.report("warning", detail),
    })
  }

  /** The cursor of a service that has read nothing yet. */
  async #beginning(): Promise<number> {
    const { bus, stream } = this.#o
    if (stream.beginsAtFirst === undefined) return 0
    return Math.max(0, (await streamState(bus.jsm, stream.stream)).first - 1)
  }

  #arrived(seq: number, data: Uint8Array, headers: Arrived["headers"]): void {
    const text = Buffer.from(data).toString()
    // `data` is a view of the socket's buffer.
    const bytes = text.includes("\ufffd") ? new Uint8Array(data) : null
    this.#queue.push({ stream: this.stream, seq, text, bytes, headers })
    this.#bytes += text.length
    if (this.#bytes > QUEUE_BYTES_MAX || this.#queue.length > QUEUE_MESSAGES_MAX) this.#reader?.pause()
    this.#o.onArrived()
  }

  /** The oldest messages; `moved` tells what the commit must write with them. */
  take(count: number): ReadonlyArray<Arrived> {
    if (this.#queue.length === 0) return []
    const taken = this.#queue.splice(0, count)
    for (const { text } of taken) this.#bytes -= text.length
    this.#taken = taken.at(-1)!.seq
    this.#unstoredSince ??= performance.now()
    if (this.#bytes <= QUEUE_BYTES_MAX / 2 && this.#queue.length <= QUEUE_MESSAGES_MAX / 2) this.#reader?.resume()
    return taken
  }

  get moved(): SagaCursor | null {
    if (this.#unstoredSince === null || this.#incarnation === "") return null
    return { stream: this.stream, incarnation: this.#incarnation, seq: this.#taken }
  }

  /** Until the place must be written although nothing else is. */
  get storeInMs(): number {
    if (this.moved === null) return Number.POSITIVE_INFINITY
    return Math.max(0, this.#unstoredSince! + UNSTORED_MS - performance.now())
  }

  /** Up to there everything is decided; `isStored`: and in the database. */
  decided({ seq }: SagaCursor, isStored: boolean): void {
    this.cursor = seq
    if (isStored && seq === this.#taken) this.#unstoredSince = null
  }

  /** What was read ahead is left to the next owner. */
  forget(): void {
    this.#queue = []
    this.#unstoredSince = null
  }

  async close(): Promise<void> {
    await this.#reader?.close()
  }
}
