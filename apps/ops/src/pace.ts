/** So many turns a second at most, evenly: what changes many things leaves room for customers. Owns the waiting. */
export class Pace {
  readonly #everyMs: number
  #nextAt = 0

  constructor(perSecond: number) {
    this.#everyMs = 1_000 / Math.max(1, perSecond)
  }

  /** Resolves when it is the caller's turn, in the order of the calls. */
  readonly turn = async (): Promise<void> => {
    const now = performance.now()
    const at = Math.max(now, this.#nextAt)
    this.#nextAt = at + this.#everyMs
    if (at > now) await new Promise((resolve) => setTimeout(resolve, at - now))
  }
}
