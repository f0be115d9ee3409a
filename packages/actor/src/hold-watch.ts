/**
 * How many holds are open and how old the oldest is, for operators. Looks once a second at the actors that changed
 * since the last look, never at all of them: a pass over 50,000 stopped everybody for 60 ms, and kept alive the objects
 * of those that rest.
 */
import type { OpenHolds } from "./machine.ts"
import type { Slot, Slots } from "./slots.ts"

export class HoldWatch<State> {
  readonly #holdsOf: (state: State) => OpenHolds | null
  readonly #open = new Map<Slot<State>, OpenHolds>()

  constructor(holdsOf: (state: State) => OpenHolds | null) {
    this.#holdsOf = holdsOf
  }

  /** Of the actors in memory. `firstHoldExpiry` (ms) only while there is one. */
  look(slots: Pick<Slots<State>, "takeChanged">): { readonly holds: number; readonly firstHoldExpiry?: number } {
    for (const slot of slots.takeChanged()) {
      const holds = slot.isGone ? null : this.#holdsOf(slot.state)
      slot.rest()
      if (holds === null) this.#open.delete(slot)
      else this.#open.set(slot, holds)
    }
    let holds = 0
    let firstExpiry = Number.POSITIVE_INFINITY
    for (const [slot, open] of this.#open) {
      if (slot.isGone) {
        this.#open.delete(slot)
        continue
      }
      holds += open.count
      if (open.firstExpiry < firstExpiry) firstExpiry = open.firstExpiry
    }
    return holds === 0 ? { holds } : { holds, firstHoldExpiry: firstExpiry }
  }
}
