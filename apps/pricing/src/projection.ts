/**
 * The usage projection: the ledger's journal counted into `usage_rollup`, each entry once (decision 14). It yields to
 * rating and to the ledger: while they work it takes small steps with long rests, so that it slows nobody a customer
 * waits for, and never stands still.
 * A partition whose journal has a gap is stopped and shown in the status; the others go on.
 */
import { streamState, type BusHandle } from "@credits/bus"
import { partitions, STREAMS, SUBJECTS, type JournalMessage } from "@credits/contracts"
import { Intake, type Report } from "./intake.ts"
import type { Metrics } from "./metrics.ts"
import type { ArrivedMessage } from "./rating.ts"
import { foldJournal, Rollup, type JournalGap, type Positions } from "./rollup.ts"
import { commitProjection, CursorMoved, readPositions, type PricingDatabase } from "./store.ts"

/** A step is some 10–20 ms of work: a question to pricing waits no longer than that. */
const STEP_MESSAGES = 64
const STEP_BYTES = 512 * 1024
/**
 * How long a step is rested from, in lengths of the step, while rating or the ledger are at work: a tenth of a core
 * when we are little behind, a quarter and then half of one when counting would otherwise never catch up.
 */
const RESTS: ReadonlyArray<readonly [behindMs: number, lengths: number]> = [
  [10_000, 9],
  [60_000, 3],
  [Infinity, 1],
]
const REST_MS_MAX = 500
/** How often the end of the journal is looked at, to see whether the ledger is at work. */
const LOOK_MS = 250
const RETRY_MS = 500

export interface ProjectionOptions {
  readonly bus: BusHandle
  readonly database: PricingDatabase
  /** Rating has work: keep off the processor. */
  readonly isRatingBusy: () => boolean
  readonly metrics: Metrics
  readonly report: Report
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class UsageProjection {
  readonly #options: ProjectionOptions
  readonly #intake: Intake
  readonly #stream = STREAMS.ledgerJournal.name
  #positions: Positions = new Map()
  #stopped = false
  #running: Promise<void> = Promise.resolve()
  /** When nothing was left to count, last; and the journal's end as last looked at. */
  #caughtUpAt = 0
  #end = { seq: 0, lookedAt: 0, isGrowing: false }
  cursor = 0
  /** Partitions whose journal misses entries: what was counted of them stands, nothing more is. */
  readonly gaps = new Map<number, JournalGap>()
  trouble: string | undefined

  constructor(options: ProjectionOptions) {
    this.#options = options
    const subjects = [SUBJECTS.ledgerJournal(0).replace(/0$/, "*")]
    this.#intake = new Intake(options.bus, options.database, this.#stream, subjects, options.report)
  }

  get gap(): Intake["gap"] {
    return this.#intake.gap
  }

  get queued(): number {
    return this.#intake.queued
  }

  async start(): Promise<void> {
    await this.#reload()
    this.#caughtUpAt = performance.now()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#intake.close()
    await this.#running
  }

  async #reload(): Promise<void> {
    this.#positions = await readPositions(this.#options.database)
    this.gaps.clear()
    this.cursor = (await this.#intake.open())?.seq ?? 0
  }

  async #run(): Promise<void> {
    while (await this.#intake.ready()) {
      const startedAt = performance.now()
      await this.#count(this.#intake.take(STEP_MESSAGES, STEP_BYTES))
      const endedAt = performance.now()
      if (this.#intake.queued === 0) this.#caughtUpAt = endedAt
      else await this.#rest(endedAt - startedAt)
    }
  }

  /** There is more to count: leave the processor to those who work on something a customer waits for. */
  async #rest(stepMs: number): Promise<void> {
    const isOthersTurn = this.#options.isRatingBusy() || (await this.#isLedgerBusy())
    const behindMs = performance.now() - this.#caughtUpAt
    const lengths = isOthersTurn ? RESTS.find(([below]) => behindMs < below)![1] : 1
    if (!this.#stopped) await pause(Math.min(stepMs * lengths, REST_MS_MAX))
  }

  /** The journal grows: the ledger is deciding. When it cannot be asked, it is taken to be. */
  async #isLedgerBusy(): Promise<boolean> {
    const now = performance.now()
    if (now - this.#end.lookedAt < LOOK_MS) return this.#end.isGrowing
    const state = await streamState(this.#options.bus.jsm, this.#stream).catch(() => undefined)
    const seq = state?.last ?? this.#end.seq
    this.#end = { seq, lookedAt: now, isGrowing: state === undefined || seq > this.#end.seq }
    return this.#end.isGrowing
  }

  async #count(messages: ReadonlyArray<ArrivedMessage>): Promise<void> {
    const { database, metrics, report } = this.#options
    const rollup = new Rollup()
    const positions: Positions = new Map(this.#positions)
    const gaps: Array<JournalGap> = []
    for (const message of messages) {
      const gap = this.#fold(rollup, positions, message)
      if (gap !== null) gaps.push(gap)
      // One message may be 512 KiB: let requests and heartbeats through in between.
      await new Promise((resolve) => setImmediate(resolve))
    }
    const to = messages.at(-1)!.seq
    for (;;) {
      try {
        const incarnation = this.#intake.incarnation!
        await commitProjection(database, {
          stream: this.#stream,
          incarnation,
          from: this.cursor,
          to,
          rollup,
          positions,
        })
        this.trouble = undefined
        break
      } catch (error) {
        if (error instanceof CursorMoved) {
          report("warning", error.message)
          return this.#reload()
        }
        const detail = error instanceof Error ? error.message : String(error)
        if (this.trouble === undefined) report("warning", `counting usage: ${detail}; trying again`)
        this.trouble = detail
        if (this.#stopped) return
        await pause(RETRY_MS)
      }
    }
    this.cursor = to
    // What was missing came after all: the partition is counted on.
    for (const { partition, position } of this.gaps.values()) {
      if ((positions.get(partition) ?? 0) !== position) this.gaps.delete(partition)
    }
    this.#positions = positions
    metrics.rollupCommits++
    for (const gap of gaps) {
      if (this.gaps.has(gap.partition) || (positions.get(gap.partition) ?? 0) !== gap.position) continue
      this.gaps.set(gap.partition, gap)
      report(
        "error",
        `journal_gap: partition ${gap.partition} was counted to ${gap.position}, the next message follows ${gap.after}`,
      )
    }
  }

  #fold(rollup: Rollup, positions: Positions, message: ArrivedMessage): JournalGap | null {
    const { metrics, report } = this.#options
    try {
      const journal = JSON.parse(Buffer.from(message.body).toString("utf8")) as JournalMessage
      if (journal.v !== 1 || !partitions.includes(journal.partition))
        throw new Error("not a journal message of version 1")
      metrics.journalEntries += journal.entries.length
      return foldJournal(rollup, positions, journal)
    } catch (error) {
      // The next message of that partition shows the gap.
      report("error", `journal message ${message.seq}: ${error instanceof Error ? error.message : String(error)}`)
      return null
    }
  }
}
