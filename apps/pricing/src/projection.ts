/**
 * The usage projection: the ledger's journal counted into `usage_rollup`, each entry once (decision 14). It yields to
 * rating and to the ledger: while they work it takes small steps with long rests, so that it slows nobody a customer
 * waits for, and never stands still.
 * A partition whose journal has a gap is filled from the ledger (decision 9); until that answers it is stopped and
 * shown in the status, and the others go on.
 */
import { streamState, type BusHandle, type CursorGap } from "@credits/bus"
import { partitions, STREAMS, SUBJECTS, type DeadLetter, type JournalMessage } from "@credits/contracts"
import { deadLetterOf, textOf } from "./dead-letter.ts"
import { Intake, type Report } from "./intake.ts"
import { readHistory } from "./journal-owner.ts"
import { countLetters, type Metrics } from "./metrics.ts"
import type { ArrivedMessage } from "./rating.ts"
import { foldJournal, Rollup, type JournalGap, type Positions } from "./rollup.ts"
import { commitProjection, CursorMoved, readPositions, startOver, type PricingDatabase } from "./store.ts"

/** While rating or the ledger are at work: some 10–20 ms, which a call that waits for a core can bear. */
const BESIDE = { messages: 64, bytes: 512 * 1024 }
/**
 * What is counted in one commit when nobody else works: some 15,000 entries, of 10–50 a message. They are of accounts
 * at random: a commit of few writes a page of each table for nearly every entry, in one of so many several share it. It
 * is some 150 ms of work, and no piece of it longer than 10: what needs no database waits no longer than that.
 */
const ALONE = { messages: 512, bytes: 6 * 1024 * 1024 }
/**
 * How long a step is rested from, in lengths of the step, while rating or the ledger are at work: a twentieth of a
 * core when we are little behind, an eighth and then half of one when counting would otherwise never catch up.
 */
const RESTS: ReadonlyArray<readonly [behindMs: number, lengths: number]> = [
  [10_000, 19],
  [60_000, 7],
  [Infinity, 1],
]
const REST_MS_MAX = 3_000
/** How often the end of the journal is looked at, to see whether the ledger is at work. */
const LOOK_MS = 250
const RETRY_MS = 500
/** The ledger is being started, or is of another version. */
const ASK_AGAIN_MS = 2_000

export interface ProjectionOptions {
  readonly bus: BusHandle
  readonly database: PricingDatabase
  /** Rating has work: keep off the processor. */
  readonly isRatingBusy: () => boolean
  readonly metrics: Metrics
  /** New dead letters are in the database. */
  readonly onDeadLetters: () => void
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
  #turn: Promise<void> = Promise.resolve()
  /** When nothing was left to count, last; and the journal's end as last looked at. */
  #caughtUpAt = 0
  #end = { seq: 0, lookedAt: 0, isGrowing: false }
  cursor = 0
  /** Partitions to ask the ledger about, and when to do so again after it did not answer. */
  readonly #missing = new Set<number>()
  #askAt = 0
  readonly #told = new Set<number>()
  /** Partitions whose journal misses entries: what was counted of them stands, nothing more is until it is filled. */
  readonly gaps = new Map<number, JournalGap>()
  trouble: string | undefined

  constructor(options: ProjectionOptions) {
    this.#options = options
    const subjects = [SUBJECTS.ledgerJournal(0).replace(/0$/, "*")]
    this.#intake = new Intake(options.bus, options.database, this.#stream, subjects, options.report, 2 * ALONE.messages)
  }

  get gap(): Intake["gap"] {
    return this.#intake.gap
  }

  get queued(): number {
    return this.#intake.queued
  }

  async start(): Promise<void> {
    await this.#open()
    this.#caughtUpAt = performance.now()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#intake.close()
    await this.#running
  }

  #reload(): Promise<boolean> {
    return this.#insist("reading what is counted", () => this.#open())
  }

  async #open(): Promise<void> {
    this.#positions = await readPositions(this.#options.database)
    this.gaps.clear()
    // A gap may have been seen before this start and by nobody since.
    for (const partition of partitions) this.#missing.add(partition)
    this.cursor = (await this.#intake.open())?.seq ?? 0
  }

  /** Runs while nothing is counted: steps and this take turns. */
  async exclusively<A>(work: () => Promise<A>): Promise<A> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    try {
      return await work()
    } finally {
      resolve()
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      const isReading = await this.#intake.ready(this.#untilAsking)
      const { gap } = this.#intake
      if (this.#stopped || (!isReading && gap === undefined)) return
      await this.exclusively(async () => {
        if (gap === undefined) await this.#step()
        else await this.#startOver(gap)
        await this.#fillGaps()
      })
    }
  }

  /** How long may be waited for a message when the ledger must be asked for something. */
  get #untilAsking(): number | undefined {
    return this.#missing.size === 0 ? undefined : Math.max(LOOK_MS, this.#askAt - performance.now())
  }

  async #step(): Promise<void> {
    // Asked before the clock starts: a rest is in lengths of the work alone.
    const { messages, bytes } = (await this.#isOthersTurn()) ? BESIDE : ALONE
    const startedAt = performance.now()
    if (this.#intake.queued > 0) await this.#count(this.#intake.take(messages, bytes))
    const endedAt = performance.now()
    if (this.#intake.queued === 0) this.#caughtUpAt = endedAt
    else await this.#rest(endedAt - startedAt)
  }

  /** There is more to count: leave the processor to those who work on something a customer waits for. */
  async #rest(stepMs: number): Promise<void> {
    const beganAt = performance.now()
    while (!this.#stopped) {
      const isOthersTurn = await this.#isOthersTurn()
      const now = performance.now()
      const lengths = isOthersTurn ? RESTS.find(([below]) => now - this.#caughtUpAt < below)![1] : 1
      const left = Math.min(stepMs * lengths, REST_MS_MAX) - (now - beganAt)
      if (left <= 0) return
      // Looked at again: they may be done long before the rest is over.
      await pause(Math.min(left, LOOK_MS))
    }
  }

  async #isOthersTurn(): Promise<boolean> {
    return this.#options.isRatingBusy() || (await this.#isLedgerBusy())
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
    const { metrics } = this.#options
    const rollup = new Rollup()
    const positions: Positions = new Map(this.#positions)
    const gaps: Array<JournalGap> = []
    const letters: Array<DeadLetter> = []
    for (const message of messages) {
      const gap = this.#fold(rollup, positions, message, letters)
      if (gap !== null) gaps.push(gap)
      // One message may be 512 KiB: let requests and heartbeats through in between.
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (!(await this.#commit(messages.at(-1)!.seq, rollup, positions, letters))) return
    metrics.rollupCommits++
    countLetters(metrics, letters)
    if (letters.length > 0) this.#options.onDeadLetters()
    for (const gap of gaps) {
      const { partition, position } = gap
      if (this.gaps.has(partition) || this.#positionOf(partition) !== position) continue
      this.gaps.set(partition, gap)
      this.#missing.add(partition)
    }
  }

  #positionOf(partition: number): number {
    return this.#positions.get(partition) ?? 0
  }

  /** Tries until it is committed; false when another process counted meanwhile, or when stopped before. */
  async #commit(
    to: number,
    rollup: Rollup,
    positions: Positions,
    letters: ReadonlyArray<DeadLetter> = [],
  ): Promise<boolean> {
    const { database, report } = this.#options
    const commit = async (): Promise<void> => {
      const [stream, incarnation] = [this.#stream, this.#intake.incarnation!]
      const before = this.#positions
      const moved = { stream, incarnation, from: this.cursor, to, rollup, before, positions }
      await commitProjection(database, { ...moved, letters })
    }
    try {
      if (!(await this.#insist("counting usage", commit))) return false
    } catch (error) {
      if (!(error instanceof CursorMoved)) throw error
      report("warning", error.message)
      await this.#reload()
      return false
    }
    this.cursor = to
    this.#positions = positions
    // What was missing came after all: the partition is counted on.
    for (const { partition, position } of this.gaps.values()) {
      if (this.#positionOf(partition) !== position) this.gaps.delete(partition)
    }
    return true
  }

  /** Tries until it succeeds or counting is stopped: false then. @throws CursorMoved */
  async #insist(what: string, work: () => Promise<void>): Promise<boolean> {
    for (;;) {
      try {
        await work()
        this.trouble = undefined
        return true
      } catch (error) {
        if (error instanceof CursorMoved) throw error
        const detail = error instanceof Error ? error.message : String(error)
        if (this.trouble === undefined) this.#options.report("warning", `${what}: ${detail}; trying again`)
        this.trouble = detail
        if (this.#stopped) return false
        await pause(RETRY_MS)
      }
    }
  }

  /** Nothing is left to read: whatever a partition has beyond its position is not in the stream. */
  get #isCaughtUp(): boolean {
    const { endAtCreation, queued } = this.#intake
    return endAtCreation !== undefined && queued === 0 && this.cursor >= endAtCreation
  }

  /**
   * The reader gives every message the stream has, once and in order: what a gap misses is not there, and reading the
   * stream again would not find it. The owner has it.
   */
  async #fillGaps(): Promise<void> {
    for (const partition of new Set([...this.gaps.keys(), ...this.#missing])) {
      if (this.#stopped || performance.now() < this.#askAt) return
      // Short of the end only a gap that was seen is a reason to ask: the rest is there to be read.
      if (!this.gaps.has(partition) && !this.#isCaughtUp) continue
      try {
        if (!(await this.#readFromOwner(partition))) return
        this.#missing.delete(partition)
      } catch (error) {
        this.#askAt = performance.now() + ASK_AGAIN_MS
        // Not always the same one first: what is wrong may be wrong with one partition only.
        this.#missing.delete(partition)
        this.#missing.add(partition)
        this.#tellGaps(error instanceof Error ? error.message : String(error))
      }
    }
  }

  #tellGaps(detail: string): void {
    for (const { partition, position, after } of this.gaps.values()) {
      if (this.#told.has(partition)) continue
      this.#told.add(partition)
      const counted = `partition ${partition} was counted to ${position}, the next message follows ${after}`
      this.#options.report("error", `journal_gap: ${counted}; the ledger is asked until it answers: ${detail}`)
    }
  }

  /** To the partition's newest entry. False when another process counts, or when stopped. */
  async #readFromOwner(partition: number): Promise<boolean> {
    const { bus, metrics, report } = this.#options
    const from = this.#positionOf(partition)
    for (;;) {
      const position = this.#positionOf(partition)
      const answer = await readHistory(bus, partition, position)
      if (answer.entries.length === 0) break
      const rollup = new Rollup()
      const positions: Positions = new Map(this.#positions)
      foldJournal(rollup, positions, answer)
      const counted = positions.get(partition) ?? 0
      if (counted === position) throw new Error(`the ledger's answer does not follow ${position}`)
      if (this.#stopped || !(await this.#commit(this.cursor, rollup, positions))) return false
      metrics.journalEntries += counted - position
      metrics.journalEntriesAsked += counted - position
    }
    this.#told.delete(partition)
    this.gaps.delete(partition)
    const to = this.#positionOf(partition)
    if (to > from) report("info", `partition ${partition}: entries ${from + 1} to ${to} were read from the ledger`)
    return true
  }

  /** The stream was wiped, restored or trimmed: it is read as it is now, and every partition may miss entries. */
  async #startOver({ reason, cursor, expectedIncarnation, state }: CursorGap): Promise<void> {
    const { database, report } = this.#options
    try {
      const before = { incarnation: expectedIncarnation ?? state.incarnation, seq: cursor }
      await startOver(database, this.#stream, before, state.incarnation, state.first - 1)
      report("warning", `${this.#stream} ${reason}: it is read from ${state.first}, the ledger is asked for the rest`)
    } catch (error) {
      report("warning", `${this.#stream} ${reason}: ${error instanceof Error ? error.message : String(error)}`)
      await pause(RETRY_MS)
    }
    await this.#reload()
  }

  #fold(rollup: Rollup, positions: Positions, message: ArrivedMessage, letters: Array<DeadLetter>): JournalGap | null {
    const { metrics, report } = this.#options
    try {
      const journal = JSON.parse(Buffer.from(message.body).toString("utf8")) as JournalMessage
      if (journal.v !== 1 || !partitions.includes(journal.partition))
        throw new Error("not a journal message of version 1")
      metrics.journalEntries += journal.entries.length
      return foldJournal(rollup, positions, journal)
    } catch (error) {
      // The next message of that partition shows the gap, and the ledger is asked for what it held.
      const detail = error instanceof Error ? error.message : String(error)
      report("error", `journal message ${message.seq}: ${detail}`)
      const { seq, body, headers } = message
      const letter = deadLetterOf(seq, -1, "malformed", detail, null, Date.now(), textOf(body) ?? body, this.#stream)
      letters.push(headers === undefined ? letter : { ...letter, headers })
      return null
    }
  }
}
