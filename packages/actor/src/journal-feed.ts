/**
 * The journal's way out (decision 9): hands committed entries to the host in order, partition by partition, straight from the
 * commit while the host keeps up and from the database when it does not (after a start, or a long outage of the bus).
 */
import type { StoredEntry } from "./machine.ts"
import { JOURNAL_BYTES_MAX, type JournalItem } from "./protocol.ts"
import type { ActorStore } from "./rows.ts"

/** What may wait in the host for its PubAck; beyond it entries stay in the database only. */
export const JOURNAL_PENDING_MAX = 64 * 1024 * 1024
const READ_LIMIT = 5_000

interface Fed {
  seq: number
  id: number
}

/** The text of an entry as published and as covered by the hash chain. */
export const journalText = (e: StoredEntry): string =>
  `{"id":${e.id},"seq":${e.seq},"account":"${e.account}","n":${e.n},"prev":${e.prev},"at":${e.at},"recordedAt":${e.recordedAt},"kind":"${e.kind}","body":${e.body}}`

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

  /** Entries of one partition that were just committed, with their texts. */
  committed(partition: number, entries: ReadonlyArray<StoredEntry>, texts: ReadonlyArray<string>, items: Array<JournalItem>): void {
    if (this.#behind.has(partition)) return
    if (this.#pendingBytes > JOURNAL_PENDING_MAX) {
      this.#behind.add(partition)
      return
    }
    this.#cut(partition, entries, texts, items)
  }

  #cut(partition: number, entries: ReadonlyArray<StoredEntry>, texts: ReadonlyArray<string>, items: Array<JournalItem>): void {
    const fed = this.#fed.get(partition)!
    let from = 0
    let bytes = 0
    for (let i = 0; i < texts.length; i++) {
      bytes += texts[i]!.length + 1
      const last = i === texts.length - 1
      if (!last && bytes + texts[i + 1]!.length <= JOURNAL_BYTES_MAX) continue
      const { seq, id } = entries[i]!
      items.push({ partition, after: fed.seq, lastSeq: seq, lastId: id, texts: texts.slice(from, i + 1), bytes })
      this.#pendingBytes += bytes
      fed.seq = seq
      fed.id = id
      from = i + 1
      bytes = 0
    }
  }

  /** Reads a piece of what the host lacks; answers whether there was anything to do. */
  async catchUp(store: ActorStore): Promise<boolean> {
    if (this.#behind.size === 0 || this.#pendingBytes > JOURNAL_PENDING_MAX / 2) return false
    const partitions = [...this.#behind]
    let from = Number.POSITIVE_INFINITY
    for (const partition of partitions) from = Math.min(from, this.#fed.get(partition)!.id)
    const rows = await store.entriesFrom(from + 1, partitions, READ_LIMIT)
    const items: Array<JournalItem> = []
    const wanted = rows.filter((row) => row.id > this.#fed.get(row.partition)!.id)
    for (const partition of partitions) {
      const entries = wanted.filter((row) => row.partition === partition)
      if (entries.length > 0) this.#cut(partition, entries, entries.map(journalText), items)
      // Everything there is was read: from here on commits feed directly.
      if (rows.length < READ_LIMIT) this.#behind.delete(partition)
    }
    // A page that held only what was fed already must still move on, or it would be read for ever.
    if (rows.length === READ_LIMIT && items.length === 0) {
      for (const partition of partitions) this.#fed.get(partition)!.id = Math.max(this.#fed.get(partition)!.id, rows.at(-1)!.id)
    }
    if (items.length > 0) this.#send(items)
    return true
  }
}
