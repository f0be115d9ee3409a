/**
 * The rating actor: usage messages → charges in the command stream → BYOK records, dead letters and the cursor in one
 * transaction (decisions 2 and 7). The cursor moves only after the charges are stored in the command stream, so a crash
 * between the two repeats them, which is harmless: the ledger knows event ids.
 * One batch is rated while the one before it is being published and committed. Owns no prices and no tables.
 */
import { BusFull, publishAtomic, type BusHandle } from "@credits/bus"
import { spanClock } from "@credits/telemetry"
import { ATOMIC_BATCH_MESSAGES_MAX, STREAMS, SUBJECTS, type DeadLetter } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import type { PriceBook } from "@credits/pricebook"
import type { ByokRecord } from "./call.ts"
import type { ChargeMessage } from "./charge-message.ts"
import { deadLetterOf } from "./dead-letter.ts"
import { Intake, type Report } from "./intake.ts"
import { countLetters, type Metrics } from "./metrics.ts"
import { newTrace, recordBatch } from "./batch-spans.ts"
import { Rating, type RatedBatch } from "./rating.ts"
import { commitIntake, CursorMoved, type PricingDatabase } from "./store.ts"

/** One batch: some 20,000 events, about 100 ms of work; more would only delay its first charge. */
const BATCH_MESSAGES_MAX = 40
const BATCH_BYTES_MAX = 8 * 1024 * 1024
/** Waits between tries while the command stream is full or a part is away: back-pressure, never loss. */
const RETRY_MS = [20, 50, 100, 250, 500, 1_000] as const

/** R6.6 for calls that never reach the ledger: the first body stands, the other is kept for review. */
const byokConflict = (record: ByokRecord, headers: DeadLetter["headers"], now: Instant): DeadLetter => {
  const detail = "a BYOK call with this id and another body is recorded already"
  const body = JSON.stringify(record)
  const letter = deadLetterOf(record.seq, record.index, "id_conflict", detail, record.account, now, body)
  return headers === undefined ? letter : { ...letter, headers }
}

export interface ActorOptions {
  readonly bus: BusHandle
  readonly database: PricingDatabase
  /** In force now and later, ordered (see `versionAt`); asked again for every batch. */
  readonly books: () => ReadonlyArray<PriceBook>
  /** Business time. */
  readonly now: () => Instant
  readonly metrics: Metrics
  readonly report: Report
  /** New dead letters are in the database. */
  readonly onDeadLetters: () => void
}

export class RatingActor {
  readonly #options: ActorOptions
  readonly #intake: Intake
  readonly #stream = STREAMS.usage.name
  #stopped = false
  #running: Promise<void> = Promise.resolve()
  /** Last message rated; the committed cursor follows it by at most one batch. */
  #ratedSeq = 0
  /** Of the batch rated last, real time. */
  #beganAt = 0
  cursor = 0
  /** Why the last publish or commit did not succeed, while it is being tried again. */
  trouble: string | undefined

  constructor(options: ActorOptions) {
    this.#options = options
    this.#intake = new Intake(options.bus, options.database, this.#stream, [SUBJECTS.usage], options.report)
  }

  get gap(): Intake["gap"] {
    return this.#intake.gap
  }

  /** Rating, or with messages waiting: others should keep off the processor. */
  get busy(): boolean {
    return this.#intake.queued > 0 || this.cursor < this.#ratedSeq
  }

  get queued(): number {
    return this.#intake.queued
  }

  /** All that was in the stream when reading began has been applied (decision 21). */
  get caughtUp(): boolean {
    const { endAtCreation } = this.#intake
    return endAtCreation !== undefined && this.cursor >= endAtCreation
  }

  /** Rates nothing further while held; what was rated is published and committed (decision 21). */
  hold(isHeld: boolean): void {
    this.#intake.hold(isHeld)
  }

  async start(): Promise<void> {
    await this.#reload()
    this.#running = this.#run()
  }

  /** Takes no further message; what was rated is published and committed before this resolves. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#intake.close()
    await this.#running
  }

  async #reload(): Promise<void> {
    this.cursor = (await this.#intake.open())?.seq ?? 0
    this.#ratedSeq = this.cursor
  }

  async #run(): Promise<void> {
    let finishing: Promise<boolean> = Promise.resolve(true)
    while (await this.#intake.ready()) {
      const rated = this.#intake.isStale ? undefined : await this.#rateNext()
      if (!(await finishing) || rated === undefined) {
        // What was rated meanwhile is stale too: it is read again from the cursor in the database.
        await this.#insist("reading the cursor", () => this.#reload())
        finishing = Promise.resolve(true)
        continue
      }
      const from = this.cursor
      finishing = this.#finish(rated, from, this.#beganAt)
    }
    await finishing
  }

  /**
   * A message is some 3 ms of work. Between two of them the event loop turns: the batch before this one is being
   * published meanwhile, and questions and heartbeats do not wait for 20,000 events.
   */
  async #rateNext(): Promise<RatedBatch> {
    const { metrics, books, now } = this.#options
    const messages = this.#intake.take(BATCH_MESSAGES_MAX, BATCH_BYTES_MAX)
    this.#beganAt = spanClock()
    const rating = new Rating(books(), now(), newTrace)
    for (const message of messages) {
      const startedAt = performance.now()
      rating.add(message)
      metrics.ratingMs += performance.now() - startedAt
      await new Promise((resolve) => setImmediate(resolve))
    }
    const rated = rating.end()
    this.#ratedSeq = rated.lastSeq
    metrics.messages += messages.length
    metrics.events += rated.events
    metrics.batches++
    return rated
  }

  /** Publishes, then commits. False when another process moved the cursor, or when stopped before it succeeded. */
  async #finish(rated: RatedBatch, from: number, beganAt: number): Promise<boolean> {
    const { metrics, report } = this.#options
    try {
      const startedAt = performance.now()
      if (!(await this.#publish(rated))) return false
      const publishedAt = performance.now()
      metrics.publishingMs += publishedAt - startedAt
      if (!(await this.#insist("committing the cursor", () => this.#commit(rated, from)))) return false
      metrics.committingMs += performance.now() - publishedAt
      this.cursor = rated.lastSeq
      recordBatch(rated, beganAt)
      return true
    } catch (error) {
      if (!(error instanceof CursorMoved)) throw error
      report("warning", error.message)
      this.#intake.giveUp()
      return false
    }
  }

  /**
   * In atomic batches for their one fsync, not for their atomicity: charges are repeated harmlessly one by one. So a
   * stream that is full takes smaller and smaller parts, and a batch larger than the room left still gets through.
   */
  async #publish(rated: RatedBatch): Promise<boolean> {
    const { bus, metrics } = this.#options
    let size = ATOMIC_BATCH_MESSAGES_MAX
    let part: ReadonlyArray<ChargeMessage> = []
    for (let at = 0; at < rated.charges.length; at += part.length) {
      const attempt = async (): Promise<void> => {
        part = rated.charges.slice(at, at + size)
        const messages = part.map(({ partition, payload }) => ({ subject: SUBJECTS.ledgerCommand(partition), payload }))
        await publishAtomic(bus.js, messages).catch((error: unknown) => {
          if (error instanceof BusFull) size = Math.max(1, Math.floor(part.length / 2))
          throw error
        })
      }
      if (!(await this.#insist("publishing charges", attempt))) return false
      metrics.chargeMessages += part.length
      for (const { charges } of part) metrics.charges += charges
    }
    return true
  }

  async #commit(rated: RatedBatch, from: number): Promise<void> {
    const { database, metrics, now, onDeadLetters } = this.#options
    const committed = await commitIntake(database, {
      stream: this.#stream,
      incarnation: this.#intake.incarnation!,
      from,
      to: rated.lastSeq,
      byok: rated.byok,
      deadLetters: rated.deadLetters,
      conflictOf: (record) => byokConflict(record, rated.headers.get(record.seq), now()),
    })
    metrics.byokRecorded += committed.byokRecorded
    countLetters(metrics, committed.deadLetters)
    if (committed.deadLetters.length > 0) onDeadLetters()
  }

  /** Tries until it succeeds or the actor is stopped. Nothing is skipped: the cursor waits. */
  async #insist(what: string, attempt: () => Promise<unknown>): Promise<boolean> {
    const { metrics, report } = this.#options
    for (let tries = 0; ; tries++) {
      try {
        await attempt()
        this.trouble = undefined
        return true
      } catch (error) {
        if (error instanceof CursorMoved) throw error
        const detail = error instanceof Error ? error.message : String(error)
        if (this.trouble === undefined) report("warning", `${what}: ${detail}; trying again`)
        this.trouble = error instanceof BusFull ? `stream_full: ${detail}` : `${what}: ${detail}`
        metrics.publishRetries++
        if (this.#stopped) return false
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]))
      }
    }
  }
}
