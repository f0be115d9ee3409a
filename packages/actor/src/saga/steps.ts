/**
 * Steps under way: what the committed states name is done, each kind a bounded number at a time, first come, first
 * served. Owns attempts and pauses; decides nothing: an outcome goes back into the queue of inputs. What does not fit
 * into the queue of its kind is left in its row, and `backlog.ts` brings it when there is room.
 */
import type { SagaStep } from "./saga.ts"

/** Steps of one kind under way at a time. */
export const CONCURRENCY = 64
/** Pauses of one kind at a time; more failed steps than this keep their place among those under way. */
const PAUSED_MAX = 1_000
const PAUSE_FIRST_MS = 50
const PAUSE_LAST_MS = 5_000
/** Steps of one kind that wait in memory; as many again may come back from pauses. */
export const QUEUE_MAX = 1_000
/** With no more than this waiting, rows are looked for that had no room. */
const QUEUE_LOW = 250
/** How long `stop` waits for what was aborted. */
const STOP_MS = 1_000

export interface StepsOptions {
  readonly concurrency: Readonly<Record<string, number>>
  /** The actor's committed state now. */
  readonly stateOf: (id: string) => Promise<unknown>
  readonly steps: (state: unknown) => ReadonlyArray<SagaStep>
  readonly perform: (step: SagaStep, state: unknown, signal: AbortSignal, id: string) => Promise<unknown>
  /** An outcome, to be decided; `settle` comes after the commit. */
  readonly offer: (id: string, step: string, outcome: unknown) => void
  /** There is room for steps that were left in their rows. */
  readonly onRoom: () => void
  readonly report: (level: "info" | "warning", message: string) => void
}

interface Entry {
  readonly id: string
  readonly step: string
  readonly lane: Lane
  at: "queue" | "under way" | "pause" | "deciding" | "gone"
  /** Counts among those of its kind that are under way: from its turn until its outcome is decided. */
  hasPlace: boolean
  attempts: number
  /** Its outcome was decided, or could not be; the next reconciliation tells what becomes of it. */
  isSettled: boolean
  readonly abort: AbortController
  timer: NodeJS.Timeout | undefined
}
interface Lane {
  readonly kind: string
  readonly max: number
  queue: Array<Entry>
  underWay: number
  paused: number
  isTroubled: boolean
  /** Steps had no room since the current round over the rows began, or before it. */
  hasMissed: boolean
  hadMissed: boolean
}

export class Steps {
  readonly #o: StepsOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #actors = new Map<string, Map<string, Entry>>()
  readonly #running = new Set<Promise<void>>()
  #count = 0
  #isStopped = false
  done = 0
  retries = 0

  constructor(options: StepsOptions) {
    this.#o = options
  }

  /** Steps begun, waiting for their turn or for their next attempt; those left in their rows count as one a kind. */
  get open(): number {
    let missing = 0
    for (const lane of this.#lanes.values()) if (lane.hasMissed || lane.hadMissed) missing++
    return this.#count + missing
  }

  /** How many of the kinds that were left in rows would fit now. */
  get room(): number {
    let room = 0
    for (const lane of this.#lanes.values()) {
      if (lane.hasMissed || lane.hadMissed) room = Math.max(room, QUEUE_MAX - lane.queue.length)
    }
    return room
  }

  /** A round over all rows begins; `endRound` tells whether another is needed. */
  beginRound(): void {
    for (const lane of this.#lanes.values()) {
      lane.hadMissed = lane.hasMissed
      lane.hasMissed = false
    }
  }

  endRound(): void {
    for (const lane of this.#lanes.values()) lane.hadMissed = false
  }

  get underWay(): number {
    let sum = 0
    for (const lane of this.#lanes.values()) sum += lane.underWay
    return sum
  }

  /** The outcome that this step gave was decided (or could not be): it is not under way any more. */
  settle(id: string, step: string): void {
    const entry = this.#actors.get(id)?.get(step)
    if (entry !== undefined) entry.isSettled = true
  }

  /** What an actor's committed state names is under way, nothing else is. */
  reconcile(id: string, named: ReadonlyArray<SagaStep>): void {
    if (this.#isStopped) return
    const known = this.#actors.get(id)
    if (known !== undefined) {
      for (const entry of known.values()) {
        if (!named.some((step) => step.id === entry.step)) this.#drop(entry)
        // Named again by a state that has seen its outcome, or could not decide it: once more, not at once.
        else if (entry.at === "deciding" && entry.isSettled) this.#pause(entry)
      }
    }
    this.offer(id, named)
  }

  /** What a row names, which may be older than what is known of it: nothing is dropped for it. */
  offer(id: string, named: ReadonlyArray<SagaStep>): void {
    if (this.#isStopped) return
    for (const step of named) if (this.#actors.get(id)?.has(step.id) !== true) this.#add(id, step)
  }

  #laneOf(kind: string): Lane {
    let lane = this.#lanes.get(kind)
    if (lane === undefined) {
      const max = this.#o.concurrency[kind] ?? CONCURRENCY
      const flags = { isTroubled: false, hasMissed: false, hadMissed: false }
      lane = { kind, max, queue: [], underWay: 0, paused: 0, ...flags }
      this.#lanes.set(kind, lane)
    }
    return lane
  }

  #add(id: string, step: SagaStep): void {
    const lane = this.#laneOf(step.kind)
    if (lane.queue.length >= QUEUE_MAX) {
      lane.hasMissed = true
      return
    }
    const abort = new AbortController()
    const state = { attempts: 0, hasPlace: false, isSettled: false, timer: undefined }
    const entry: Entry = { id, step: step.id, lane, at: "queue", abort, ...state }
    const known = this.#actors.get(id)
    if (known === undefined) this.#actors.set(id, new Map([[step.id, entry]]))
    else known.set(step.id, entry)
    this.#count++
    lane.queue.push(entry)
    this.#fill(lane)
  }

  #drop(entry: Entry): void {
    if (entry.at === "pause") {
      clearTimeout(entry.timer)
      entry.lane.paused--
    }
    // Nobody listens any more once it has its outcome, and an abort makes an error with a stack.
    if (entry.at !== "deciding") entry.abort.abort()
    entry.at = "gone"
    this.#count--
    const known = this.#actors.get(entry.id)
    known?.delete(entry.step)
    if (known?.size === 0) this.#actors.delete(entry.id)
    this.#leave(entry)
  }

  #fill(lane: Lane): void {
    while (!this.#isStopped && lane.underWay < lane.max && lane.queue.length > 0) {
      const entry = lane.queue.shift()!
      if (entry.at !== "queue") continue
      entry.at = "under way"
      entry.hasPlace = true
      lane.underWay++
      const running = this.#attempt(entry).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
    if ((lane.hasMissed || lane.hadMissed) && lane.queue.length <= QUEUE_LOW) this.#o.onRoom()
  }

  #leave(entry: Entry): void {
    if (!entry.hasPlace) return
    entry.hasPlace = false
    entry.lane.underWay--
    this.#fill(entry.lane)
  }

  /** The state is read when the turn comes, not kept while the step waits. */
  async #attempt(entry: Entry): Promise<void> {
    const { lane, abort } = entry
    try {
      const state = await this.#o.stateOf(entry.id)
      const step = this.#o.steps(state).find(({ id }) => id === entry.step)
      if (entry.at !== "under way") return
      // Offered by a row that was older than the commit which no longer names it.
      if (step === undefined) return this.#drop(entry)
      const outcome = await this.#o.perform(step, state, abort.signal, entry.id)
      if (entry.at !== "under way") return
      this.done++
      if (lane.isTroubled) this.#o.report("info", `steps ${lane.kind}: done again`)
      lane.isTroubled = false
      entry.at = "deciding"
      entry.isSettled = false
      this.#o.offer(entry.id, entry.step, outcome)
    } catch (error) {
      if (entry.at !== "under way" || this.#isStopped) return
      if (!lane.isTroubled) this.#o.report("warning", `steps ${lane.kind}: ${String(error)}; trying again`)
      lane.isTroubled = true
      await this.#pauseHere(entry)
    }
  }

  /** A pause that gives its place away, unless very many pause already. */
  async #pauseHere(entry: Entry): Promise<void> {
    if (entry.lane.paused < PAUSED_MAX) return this.#pause(entry)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pauseMs(entry))
      entry.abort.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true })
    })
    if (entry.at !== "under way") return
    entry.at = "queue"
    entry.lane.queue.push(entry)
    this.#leave(entry)
  }

  #pauseMs(entry: Entry): number {
    const most = Math.min(PAUSE_LAST_MS, PAUSE_FIRST_MS * 2 ** entry.attempts++)
    return most * (0.5 + Math.random() / 2)
  }

  #pause(entry: Entry): void {
    const { lane } = entry
    this.retries++
    entry.at = "pause"
    lane.paused++
    entry.timer = setTimeout(() => {
      lane.paused--
      entry.at = "queue"
      // Its turn had come before.
      lane.queue.unshift(entry)
      this.#fill(lane)
    }, this.#pauseMs(entry))
    this.#leave(entry)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const known of this.#actors.values()) {
      for (const entry of known.values()) {
        clearTimeout(entry.timer)
        entry.abort.abort()
      }
    }
    const giveUp = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref())
    await Promise.race([Promise.allSettled(this.#running), giveUp])
  }
}
