/**
 * The outbox's way out: signals and dead letters go to the host when committed, after a start from the database; the
 * next renewal deletes the rows of what is stored in its stream.
 */
import type { FromWorker, Unsynced } from "./protocol.ts"
import type { ActorStore } from "./rows.ts"

const READ_LIMIT = 1_000

export class OutboxFeed {
  /** Sent to the host and not stored in a stream yet. */
  pending = 0
  #done: Array<number> = []

  sent(message: FromWorker | Unsynced): void {
    if (message.t === "outbox") this.pending += message.items.length
  }

  stored(ids: ReadonlyArray<number>): void {
    this.pending -= ids.length
    for (const id of ids) this.#done.push(id)
  }

  /** Rows the next renewal may delete. */
  takeDone(): ReadonlyArray<number> {
    const done = this.#done
    this.#done = []
    return done
  }

  /** Everything the partitions still have: what an earlier owner left. */
  async resend(
    partitions: ReadonlyArray<number>,
    store: ActorStore,
    send: (message: FromWorker) => void,
  ): Promise<void> {
    for (let after = 0; ;) {
      const rows = await store.outboxFrom(partitions, after, READ_LIMIT)
      if (rows.length > 0) {
        send({ t: "outbox", items: rows.map(({ id, subject, payload }) => ({ id, subject, payload })) })
      }
      if (rows.length < READ_LIMIT) return
      after = rows.at(-1)!.id
    }
  }
}
