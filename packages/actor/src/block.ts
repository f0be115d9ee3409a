/**
 * Blocks: how entries lie in the database and travel in the journal. Owns the address of an entry and its text form.
 */
import { createHash } from "node:crypto"
import type { StoredEntry } from "./machine.ts"
import type { NewBlock } from "./rows.ts"

/** An address is block id × this + place; a commit that adds more to one partition makes several blocks. */
export const BLOCK_ENTRIES_MAX = 512
/**
 * Makes a block's text the inside of a JSON array, and its entries findable without parsing: JSON text has no raw
 * newline.
 */
export const BLOCK_SEPARATOR = ",\n"

export const addressOf = (blockId: number, place: number): number => blockId * BLOCK_ENTRIES_MAX + place
export const blockOf = (address: number): number => Math.floor(address / BLOCK_ENTRIES_MAX)

/** One entry as stored, chained and published. `recordedAt` is left out when it equals `at`. */
export const entryText = (e: Omit<StoredEntry, "id" | "partition" | "body">, body: string): string => {
  const recorded = e.recordedAt === e.at ? "" : `,"recordedAt":${e.recordedAt}`
  const head = `{"seq":${e.seq},"account":"${e.account}","n":${e.n},"prev":${e.prev},"at":${e.at}${recorded}`
  return `${head},"kind":"${e.kind}","body":${body}}`
}

const parsed = (text: string, block: NewBlock, place: number): StoredEntry => {
  const raw = JSON.parse(text) as Omit<StoredEntry, "id" | "partition" | "recordedAt"> & {
    readonly recordedAt?: number
  }
  return { ...raw, id: addressOf(block.id, place), partition: block.partition, recordedAt: raw.recordedAt ?? raw.at }
}

export const entriesOf = (block: NewBlock): ReadonlyArray<StoredEntry> =>
  block.text.split(BLOCK_SEPARATOR).map((text, place) => parsed(text, block, place))

/** The entry at an address of this block. */
export const entryAt = (block: NewBlock, address: number): StoredEntry | undefined => {
  const place = address - addressOf(block.id, 0)
  const text = block.text.split(BLOCK_SEPARATOR)[place]
  return text === undefined ? undefined : parsed(text, block, place)
}

/** The hash chain's step: hex SHA-256 over the head before and the block's text. */
export const chainHash = (previous: string, text: string): string =>
  createHash("sha256").update(previous).update("\n").update(text).digest("hex")
