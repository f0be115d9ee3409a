/**
 * The processor's clock: business time from a function it is given, moved by `POST /__sandbox/clock`. Its stamps never
 * go back, also not over a restart. Signatures, slow cards and retries of webhooks run on real time and ask elsewhere.
 */
import type { Store } from "./store.ts"

const OFFSET = "clock_offset_ms"
const LAST = "clock_last_ms"

export class SandboxClock {
  readonly #source: () => number
  readonly #store: Store
  #offsetMs: number
  #lastMs: number

  constructor(source: () => number, store: Store) {
    this.#source = source
    this.#store = store
    this.#offsetMs = store.fact(OFFSET) ?? 0
    this.#lastMs = store.fact(LAST) ?? 0
  }

  /** Milliseconds; never before an earlier answer. */
  now(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#source() + this.#offsetMs)
    return this.#lastMs
  }

  /** From now on it runs on from here. A time before the last stamp holds the stamps until it is passed. */
  set(nowMs: number): void {
    this.#offsetMs = nowMs - this.#source()
    this.#store.setFact(OFFSET, this.#offsetMs)
    this.#store.setFact(LAST, this.now())
  }
}
