/**
 * Ticks (decision 9): newest figures of the actors that changed, at most four times a second and only while someone
 * wants them.
 */
import type { Slot } from "./slots.ts"

const EVERY_MS = 250

export class Ticks<State> {
  readonly #changed = new Set<Slot<State>>()
  #wantedUntil = 0
  #nextAt = 0

  /** Real time until which an edge wants ticks. */
  want(until: number): void {
    this.#wantedUntil = until
  }

  areWanted(real: number): boolean {
    return real < this.#wantedUntil
  }

  changed(slot: Slot<State>): void {
    this.#changed.add(slot)
  }

  /** When the next ones may go out; Infinity when there are none. */
  get dueAt(): number {
    return this.#changed.size === 0 ? Number.POSITIVE_INFINITY : this.#nextAt
  }

  /** Texts by partition, or null when it is not time or nothing changed. */
  take(
    real: number,
    textOf: (state: State) => string,
  ): ReadonlyArray<readonly [partition: number, texts: Array<string>]> | null {
    if (real < this.dueAt) return null
    this.#nextAt = real + EVERY_MS
    const byPartition = new Map<number, Array<string>>()
    for (const slot of this.#changed) {
      const texts = byPartition.get(slot.partition)
      if (texts === undefined) byPartition.set(slot.partition, [textOf(slot.state)])
      else texts.push(textOf(slot.state))
    }
    this.#changed.clear()
    return [...byPartition]
  }
}
