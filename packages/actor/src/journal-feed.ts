/**
 * The journal's way out (decision 9): hands committed blocks to the host in order, partition by partition, straight
 * from the commit while the host keeps up and from the database when it does not (after a start, or a long outage of
 * the bus).
 */
import type { JournalItem } from "./protocol.ts"
import type { ActorStore, SealedBlock } from "./rows.ts"

/** What may wait in the host for its PubAck; beyond it entries stay in the database only. */
export const JOURNAL_PENDING_MAX = 64 * 1024 * 1024
const READ_LIMIT = 500

const encoder = new TextEncoder()

interface Fed {
  seq: number
  id: number
}

export class JournalFeed {
  readonly #fed = new Map<number, Fed>()
  readonly #behind = new Set<number>()
  #pendingBytes = 0
  readonly #send: (items: ReadonlyArray<JournalItem>) => void

  constructor(send: (items: ReadonlyArray<JournalItem>) => void) {
    this.#send = send
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }
  get behind(): number {
    return this.#behind.size
  }

  own(partition: number, seq: number, journaledSeq: number, journaledId: number): void {
    this.#fed.set(partition, { seq: journaledSeq, id: journaledId })
    if (journaledSeq < seq) this.#behind.add(partition)
  }

  drop(partition: number): void {
    this.#fed.delete(partition)
    this.#behind.delete(partition)
  }

  acknowledged(bytes: number): void {
    this.#pendingBytes -= bytes
  }

  /** A block that was just committed. */
  committed(block: SealedBlock, items: Array<JournalItem>): void {
    if (this.#behind.has(block.partition)) return
    if (this.#pendingBytes > JOURNAL_PENDING_MAX) {
      this.#behind.add(block.partition)
      return
    }
    items.push(this.#item(block))
  }

  #item(block: SealedBlock): JournalItem {
    const fed = this.#fed.get(block.partition)!
    const after = fed.seq
    fed.seq = block.seq + block.count - 1
    fed.id = block.id
    this.#pendingBytes += block.text.byteLength
    return { partition: block.partition, after, lastSeq: fed.seq, lastId: block.id, text: block.text }
  }

  /** Reads a piece of what the host lacks; answers whether there was anything to do. */
  async catchUp(store: ActorStore): Promise<boolean> {
    if (this.#behind.size === 0 || this.#pendingBytes > JOURNAL_PENDING_MAX / 2) return false
    const partitions = [...this.#behind]
    const from = Math.min(...partitions.map((partition) => this.#fed.get(partition)!.id))
    const blocks = await store.blocksFrom(from + 1, partitions, READ_LIMIT)
    const items: Array<JournalItem> = []
    for (const block of blocks) {
      if (block.id > this.#fed.get(block.partition)!.id)
        items.push(this.#item({ ...block, text: encoder.encode(block.text) }))
    }
    const last = blocks.at(-1)
    for (const partition of partitions) {
      // Everything there is was read: from here on commits feed directly. Otherwise what was read need not be read
      // again.
      if (blocks.length < READ_LIMIT) this.#behind.delete(partition)
      else this.#fed.get(partition)!.id = Math.max(this.#fed.get(partition)!.id, last!.id)
    }
    if (items.length > 0) this.#send(items)
    return true
  }
}
