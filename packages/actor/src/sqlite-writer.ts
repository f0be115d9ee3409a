/**
 * Whole commits in a thread of their own, on a connection of its own: the next batch is decided meanwhile
 * (ahead.ts). One commit at a time; what one fails with comes back as what it was. Owns the way there and back, the SQL
 * is sqlite-store.ts's.
 */
import type { MessagePort } from "node:worker_threads"
import { packBatch, type PackedBatch } from "./packed-batch.ts"
import { Fenced, Repeated, type Batch, type Writer } from "./rows.ts"
import type { SqliteActorStore } from "./sqlite-store.ts"

interface Order {
  readonly batch: PackedBatch
  readonly leaseMs: number
}

type Answer =
  | { readonly applied: ReadonlyArray<number> }
  | { readonly fenced: ReadonlyArray<number> }
  | { readonly repeated: true }
  | { readonly failed: string; readonly code: unknown }

const answerTo = (store: SqliteActorStore, { batch, leaseMs }: Order): Answer => {
  try {
    return { applied: store.commitWhole(batch, leaseMs) }
  } catch (error) {
    if (error instanceof Fenced) return { fenced: error.partitions }
    if (error instanceof Repeated) return { repeated: true }
    return { failed: String((error as Error).stack ?? error), code: (error as { code?: unknown }).code }
  }
}

/** The thread: commits what it is told, in that order. */
export const runSqliteWriter = (store: SqliteActorStore, port: MessagePort): void => {
  port.postMessage("ready")
  port.on("message", (order: Order) => port.postMessage(answerTo(store, order)))
  port.on("close", () => void store.close())
}

const errorOf = (answer: Exclude<Answer, { readonly applied: unknown }>): Error => {
  if ("fenced" in answer) return new Fenced(answer.fenced)
  if ("repeated" in answer) return new Repeated()
  return Object.assign(new Error(`the writer: ${answer.failed}`), { code: answer.code })
}

/** The deciding thread's side. */
export class SqliteWriter implements Writer {
  readonly #port: MessagePort
  isReady = false
  #waiting: PromiseWithResolvers<ReadonlyArray<number>> | null = null

  constructor(port: MessagePort) {
    this.#port = port
    port.on("message", (answer: Answer | "ready") => {
      if (answer === "ready") {
        this.isReady = true
        return
      }
      const waiting = this.#waiting!
      this.#waiting = null
      if ("applied" in answer) waiting.resolve(answer.applied)
      else waiting.reject(errorOf(answer))
    })
  }

  commit(batch: Batch, leaseMs: number): Promise<ReadonlyArray<number>> {
    if (this.#waiting !== null) throw new Error("the writer is still busy with the commit before")
    this.#waiting = Promise.withResolvers()
    const order: Order = { batch: packBatch(batch), leaseMs }
    this.#port.postMessage(order)
    return this.#waiting.promise
  }

  close(): void {
    this.#port.close()
  }
}
