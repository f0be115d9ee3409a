/**
 * Committed actors in memory: the ones used last, a bounded number; the others are in their rows. Owns nothing that
 * the database does not have.
 */
import type { Actor, Deciding, Draft } from "./deciding.ts"
import type { SagaStore } from "./store.ts"

/** A few kilobytes each. */
const KEPT_MAX = 4_096

const actorOf = ({ before, id, state, lastAt, dueAt, phases, phasesText, steps }: Draft): Actor => {
  const derived = { lastAt, dueAt, phases, phasesText, steps }
  return { id, state, isStored: true, staleText: null, revision: before.revision + 1, ...derived }
}

export class Actors {
  readonly #store: SagaStore
  readonly #deciding: Deciding
  readonly #kept = new Map<string, Actor>()
  /** Raised by every commit and `forget`: a read that began before must not put back what it found. */
  #generation = 0

  constructor(store: SagaStore, deciding: Deciding) {
    this.#store = store
    this.#deciding = deciding
  }

  kept(id: string): Actor | undefined {
    return this.#kept.get(id)
  }

  /** In the order asked; one that is not stored is new; one whose row cannot be read is the reason why. */
  async of(ids: ReadonlyArray<string>): Promise<ReadonlyArray<Actor | Error>> {
    const generation = this.#generation
    const found = new Map<string, Actor | Error>()
    const missing: Array<string> = []
    for (const id of ids) {
      const kept = this.#kept.get(id)
      if (kept === undefined) missing.push(id)
      else found.set(id, kept)
    }
    for (const row of await this.#store.load(missing)) {
      found.set(
        row.id,
        this.#made(() => this.#deciding.actorOf(row)),
      )
    }
    return ids.map((id) => {
      const actor = found.get(id) ?? this.#made(() => this.#deciding.newActor(id))
      if (actor instanceof Error) return actor
      if (generation === this.#generation && actor.isStored) this.#keep(actor)
      return actor
    })
  }

  #made(make: () => Actor): Actor | Error {
    try {
      return make()
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #keep(actor: Actor): void {
    this.#kept.delete(actor.id)
    this.#kept.set(actor.id, actor)
    if (this.#kept.size > KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!)
  }

  /** What changed. */
  committed(drafts: ReadonlyArray<Draft>): void {
    this.#generation++
    for (const draft of drafts) this.#keep(actorOf(draft))
  }

  forget(): void {
    this.#generation++
    this.#kept.clear()
  }
}
