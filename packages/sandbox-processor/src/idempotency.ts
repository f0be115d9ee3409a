/**
 * Idempotency keys with the processor's own semantics: the first answer of an execution, also a decline or a 500, is
 * replayed for 24 hours; the same key with other parameters is a mistake; a key whose request still runs is in use;
 * what was refused before execution burns no key. After 24 hours of business time a key is forgotten, and the same
 * request is a new one.
 */
import { keyInUse, keyReused } from "./refusal.ts"
import type { AnswerToKeep, Store, StoredAnswer } from "./store.ts"

/** After this long a key may be forgotten; the sandbox forgets at once, so that nobody relies on longer. */
export const KEY_LIFE_MS = 24 * 3_600_000
/** Old keys are dropped once in this many new ones. */
const SWEEP_EVERY = 1_000

interface Running {
  readonly endpoint: string
  readonly parameters: string
}

export class IdempotencyKeys {
  readonly #store: Store
  /** Keys of requests that are being executed now. */
  readonly #running = new Map<string, Running>()
  #sinceSweep = 0

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * Claims a key for a request, or finds its first answer.
   * @throws Refusal for another request's key, and for one that is in use.
   */
  claim(key: string, endpoint: string, parameters: string, nowMs: number): StoredAnswer | undefined {
    const stored = this.#store.answer(key)
    const alive = stored !== undefined && stored.at + KEY_LIFE_MS > nowMs ? stored : undefined
    const known = this.#running.get(key) ?? alive
    if (known !== undefined) {
      if (known.endpoint !== endpoint) throw keyReused(key, "for the same endpoint")
      if (known.parameters !== parameters) throw keyReused(key, "with the same parameters")
      if (known !== alive) throw keyInUse(key)
      return alive
    }
    this.#running.set(key, { endpoint, parameters })
    return undefined
  }

  /** The request is over; with an answer to keep when it was executed. */
  release(key: string, answer: AnswerToKeep | undefined): void {
    this.#running.delete(key)
    if (answer === undefined) return
    this.#store.keepAnswer(answer)
    this.#sinceSweep += 1
    if (this.#sinceSweep >= SWEEP_EVERY) this.sweep(answer.at)
  }

  sweep(nowMs: number): void {
    this.#sinceSweep = 0
    this.#store.forgetAnswersUntil(nowMs - KEY_LIFE_MS)
  }
}
