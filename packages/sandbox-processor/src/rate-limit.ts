/** A token bucket on real time: so many requests a second, with a burst of one second's worth. */
export class RateLimit {
  readonly #perSecond: number
  readonly #nowMs: () => number
  #tokens: number
  #filledAtMs: number

  /** @param nowMs real time, milliseconds */
  constructor(perSecond: number, nowMs: () => number) {
    this.#perSecond = perSecond
    this.#nowMs = nowMs
    this.#tokens = Math.max(1, perSecond)
    this.#filledAtMs = nowMs()
  }

  /** False: this one is too many. */
  take(): boolean {
    const now = this.#nowMs()
    const gained = ((now - this.#filledAtMs) * this.#perSecond) / 1_000
    this.#tokens = Math.min(Math.max(1, this.#perSecond), this.#tokens + gained)
    this.#filledAtMs = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
