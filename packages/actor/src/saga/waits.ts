/** Commands that wait for `reply`, by actor, each with the end of its wait (real time). Owns the timers. */
import type { Draft } from "./deciding.ts"
import { unavailable, type Waiting } from "./work.ts"

/** Each holds its command and its caller. */
const WAITS_MAX = 16_384

export class Waits {
  readonly #byActor = new Map<string, ReadonlyArray<Waiting>>()
  readonly #timers = new Map<Waiting, NodeJS.Timeout>()
  readonly #over: (id: string, waiting: Waiting) => void

  constructor(over: (id: string, waiting: Waiting) => void) {
    this.#over = over
  }

  get isFull(): boolean {
    return this.#timers.size >= WAITS_MAX
  }
  get size(): number {
    return this.#timers.size
  }

  of(id: string): ReadonlyArray<Waiting> {
    return this.#byActor.get(id) ?? []
  }

  /** Who waits from now on, and who does not any more. */
  committed({ id, waiting: now }: Draft): void {
    const before = this.of(id)
    for (const waiting of before) if (!now.includes(waiting)) this.#forget(waiting)
    for (const waiting of now) {
      if (before.includes(waiting)) continue
      this.#timers.set(
        waiting,
        setTimeout(() => this.#over(id, waiting), waiting.waitMs),
      )
    }
    this.#set(id, now)
  }

  /** Its end could not be decided, and has no second one: it would be among those who wait for ever. */
  ended(id: string, waiting: Waiting): void {
    this.#forget(waiting)
    this.#set(
      id,
      this.of(id).filter((each) => each !== waiting),
    )
  }

  #forget(waiting: Waiting): void {
    clearTimeout(this.#timers.get(waiting))
    this.#timers.delete(waiting)
  }

  #set(id: string, waiting: ReadonlyArray<Waiting>): void {
    if (waiting.length === 0) this.#byActor.delete(id)
    else this.#byActor.set(id, waiting)
  }

  stop(detail: string): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const waiting of [...this.#byActor.values()].flat()) waiting.give(unavailable(detail))
    this.#timers.clear()
    this.#byActor.clear()
  }
}
