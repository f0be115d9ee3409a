/**
 * Up to which instant due work runs. While time runs: up to now. While the clock is frozen: up to what an advance asked
 * for (decision 16). Its news reaches one service before another, and what the first would ask of the second must not
 * meet a clock that stands a step, perhaps a week, behind.
 */
export class DueTime {
  /** The newest instant that an advance asked for. */
  #askedTo = 0

  ask(now: number): void {
    this.#askedTo = Math.max(this.#askedTo, now)
  }

  upTo(frozenAt: number | null, now: number): number {
    return frozenAt === null ? Math.max(now, this.#askedTo) : this.#askedTo
  }
}
