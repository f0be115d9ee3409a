/**
 * Reading back an actor's own entries: along its chain, or those of the commit that recorded a stream command.
 */
import { blockOf, entriesWith, entryAt } from "./block.ts"
import type { History } from "./machine.ts"
import type { ActorStore, NewBlock } from "./rows.ts"
import type { Slot } from "./slots.ts"

/** Blocks one commit can add to one partition: 4,500 commands and their due work in blocks of 32. */
const BLOCKS_PER_COMMIT_MAX = 256
/** Read at a time: what is sought is nearly always in the first of them. */
const BLOCKS_PER_LOOK = 8

/** Receipt key of a stream command; requests have `<op>:<id>`. */
export const commandKey = (id: string): string => `c:${id}`

export const historyOf = (
  slot: Pick<Slot<unknown>, "account" | "partition" | "committed">,
  store: ActorStore,
): History => {
  let last: NewBlock | undefined
  /** Neighbours of a chain often share a block: the last one read is kept. */
  const blockAt = async (id: number) => (last?.id === id ? last : (last = await store.block(id)))
  return {
    head: slot.committed,
    entry: async (address) => {
      const block = await blockAt(blockOf(address))
      const entry = block === undefined ? undefined : entryAt(block, address)
      // An address may come back from outside, in a cursor: another actor's entry is nobody else's to read.
      return entry?.account === slot.account ? entry : undefined
    },
    recorded: async (key, kind, cause) => {
      const receipt = (await store.receipts([{ key, account: slot.account }]))[0]
      if (receipt === undefined) return undefined
      // Ids have no character that JSON escapes: whoever does not contain this text is not the one.
      const text = `"cause":"${cause}"`
      for (let [from, looked] = [receipt.blockId, 0]; looked < BLOCKS_PER_COMMIT_MAX; looked += BLOCKS_PER_LOOK) {
        const blocks = await store.blocksFrom(from, [slot.partition], BLOCKS_PER_LOOK)
        const found = blocks
          .flatMap((block) => entriesWith(block, text))
          .find((entry) => entry.account === slot.account && entry.kind === kind)
        if (found !== undefined || blocks.length < BLOCKS_PER_LOOK) return found
        from = blocks.at(-1)!.id + 1
      }
      return undefined
    },
  }
}
