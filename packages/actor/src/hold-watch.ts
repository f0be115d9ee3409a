/**
 * How many holds are open and when the first of them lapses, for operators. Looks at some of the actors that changed, a
 * few thousand at a time, never at all of them: a pass over 50,000 stopped every caller for 60 ms, and kept alive the
 * objects of those that rest.
 */
import type { OpenHolds } from "./machine.ts"
import type { Slot, Slots } from "./slots.ts"

/** A look takes about 5 ms. Beyond so many changes, or so many actors with holds, the figures lag by some looks. */
const ACTORS_PER_LOOK = 2_000

export class HoldWatch<State> {
  readonly #holdsOf: (state: State) => OpenHolds | null
  readonly #open = new Map<Slot<State>, OpenHolds>()
  #count = 0
  /** The least expiry of the actors seen on the way through them, and of the whole way before. */
  #way: Iterator<[Slot<State>, OpenHolds], undefined> | null = null
  #seenExpiry = Number.POSITIVE_INFINITY
  #firstExpiry = Number.POSITIVE_INFINITY

  constructor(holdsOf: (state: State) => OpenHolds | null) {
    this.#holdsOf = holdsOf
  }

  /** Of the actors in memory. `firstHoldExpiry` (ms) only while there is one. */
  look(slots: Pick<Slots<State>, "takeChanged">): { readonly holds: number; readonly firstHoldExpiry?: number } {
    for (const slot of slots.takeChanged(ACTORS_PER_LOOK)) {
      this.#set(slot, slot.isGone ? null : this.#holdsOf(slot.state))
      slot.rest()
    }
    this.#walk()
    return this.#count === 0 ? { holds: 0 } : { holds: this.#count, firstHoldExpiry: this.#firstExpiry }
  }

  #set(slot: Slot<State>, holds: OpenHolds | null): void {
    this.#count += (holds?.count ?? 0) - (this.#open.get(slot)?.count ?? 0)
    if (holds === null) this.#open.delete(slot)
    else this.#open.set(slot, holds)
  }

  /** On through all that have holds; at the end of the way its least expiry is what is told. */
  #walk(): void {
    if (this.#way === null) {
      this.#way = this.#open.entries()
      this.#seenExpiry = Number.POSITIVE_INFINITY
    }
    // Twice as many as can have been added at its end meanwhile.
    for (let i = 0; i < 2 * ACTORS_PER_LOOK; i++) {
      const { value } = this.#way.next()
      if (value === undefined) {
        this.#way = null
        this.#firstExpiry = this.#seenExpiry
        return
      }
      const [slot, { firstExpiry }] = value
      if (slot.isGone) this.#set(slot, null)
      else if (firstExpiry < this.#seenExpiry) this.#seenExpiry = firstExpiry
    }
    // Until the first way is over, what was seen is the best there is.
    if (this.#firstExpiry === Number.POSITIVE_INFINITY) this.#firstExpiry = this.#seenExpiry
  }
}
