/**
 * What is to be written down while something is being written is written together, in one commit: no timer, and no
 * longer wait than the commit before. One that fails fails for all of its items.
 */
export class Together<Item> {
  readonly #write: (items: ReadonlyArray<Item>) => Promise<void>
  #waiting: Array<Item> = []
  /** The commit that will take what waits. */
  #next: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(write: (items: ReadonlyArray<Item>) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when it is written. */
  add(item: Item): Promise<void> {
    this.#waiting.push(item)
    if (this.#next !== undefined) return this.#next
    const next = this.#last.then(() => {
      const items = this.#waiting
      this.#waiting = []
      this.#next = undefined
      return this.#write(items)
    })
    this.#next = next
    this.#last = next.catch(() => undefined)
    return next
  }
}
