/**
 * The outbox: facts and dead letters that were committed, published in order until the server has them. Owns what is
 * read and sent; the rows go with a later commit. A kill repeats what was not yet deleted: readers know repeats by the
 * fact's own id.
 */
import { BusRefused, publishInOrder, type BusHandle } from "@credits/bus"
import { HEADERS } from "@credits/contracts"
import type { SagaStore, StoredFact } from "./store.ts"

const PAGE_FACTS = 256
const BATCH_BYTES_MAX = 4 * 1024 * 1024
const RETRY_MS = 200

export interface OutboxOptions {
  readonly bus: BusHandle
  readonly store: SagaStore
  /** `<service>.<machine>` */
  readonly name: string
  readonly report: (level: "info" | "warning" | "error", message: string) => void
}

export class Outbox {
  readonly #o: OutboxOptions
  #running: Promise<void> | undefined
  #isAsked = false
  #isStopped = false
  /** Why the first of them is not published. */
  #trouble: Error | null = null
  #wakeUp: (() => void) | undefined
  /** Last fact the server has; its row and those before may go. */
  publishedTo = 0
  published = 0
  #committed = 0
  /** When what waits began to, real time. */
  #waitsSince: number | null = null

  constructor(options: OutboxOptions) {
    this.#o = options
  }

  /** Committed and not yet published. The publisher may see rows before it is told of them. */
  get pending(): number {
    return Math.max(0, this.#committed - this.published)
  }

  /** Seconds that the oldest of them has waited, at most. */
  get oldestSeconds(): number {
    return this.#waitsSince === null || this.pending === 0 ? 0 : (performance.now() - this.#waitsSince) / 1_000
  }

  /** Of its own accord the bus will never take it: a person must look. */
  get refused(): string | null {
    return this.#trouble instanceof BusRefused ? this.#trouble.message : null
  }

  /** At the start, and when facts may have been committed of which nobody heard: all that wait are published. */
  async recount(): Promise<void> {
    const { published, publishedTo } = this
    this.#committed = published + (await this.#o.store.factCount(publishedTo))
    this.wake(0)
  }

  /** `count` more facts are committed. */
  wake(count: number): void {
    this.#committed += count
    if (this.pending > 0) this.#waitsSince ??= performance.now()
    if (this.#isStopped || this.pending === 0) return
    this.#isAsked = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#isAsked) this.wake(0)
    })
  }

  async #run(): Promise<void> {
    while (this.#isAsked && !this.#isStopped) {
      this.#isAsked = false
      try {
        const facts = await this.#o.store.factsAfter(this.publishedTo, PAGE_FACTS)
        if (facts.length === 0) return
        for (const batch of batchesOf(facts)) await this.#publish(batch)
        this.#isAsked = true
        if (this.#trouble !== null) this.#o.report("info", "facts are published again")
        this.#trouble = null
      } catch (cause) {
        const error = cause instanceof Error ? cause : new Error(String(cause))
        const isNews = this.#trouble === null || error instanceof BusRefused !== this.#trouble instanceof BusRefused
        const level = error instanceof BusRefused ? "error" : "warning"
        if (isNews) this.#o.report(level, `facts are not published: ${String(error)}; trying again`)
        this.#trouble = error
        this.#isAsked = true
        await this.#pause()
      }
    }
  }

  async #publish(batch: ReadonlyArray<StoredFact>): Promise<void> {
    const messages = batch.map(({ seq, subject, payload }) => ({
      subject,
      payload,
      headers: { [HEADERS.id]: `${this.#o.name}.${seq}` },
    }))
    const began = performance.now()
    const { count, error } = await publishInOrder(this.#o.bus.js, messages)
    if (count > 0) this.publishedTo = batch[count - 1]!.seq
    this.published += count
    if (count > 0) this.#waitsSince = this.pending === 0 ? null : began
    if (error !== null) throw error
  }

  async #pause(): Promise<void> {
    if (this.#isStopped) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS)
      this.#wakeUp = () => (clearTimeout(timer), resolve())
    })
    this.#wakeUp = undefined
  }

  /** Publishes what is there when the server can be reached within `ms`. */
  async stop(ms: number): Promise<void> {
    const giveUp = new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
    await Promise.race([this.#running ?? Promise.resolve(), giveUp])
    this.#isStopped = true
    this.#isAsked = false
    this.#wakeUp?.()
  }
}

/** Neighbours of one subject, so that a batch is of one stream. */
const batchesOf = (facts: ReadonlyArray<StoredFact>): ReadonlyArray<ReadonlyArray<StoredFact>> => {
  const batches: Array<Array<StoredFact>> = []
  let bytes = 0
  for (const fact of facts) {
    const batch = batches.at(-1)
    bytes += fact.payload.length
    if (batch === undefined || batch[0]!.subject !== fact.subject || bytes > BATCH_BYTES_MAX) {
      batches.push([fact])
      bytes = fact.payload.length
    } else batch.push(fact)
  }
  return batches
}
