/**
 * Entries written to a database as an owner writes them, cut into blocks as the test wants. Owns no decision: entries
 * come from a `Desk`.
 */
import { addressOf, BLOCK_SEPARATOR, chainHash, entryText, type ActorStore, type SealedBlock } from "@credits/actor"
import { partitionOf } from "@credits/kernel"
import { encodeBody, type Entry } from "./entry.ts"

/** Accounts by id, each with its entries in their order. */
export type Books = ReadonlyMap<string, ReadonlyArray<Entry>>

interface Place {
  n: number
  prev: number
}

/** One turn of one account: some of its next entries. */
interface Turn {
  readonly account: string
  readonly entries: ReadonlyArray<Entry>
}

/** Whose turn it is: `size` entries of every account that has some left, round after round. */
const turnsOf = (books: Books, size: number): ReadonlyArray<Turn> => {
  const turns: Array<Turn> = []
  const longest = Math.max(...[...books.values()].map((entries) => entries.length))
  for (let at = 0; at < longest; at += size) {
    for (const [account, entries] of books) {
      const part = entries.slice(at, at + size)
      if (part.length > 0) turns.push({ account, entries: part })
    }
  }
  return turns
}

const LEASE_MS = 60_000
const NOTHING = { claims: [], unclaimed: [], receipts: [], outbox: [], outboxDone: [], snapshots: [] }

/** A block a turn. `later`: how long after its instant an entry is written, ms. */
export const writeBooks = async (store: ActorStore, books: Books, size: number, later = 0): Promise<void> => {
  const rows = new Map((await store.acquire("test", LEASE_MS, [...Array(64).keys()])).map((row) => [row.id, row]))
  const places = new Map<string, Place>()
  for (const { account, entries } of turnsOf(books, size)) {
    const row = rows.get(partitionOf(account))!
    const id = await store.allocate(1)
    const place = places.get(account) ?? { n: 0, prev: 0 }
    places.set(account, place)
    const lines = entries.map((entry, i) => {
      const { kind, at } = entry
      const head = { seq: row.seq + 1 + i, account, n: (place.n += 1), prev: place.prev, at, recordedAt: at + later }
      place.prev = addressOf(id, i)
      return entryText({ ...head, kind }, encodeBody(entry))
    })
    const text = lines.join(BLOCK_SEPARATOR)
    const chain = chainHash(row.chain, text)
    const seq = row.seq + 1
    const block: SealedBlock = { id, partition: row.id, seq, count: entries.length, chain, text: Buffer.from(text) }
    const next = { ...row, seq: row.seq + entries.length, chain, floor: Math.max(1, row.floor) }
    rows.set(row.id, next)
    const charged = entries.filter(({ kind }) => kind === "charged")
    const claims = charged.map(({ cause }) => ({ key: `c:${cause}`, account, partition: row.id, content: "h" }))
    await store.begin([next], claims, id, LEASE_MS)
    await store.commit({ ...NOTHING, claims, partitions: [next], blocks: [block], claimBlockId: id }, LEASE_MS)
  }
  await store.release([...rows.values()])
}
