/**
 * Steps that are in rows only: all of them when the process starts, later those that had no room in memory. Goes round
 * the rows that name steps, page by page, from where it stopped; memory does not grow with their number.
 */
import type { SagaStep } from "./saga.ts"
import type { Steps } from "./steps.ts"
import type { SagaRow, SagaStore } from "./store.ts"

const PAGE_ROWS = 500

export class Backlog {
  readonly #store: SagaStore
  readonly #steps: Steps
  readonly #stepsOf: (row: SagaRow) => ReadonlyArray<SagaStep>
  readonly #trouble: (error: unknown) => void
  /** The last row of the current round; null between rounds. */
  #after: string | null = null
  #running: Promise<void> | null = null
  #isStopped = false

  constructor(
    store: SagaStore,
    steps: Steps,
    stepsOf: (row: SagaRow) => ReadonlyArray<SagaStep>,
    trouble: (error: unknown) => void,
  ) {
    this.#store = store
    this.#steps = steps
    this.#stepsOf = stepsOf
    this.#trouble = trouble
  }

  /** One whole round: afterwards every kind that has rows is known, and as much as fits is under way or waits. */
  async open(): Promise<void> {
    this.#steps.beginRound()
    this.#after = ""
    while (this.#after !== null && !this.#isStopped) await this.#page(PAGE_ROWS)
    this.#steps.endRound()
  }

  /** There may be room. */
  wake(): void {
    this.#running ??= this.#fill()
      .catch(this.#trouble)
      .finally(() => {
        this.#running = null
      })
  }

  async #fill(): Promise<void> {
    for (let room = this.#steps.room; room > 0 && !this.#isStopped; room = this.#steps.room) {
      if (this.#after === null) {
        this.#steps.beginRound()
        this.#after = ""
      }
      await this.#page(Math.min(PAGE_ROWS, room))
      if (this.#after === null) this.#steps.endRound()
    }
  }

  async #page(limit: number): Promise<void> {
    const rows = await this.#store.busyPage(this.#after ?? "", limit)
    for (const row of rows) this.#steps.offer(row.id, this.#stepsOf(row))
    this.#after = rows.length < limit ? null : rows.at(-1)!.id
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }
}
