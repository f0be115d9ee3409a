/**
 * Blocks: how entries lie in the database and travel in the journal. Owns the address of an entry and its text form.
 */
import { hash } from "node:crypto"
import type { StoredEntry } from "./machine.ts"
import type { NewBlock, SealedBlock } from "./rows.ts"

/** An address is block id × this + place. Fixed for the life of the data. */
const PLACES = 512
/**
 * Entries of one block; a commit that adds more to one partition makes several. Few enough that a statement, which
 * reads a block a line, stays quick (50 lines took 52 ms with blocks of 500); many enough that rows stay cheap.
 */
export const BLOCK_ENTRIES_MAX = 32
/**
 * Makes a block's text the inside of a JSON array, and its entries findable without parsing: JSON text has no raw
 * newline.
 */
export const BLOCK_SEPARATOR = ",\n"

export const addressOf = (blockId: number, place: number): number => blockId * PLACES + place
export const blockOf = (address: number): number => Math.floor(address / PLACES)

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

/** The entries whose text contains a text; the others are not parsed. */
export const entriesWith = (block: NewBlock, part: string): ReadonlyArray<StoredEntry> =>
  block.text.split(BLOCK_SEPARATOR).flatMap((text, place) => (text.includes(part) ? [parsed(text, block, place)] : []))

/** The entry at an address of this block, found without parsing its neighbours. */
export const entryAt = (block: NewBlock, address: number): StoredEntry | undefined => {
  const place = address - addressOf(block.id, 0)
  if (place < 0 || place >= block.count) return undefined
  let from = 0
  for (let i = 0; i < place; i++) from = block.text.indexOf(BLOCK_SEPARATOR, from) + BLOCK_SEPARATOR.length
  const to = block.text.indexOf(BLOCK_SEPARATOR, from)
  return parsed(block.text.slice(from, to === -1 ? undefined : to), block, place)
}

/** Of `linkOf`: a head of the chain is 64 hex digits. */
const LINK_BYTES_MAX = 65

/** What a step of the hash chain covers before the block's text. */
const linkOf = (previous: string): string => `${previous}\n`

/** The hash chain's step: hex SHA-256 over the head before and the block's text. */
export const chainHash = (previous: string, text: string): string => hash("sha256", linkOf(previous) + text, "hex")

/** A block that takes no more entries. */
export type ClosedBlock = Omit<NewBlock, "chain">

/**
 * Blocks of one commit, their texts behind each other in one buffer, so that they can be given away together. Before
 * each stands what its step of the chain covers besides it. `chains` has the heads of the partitions' chains.
 */
export const sealed = (
  blocks: ReadonlyArray<ClosedBlock>,
  chains: { readonly of: (partition: number) => string; readonly set: (partition: number, chain: string) => void },
): ReadonlyArray<SealedBlock> => {
  const sizes = blocks.map(({ text }) => Buffer.byteLength(text))
  const buffer = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + size + LINK_BYTES_MAX, 0))
  let at = 0
  return blocks.map(({ text, ...block }, i) => {
    const link = linkOf(chains.of(block.partition))
    const from = at + LINK_BYTES_MAX
    at = from + sizes[i]!
    buffer.write(link, from - link.length, "latin1")
    buffer.write(text, from)
    const chain = hash("sha256", buffer.subarray(from - link.length, at), "hex")
    chains.set(block.partition, chain)
    return { ...block, chain, text: new Uint8Array(buffer.buffer, from, sizes[i]) }
  })
}
