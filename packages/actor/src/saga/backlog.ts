/**
 * Steps that are in rows only: all of them when the process starts, later those that had no room in memory. Goes round
 * the rows that name steps, page by page, from where it stopped; memory does not grow with their number.
 */
import type { SagaStep } from "./saga.ts"
import type { Steps } from "./steps.ts"
import type { SagaRow, SagaStore } from "./store.ts"

const PAGE_ROWS = 500

export class Backlog {
  readonly #store: Pick<SagaStore, "busyPage">
  readonly #steps: Steps
  readonly #stepsOf: (row: SagaRow) => ReadonlyArray<SagaStep>
  readonly #trouble: (error: unknown) => void
  /** The last row of the current round; null between rounds. */
  #after: string | null = null
  /** A round from the first row on is to begin, whatever is known of missing steps. */
  #isAsked = false
  /** Such a round has begun. */
  #isWhole = false
  #waiting: Array<() => void> = []
  #running: Promise<void> | null = null
  #isStopped = false

  constructor(
    store: Pick<SagaStore, "busyPage">,
    steps: Steps,
    stepsOf: (row: SagaRow) => ReadonlyArray<SagaStep>,
    trouble: (error: unknown) => void,
  ) {
    this.#store = store
    this.#steps = steps
    this.#stepsOf = stepsOf
    this.#trouble = trouble
  }

  /**
   * Memory may not know what rows name: one whole round. Afterwards every kind that has rows is known, and as much as
   * fits is under way or waits. A page that cannot be read is read again with the next `wake`.
   */
  round(): Promise<void> {
    this.#isAsked = true
    this.wake()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** There may be room. */
  wake(): void {
    if (this.#isStopped) return
    this.#running ??= this.#fill()
      .catch(this.#trouble)
      .finally(() => {
        this.#running = null
        // Asked while the last page ended.
        if (this.#isAsked) this.wake()
      })
  }

  /** One at a time: two would end each other's rounds, and rows behind that end would be looked at by nobody. */
  async #fill(): Promise<void> {
    for (let room = this.#room; room > 0 && !this.#isStopped; room = this.#room) {
      if (this.#isAsked || this.#after === null) this.#begin()
      await this.#page(Math.min(PAGE_ROWS, room))
      if (this.#after === null) this.#end()
    }
  }

  get #room(): number {
    return this.#isAsked || this.#isWhole ? PAGE_ROWS : this.#steps.room
  }

  #begin(): void {
    this.#steps.beginRound()
    this.#after = ""
    this.#isWhole ||= this.#isAsked
    this.#isAsked = false
  }

  #end(): void {
    this.#steps.endRound()
    if (this.#isAsked) return
    this.#isWhole = false
    for (const done of this.#waiting.splice(0)) done()
  }

  async #page(limit: number): Promise<void> {
    const rows = await this.#store.busyPage(this.#after ?? "", limit)
    for (const row of rows) this.#steps.offer(row.id, this.#stepsOf(row))
    this.#after = rows.length < limit ? null : rows.at(-1)!.id
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
    for (const done of this.#waiting.splice(0)) done()
  }
}
