/**
 * Who is due: pages of the due index, in order, never more than one page in memory. Owns when to look again and which
 * actors' due work failed; decides nothing.
 */
import type { DuePlace, SagaStore } from "./store.ts"

/** Actors a page; a page is one commit. */
const PAGE_ACTORS = 250
/** Due work that a defect stopped is tried again: a person may have repaired what it depends on. */
const STUCK_RETRY_MS = 30_000
const STUCK_KEPT_MAX = 10_000

export class Due {
  readonly #store: SagaStore
  /** Actors whose due work failed, until when (real time) they are left alone. */
  readonly #stuck = new Map<string, number>()
  #after: DuePlace | null = null
  /** Nothing is due before this instant, except what is stuck. */
  earliest = Number.NEGATIVE_INFINITY

  constructor(store: SagaStore) {
    this.#store = store
  }

  get stuck(): number {
    return this.#stuck.size
  }

  /** The next actors due up to an instant; none: a whole pass found no more. */
  async page(upTo: number): Promise<ReadonlyArray<string>> {
    this.#releaseStuck()
    while (this.earliest <= upTo || this.#after !== null) {
      if (this.#after === null) this.earliest = Number.POSITIVE_INFINITY
      const places = await this.#store.duePage(upTo, this.#after, PAGE_ACTORS)
      if (places.length < PAGE_ACTORS) await this.#endPass(upTo)
      else this.#after = places.at(-1)!
      const ids = places.flatMap(({ id }) => (this.#stuck.has(id) ? [] : [id]))
      if (ids.length > 0) return ids
    }
    return []
  }

  /** What commits made due meanwhile has lowered `earliest` already. */
  async #endPass(upTo: number): Promise<void> {
    this.#after = null
    this.earliest = Math.min(this.earliest, (await this.#store.earliestDue(upTo)) ?? Number.POSITIVE_INFINITY)
  }

  /** A commit made an actor due at this instant. */
  committed(dueAt: number | null): void {
    if (dueAt !== null && dueAt < this.earliest) this.earliest = dueAt
  }

  failed(id: string): void {
    if (this.#stuck.size >= STUCK_KEPT_MAX) this.#stuck.clear()
    // In the order in which they are let go.
    this.#stuck.delete(id)
    this.#stuck.set(id, Date.now() + STUCK_RETRY_MS)
  }

  #releaseStuck(): void {
    const now = Date.now()
    for (const [id, until] of this.#stuck) {
      if (until > now) return
      this.#stuck.delete(id)
      this.earliest = Number.NEGATIVE_INFINITY
    }
  }

  /** Everything must be looked at anew: memory may be behind the database. */
  forget(): void {
    this.#after = null
    this.earliest = Number.NEGATIVE_INFINITY
  }
}
