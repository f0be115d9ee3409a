/**
 * Ticks (decision 9): newest figures of the actors that changed, at most four times a second and only while someone
 * wants them.
 */
import type { TickTraces } from "./protocol.ts"
import type { Slot } from "./slots.ts"

const EVERY_MS = 250

export class Ticks<State> {
  readonly #changed = new Set<Slot<State>>()
  /** Account → who caused its newest figures, of the few that are traced. */
  readonly #traces = new Map<string, string>()
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

  traced(account: string, trace: string): void {
    this.#traces.set(account, trace)
  }

  /** When the next ones may go out; Infinity when there are none. */
  get dueAt(): number {
    return this.#changed.size === 0 ? Number.POSITIVE_INFINITY : this.#nextAt
  }

  /** Texts by partition, or null when it is not time or nothing changed. */
  take(
    real: number,
    textOf: (state: State) => string,
  ): ReadonlyArray<readonly [partition: number, texts: Array<string>, traces: TickTraces]> | null {
    if (real < this.dueAt) return null
    this.#nextAt = real + EVERY_MS
    const byPartition = new Map<number, { readonly texts: Array<string>; readonly traces: Array<TickTraces[number]> }>()
    for (const slot of this.#changed) {
      let one = byPartition.get(slot.partition)
      if (one === undefined) byPartition.set(slot.partition, (one = { texts: [], traces: [] }))
      one.texts.push(textOf(slot.state))
      const trace = this.#traces.size === 0 ? undefined : this.#traces.get(slot.account)
      if (trace !== undefined) one.traces.push([slot.account, trace])
    }
    this.#changed.clear()
    this.#traces.clear()
    return [...byPartition].map(([partition, { texts, traces }]) => [partition, texts, traces])
  }
}
