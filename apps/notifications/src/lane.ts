/**
 * One kind of delivery, in real time: looks for due rows when woken and every so often, and has a bounded number under
 * way. Owns that a row is under way once in this process, that others have their turn in between, and that stopping
 * waits for what was begun. A row that the process died with is due again: every delivery is at least once.
 */

const HELD_MS = 30_000

/**
 * Mails into files and a database in this thread wait for nothing: a thousand of them would be one single turn, in
 * which nobody's question is answered and no lease renewed.
 */
const othersTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export interface LaneOptions<Item> {
  readonly name: string
  /** Rows that are due now, the longest waiting first; those under way may be among them. */
  readonly due: (limit: number) => Promise<ReadonlyArray<Item>>
  readonly keyOf: (item: Item) => string
  /** Sends and records. */
  readonly run: (item: Item, stop: AbortSignal) => Promise<void>
  readonly concurrency: number
  /** So many that were found wait for their turn here, and are not looked for again with each that ends. */
  readonly ahead?: number
  readonly everyMs: number
  readonly report: (level: "warning", text: string) => void
}

export class Lane<Item> {
  readonly #o: LaneOptions<Item>
  readonly #underWay = new Map<string, Promise<void>>()
  /** Sent, and nobody could write it down: not at once again, or a full disk would send a hundred a second. */
  readonly #held = new Map<string, NodeJS.Timeout>()
  /** Ended while rows are being read: what is read of them may be of before. */
  readonly #ended = new Set<string>()
  readonly #stop = new AbortController()
  #found: Array<Item> = []
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isWanted = false

  constructor(options: LaneOptions<Item>) {
    this.#o = options
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), this.#o.everyMs)
    this.wake()
  }

  get underWay(): number {
    return this.#underWay.size
  }

  /** There may be something new. */
  wake(): void {
    this.#isWanted = true
    this.#looking ??= this.#look()
  }

  async #look(): Promise<void> {
    while (this.#isWanted && !this.#stop.signal.aborted) {
      await othersTurn()
      this.#isWanted = false
      this.#beginFound()
      await this.#lookAhead()
    }
    // In the same moment as the last look at what is wanted: nobody wakes it in between and is not heard.
    this.#looking = undefined
  }

  async #lookAhead(): Promise<void> {
    const { due, concurrency, ahead = 0, name, report } = this.#o
    const room = concurrency - this.#underWay.size
    if (room <= 0) return
    this.#ended.clear()
    try {
      // Those under way may be among them, and those that were when the database looked.
      const found = await due(concurrency + ahead)
      const fresh = found.filter((item) => this.#isFresh(item) && !this.#ended.has(this.#o.keyOf(item)))
      this.#found = fresh.slice(0, room + ahead)
      this.#beginFound()
    } catch (error) {
      report("warning", `${name}: what is due cannot be read: ${String(error)}`)
    }
  }

  #isFresh(item: Item): boolean {
    const key = this.#o.keyOf(item)
    return !this.#underWay.has(key) && !this.#held.has(key)
  }

  #beginFound(): void {
    while (this.#found.length > 0 && this.#underWay.size < this.#o.concurrency && !this.#stop.signal.aborted) {
      const item = this.#found.shift()!
      if (this.#isFresh(item)) this.#begin(item)
    }
  }

  #begin(item: Item): void {
    const { keyOf, run, name, report } = this.#o
    const key = keyOf(item)
    const running = run(item, this.#stop.signal)
      .catch((error: unknown) => {
        report("warning", `${name} ${key}: not recorded, it will be sent again: ${String(error)}`)
        this.#hold(key)
      })
      .finally(() => {
        this.#underWay.delete(key)
        this.#ended.add(key)
        this.wake()
      })
    this.#underWay.set(key, running)
  }

  #hold(key: string): void {
    const timer = setTimeout(() => {
      this.#held.delete(key)
      this.wake()
    }, HELD_MS)
    this.#held.set(key, timer)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort()
    for (const timer of this.#held.values()) clearTimeout(timer)
    await this.#looking
    await Promise.all(this.#underWay.values())
  }
}
