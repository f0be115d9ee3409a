/**
 * Who is due next: a binary heap of (instant, slot) with lazy deletion. A slot waits at most under its earliest known
 * instant; when that comes, the actor itself says what is due.
 */
import type { Slot } from "./slots.ts"

interface Waiting<State> {
  readonly at: number
  readonly slot: Slot<State>
}

export class DueHeap<State> {
  readonly #heap: Array<Waiting<State>> = []

  get size(): number {
    return this.#heap.length
  }

  /** Earliest waiting instant, or Infinity. */
  get earliest(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.at
  }

  /** Keeps the slot waiting under `at` unless it already waits for something earlier. */
  wait(slot: Slot<State>, at: number): void {
    if (at >= slot.waitsFor || at >= 8_640_000_000_000_000) return
    slot.waitsFor = at
    const heap = this.#heap
    let i = heap.push({ at, slot }) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= heap[i]!.at) return
      this.#swap(i, parent)
      i = parent
    }
  }

  /** Takes the next slot that is due at `now`, or undefined. Stale places are skipped. */
  take(now: number): Slot<State> | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const { at, slot } = this.#pop()
      if (slot.waitsFor !== at) continue
      slot.waitsFor = Number.POSITIVE_INFINITY
      return slot
    }
    return undefined
  }

  clear(): void {
    this.#heap.length = 0
  }

  #pop(): Waiting<State> {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      let i = 0
      for (;;) {
        const left = 2 * i + 1
        if (left >= heap.length) break
        const right = left + 1
        const least = right < heap.length && heap[right]!.at < heap[left]!.at ? right : left
        if (heap[i]!.at <= heap[least]!.at) break
        this.#swap(i, least)
        i = least
      }
    }
    return top
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a]!
    this.#heap[a] = this.#heap[b]!
    this.#heap[b] = held
  }
}
