/**
 * A stream read into a bounded queue from a cursor of the database: what the rating actor and the projection share.
 * Owns pausing, waking and what is known of the stream's end; applies nothing. The cursor is the caller's (decision 2).
 */
import { orderedReader, plainHeaders, type BusHandle, type CursorGap, type OrderedReader } from "@credits/bus"
import type { ArrivedMessage } from "./rating.ts"
import { readCursor, rememberStream, type Cursor, type PricingDatabase } from "./store.ts"

/** Queue above this pauses the reader; what was asked for still arrives (the reader's own bound on top). */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024
const QUEUE_MESSAGES_MAX = 256

export type Report = (level: "info" | "warning" | "error", text: string) => void

export class Intake {
  readonly #bus: BusHandle
  readonly #database: PricingDatabase
  readonly #stream: string
  readonly #subjects: ReadonlyArray<string>
  readonly #report: Report
  readonly #messagesMax: number
  #reader: OrderedReader | undefined
  #queue: Array<ArrivedMessage> = []
  #bytes = 0
  #wake: (() => void) | undefined
  #closed = false
  #held = false
  /** Known once the consumer was created. */
  incarnation: string | undefined
  /** The stream's end when the consumer was last created: what "caught up" is measured by. */
  endAtCreation: number | undefined
  gap: CursorGap | undefined
  /** Given up, and not opened since. */
  isStale = false

  constructor(
    bus: BusHandle,
    database: PricingDatabase,
    stream: string,
    subjects: ReadonlyArray<string>,
    report: Report,
    messagesMax = QUEUE_MESSAGES_MAX,
  ) {
    this.#bus = bus
    this.#database = database
    this.#stream = stream
    this.#subjects = subjects
    this.#report = report
    this.#messagesMax = messagesMax
  }

  /** Reads on from the cursor in the database, and answers it; null when nothing of the stream was applied ever. */
  async open(): Promise<Cursor | null> {
    const cursor = await readCursor(this.#database, this.#stream)
    await this.#reader?.close()
    this.#queue = []
    this.#bytes = 0
    this.gap = undefined
    this.isStale = false
    this.endAtCreation = undefined
    if (this.#closed) return cursor
    this.#reader = orderedReader(this.#bus, {
      stream: this.#stream,
      filters: this.#subjects,
      startSeq: (cursor?.seq ?? 0) + 1,
      incarnation: cursor?.incarnation,
      // Enough for several batches, few enough that a pause takes hold soon.
      aheadMessages: this.#messagesMax / 2,
      onMessage: ({ seq, data, raw }) => this.#arrived(seq, data, plainHeaders(raw.headers)),
      onCreated: (state) => {
        this.incarnation = state.incarnation
        this.endAtCreation = state.last
        if (cursor === null) this.#remember(state.incarnation)
      },
      onGap: (gap) => {
        const { first, last } = gap.state
        this.gap = gap
        this.#report(
          "error",
          `cursor_gap: ${gap.stream} ${gap.reason}, cursor ${gap.cursor}, stream ${first} to ${last}`,
        )
        this.#signal()
      },
      onTrouble: (detail) => this.#report("warning", detail),
    })
    if (this.#held) this.#reader.pause()
    return cursor
  }

  #arrived(seq: number, data: Uint8Array, headers: ArrivedMessage["headers"]): void {
    // `data` is a view of the socket's buffer.
    this.#queue.push({ seq, body: new Uint8Array(data), headers })
    this.#bytes += data.length
    if (this.#bytes > QUEUE_BYTES_MAX || this.#queue.length > this.#messagesMax) this.#reader?.pause()
    this.#signal()
  }

  /** From now on another stream of this name is noticed, also when nothing of this one was applied yet. */
  #remember(incarnation: string): void {
    rememberStream(this.#database, this.#stream, incarnation).catch((error: unknown) =>
      this.#report("warning", `remembering ${this.#stream}: ${String(error)}`),
    )
  }

  /** Messages waiting. */
  get queued(): number {
    return this.#queue.length
  }

  /** While held nothing is given out, and what was asked of the stream before is all that still arrives. */
  hold(isHeld: boolean): void {
    this.#held = isHeld
    if (isHeld) this.#reader?.pause()
    else if (this.#hasRoom) this.#reader?.resume()
    this.#signal()
  }

  get #hasRoom(): boolean {
    return this.#bytes <= QUEUE_BYTES_MAX / 2 && this.#queue.length <= this.#messagesMax / 2
  }

  /** What was given out was not applied: nobody need wait for another message before all is opened anew. */
  giveUp(): void {
    this.isStale = true
    this.#signal()
  }

  /**
   * Waits until there is a message to give out, the stream has a gap or the intake is closed; false in both last cases.
   * Also true after `giveUp`, and with `ms` when so much time has passed without any.
   */
  async ready(ms?: number): Promise<boolean> {
    let isLate = false
    const late = (): void => {
      isLate = true
      this.#signal()
    }
    const timer = ms === undefined ? undefined : setTimeout(late, ms)
    const isWaiting = (): boolean => !isLate && !this.isStale && (this.#held || this.#queue.length === 0)
    while (isWaiting() && !this.#closed && this.gap === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
    return !this.#closed && this.gap === undefined
  }

  /** Takes the oldest messages, at most `count` and about `bytes` (at least one). */
  take(count: number, bytes: number): ReadonlyArray<ArrivedMessage> {
    let taken = 0
    let size = 0
    while (
      taken < this.#queue.length &&
      taken < count &&
      (taken === 0 || size + this.#queue[taken]!.body.length <= bytes)
    ) {
      size += this.#queue[taken]!.body.length
      taken++
    }
    const batch = this.#queue.splice(0, taken)
    this.#bytes -= size
    if (this.#hasRoom && !this.#held) this.#reader?.resume()
    return batch
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#reader?.close()
    this.#signal()
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
