/**
 * Everything that waits for the next commit: works from inside, messages of the streams. Owns the order and the limits;
 * a message becomes works when it is taken, and a dead letter when it cannot be read.
 */
import type { CursorGap, BusHandle } from "@credits/bus"
import { SUBJECTS, type DeadLetter } from "@credits/contracts"
import { shortened } from "../batch.ts"
import { Intake, type Arrived } from "./intake.ts"
import type { SagaStream } from "./running.ts"
import type { SagaCursor, SagaStore } from "./store.ts"
import { unavailable, type Work } from "./work.ts"

/** Works a commit: at 20 µs each a commit decides in 10 ms. */
const TAKE_MAX = 500
/** Then commands are refused as `overloaded`; what is inside always has room. */
const WAITING_MAX = 16_384
const DETAIL_MAX = 300

type Letter = { readonly subject: string; readonly payload: string }

export interface InboxOptions {
  readonly bus: BusHandle
  readonly store: SagaStore
  readonly service: string
  readonly machine: string
  readonly streams: ReadonlyArray<SagaStream<unknown>>
  readonly wake: () => void
  readonly report: (level: "warning" | "error", message: string) => void
}

export class Inbox {
  readonly #o: InboxOptions
  readonly #intakes: ReadonlyArray<Intake>
  #works: Array<Work> = []
  #isClosed = false

  constructor(options: InboxOptions) {
    this.#o = options
    const { bus, store, wake, report } = options
    this.#intakes = options.streams.map((stream) => new Intake({ bus, store, stream, onArrived: wake, report }))
  }

  /** Reads every stream from its stored cursor; once closed, what was read ahead of it is left to the next owner. */
  async open(): Promise<void> {
    for (const intake of this.#intakes) {
      if (this.#isClosed) intake.forget()
      else await intake.open()
    }
  }

  offer(work: Work): void {
    this.#works.push(work)
    if (this.#works.length === 1) this.#o.wake()
  }

  get size(): number {
    return this.#works.length
  }
  get isFull(): boolean {
    return this.#works.length >= WAITING_MAX
  }
  /** Nothing waits to be decided. */
  get isEmpty(): boolean {
    return this.#works.length === 0 && this.#intakes.every(({ queued }) => queued === 0)
  }
  /** Every place in a stream is in the database. */
  get isStored(): boolean {
    return this.#intakes.every(({ moved }) => moved === null)
  }
  /** Until one of them must be. */
  get storeInMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#intakes.map(({ storeInMs }) => storeInMs))
  }
  get isCaughtUp(): boolean {
    return this.#intakes.every((intake) => intake.isCaughtUp)
  }
  get cursors(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#intakes.map(({ stream, cursor }) => [stream, cursor]))
  }
  get gaps(): ReadonlyArray<Pick<CursorGap, "stream" | "reason" | "cursor">> {
    return this.#intakes.flatMap(({ gap }) =>
      gap === undefined ? [] : [{ stream: gap.stream, reason: gap.reason, cursor: gap.cursor, ...gap.state }],
    )
  }

  take(): {
    readonly works: ReadonlyArray<Work>
    readonly cursors: ReadonlyArray<SagaCursor>
    readonly letters: ReadonlyArray<Letter>
  } {
    const works = this.#works.splice(0, TAKE_MAX)
    const letters: Array<Letter> = []
    for (const intake of this.#intakes) {
      for (const message of intake.take(TAKE_MAX)) works.push(...this.#worksOf(intake, message, letters))
    }
    const cursors = this.#intakes.flatMap(({ moved }) => (moved === null ? [] : [moved]))
    return { works, cursors, letters }
  }

  #worksOf(intake: Intake, message: Arrived, letters: Array<Letter>): ReadonlyArray<Work> {
    let routes: ReturnType<Intake["route"]>
    try {
      routes = intake.route(message.text)
    } catch (error) {
      this.#o.report("warning", `${message.stream} ${message.seq} cannot be read: ${String(error)}`)
      letters.push(this.#letter(message, 0, "malformed", null, error))
      return []
    }
    return routes.map(({ id, notice }, index) => ({
      t: "notice",
      id,
      notice,
      done: null,
      fail: () => undefined,
      letter: (error) => this.#letter(message, index, "defect", id, error),
    }))
  }

  #letter(message: Arrived, index: number, reason: string, id: string | null, error: unknown): Letter {
    const { stream, seq, text, bytes, headers } = message
    const { service, machine } = this.#o
    // Postgres stores no NUL.
    const payload =
      bytes !== null || text.includes("\0") ? `base64:${Buffer.from(bytes ?? text).toString("base64")}` : text
    const letter: DeadLetter = {
      v: 1,
      id: `${service}.${machine}.${stream}.${seq}.${index}`,
      service,
      reason,
      detail: `${machine}: ${String(error)}`.replace(/[^\x20-\x7e]/g, "?").slice(0, DETAIL_MAX),
      origin: { stream, seq, index },
      account: id,
      at: Date.now(),
      payload: shortened(payload),
      ...(headers !== undefined && { headers }),
    }
    return { subject: SUBJECTS.deadLetter(service), payload: JSON.stringify(letter) }
  }

  decided(cursors: ReadonlyArray<SagaCursor>, isStored: boolean): void {
    for (const cursor of cursors) {
      this.#intakes.find(({ stream }) => stream === cursor.stream)?.decided(cursor, isStored)
    }
  }

  /** Not committed: what came from inside is decided again; the streams are read again from their cursors. */
  putBack(works: ReadonlyArray<Work>): void {
    this.#works.unshift(...works.filter((work) => work.t !== "notice" || work.letter === null))
  }

  /**
   * Whoever asks is told to ask again: nobody knows what of it was committed. `all`: also what would otherwise be
   * decided again later.
   */
  fail(detail: string, all: boolean): void {
    const works = this.#works
    this.#works = []
    for (const work of works) {
      if (work.t === "command") work.waiting.give(unavailable(detail))
      else if (work.t === "read" || (all && work.t === "notice")) work.fail(new Error(detail))
      else if (!all) this.#works.push(work)
    }
    if (all) for (const intake of this.#intakes) intake.forget()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#intakes.map((intake) => intake.close()))
  }
}
