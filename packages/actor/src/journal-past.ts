/**
 * The journal of a partition read back from the database, for readers that miss some of it (decision 9). What is there
 * was committed and never changes, so that this needs no ownership and keeps out of the worker's way: small reads of
 * its own connection, with the loop free between them.
 */
import type { Database } from "@credits/store"
import { sql } from "kysely"
import { BLOCK_SEPARATOR } from "./block.ts"
import { syncedLog } from "./log-sync.ts"
import { JOURNAL_BYTES_MAX } from "./protocol.ts"

/** Ids looked at in one query: some milliseconds. Blocks of all partitions share them. */
const WINDOW = 1_000
const BLOCKS_PER_QUERY = 64

interface Place {
  readonly id: number
  /** seq of the block's first entry. */
  readonly seq: number
}
interface Block extends Place {
  readonly count: number
  readonly text: string
}

export interface PastPage {
  /** seq before the first entry of the page: at most what was asked. */
  readonly after: number
  /** seq of the partition's newest entry. */
  readonly last: number
  /** Entry texts joined by `BLOCK_SEPARATOR`; "" when there are none after it. */
  readonly text: string
}

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class JournalPast {
  readonly #database: Database
  /** Where the page after the one answered last begins, by partition: who pages on does not search again. */
  readonly #next = new Map<number, Place>()

  constructor(database: Database) {
    this.#database = database
  }

  async read(partition: number, after: number): Promise<PastPage> {
    const page = await this.#page(partition, after)
    // The owner's newest commits may be in SQLite's log and not on the disk yet: what a reader stores must outlive us.
    if (this.#database.file !== undefined) await syncedLog(this.#database.file)
    return page
  }

  async #page(partition: number, after: number): Promise<PastPage> {
    const last = await this.#number(sql`SELECT seq AS number FROM partition WHERE id = ${partition}`)
    if (after >= last) return { after, last, text: "" }
    const end = 1 + (await this.#number(sql`SELECT max(id) AS number FROM entry_block`))
    const known = this.#next.get(partition)
    const from = known?.seq === after + 1 ? known.id : await this.#find(partition, after + 1, end)
    const texts: Array<string> = []
    let [first, bytes] = [after + 1, 0]
    for await (const block of this.#blocks(partition, from, end)) {
      if (texts.length === 0) first = block.seq
      else if (bytes + block.text.length > JOURNAL_BYTES_MAX) break
      texts.push(block.text)
      bytes += block.text.length
      this.#next.set(partition, { id: block.id + 1, seq: block.seq + block.count })
    }
    return { after: first - 1, last, text: texts.join(BLOCK_SEPARATOR) }
  }

  async #number(query: ReturnType<typeof sql>): Promise<number> {
    const { rows } = await query.execute(this.#database.kysely)
    return Number((rows[0] as { readonly number: unknown } | undefined)?.number ?? 0)
  }

  /** Id of the partition's last block that begins at or before a seq. A partition's blocks grow in id and in seq. */
  async #find(partition: number, seq: number, end: number): Promise<number> {
    let [low, high] = [0, end]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      const found = await this.#firstFrom(partition, middle, high)
      if (found === undefined || found.seq > seq) high = middle
      else low = found.id
    }
    return low
  }

  async #firstFrom(partition: number, from: number, end: number): Promise<Place | undefined> {
    for (let id = from; id < end; id += WINDOW, await pause()) {
      const { rows } = await sql<Record<keyof Place, unknown>>`SELECT id, seq FROM entry_block
        WHERE id >= ${id} AND id < ${Math.min(id + WINDOW, end)} AND partition = ${partition}
        ORDER BY id LIMIT 1`.execute(this.#database.kysely)
      if (rows.length > 0) return { id: Number(rows[0]!.id), seq: Number(rows[0]!.seq) }
    }
    return undefined
  }

  async *#blocks(partition: number, from: number, end: number): AsyncGenerator<Block> {
    for (let id = from; id < end; await pause()) {
      const { rows } = await sql<Record<keyof Block, unknown>>`SELECT id, seq, count, text FROM entry_block
        WHERE id >= ${id} AND id < ${id + WINDOW} AND partition = ${partition}
        ORDER BY id LIMIT ${BLOCKS_PER_QUERY}`.execute(this.#database.kysely)
      for (const row of rows) {
        yield { id: Number(row.id), seq: Number(row.seq), count: Number(row.count), text: String(row.text) }
      }
      id = rows.length === BLOCKS_PER_QUERY ? Number(rows.at(-1)!.id) + 1 : id + WINDOW
    }
  }
}
