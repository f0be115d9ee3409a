/**
 * How far readers are behind their streams, in messages and in seconds. Keeps when each stream's end was where, at the
 * resolution of its looks. Pure: looks in, figures out.
 */

export interface StreamEnd {
  readonly stream: string
  /** Sequence of the newest message ever stored. */
  readonly last: number
}

interface Look {
  /** Real time, ms. */
  readonly at: number
  readonly last: number
}

export interface Lag {
  readonly messages: number
  /** Since the oldest message not applied was first seen; 0: nothing is behind. */
  readonly seconds: number
}

/** Older than what is kept: at least this old. */
const LOOKS_MAX = 4_096

export class StreamLag {
  readonly #looks = new Map<string, Array<Look>>()

  look(at: number, ends: ReadonlyArray<StreamEnd>): void {
    for (const { stream, last } of ends) {
      const looks = this.#looks.get(stream) ?? []
      this.#looks.set(stream, looks)
      const before = looks.at(-1)
      // Another stream of this name began anew.
      if (before !== undefined && last < before.last) looks.length = 0
      // Where nothing came, the end was reached when it was first seen.
      if (before?.last !== last) looks.push({ at, last })
      if (looks.length > LOOKS_MAX) looks.splice(0, LOOKS_MAX / 4)
    }
  }

  /** Undefined for a stream never seen. */
  of(stream: string, cursor: number, now: number): Lag | undefined {
    const looks = this.#looks.get(stream)
    const last = looks?.at(-1)?.last
    if (looks === undefined || last === undefined) return undefined
    const first = looks.find((look) => look.last > cursor)
    if (first === undefined) return { messages: 0, seconds: 0 }
    return { messages: last - cursor, seconds: Math.max(0, now - first.at) / 1_000 }
  }
}
