/**
 * Rows that an older program wrote, written anew in today's form when the process starts: what is due, what names steps
 * and which phase it is in are columns, and only today's machine knows them. Page by page, each page one commit.
 */
import type { Deciding } from "./deciding.ts"
import type { SagaStore } from "./store.ts"

const PAGE_ROWS = 500

/** @throws whatever `decode` says of a row: an old form must be readable, or the machine may not start. */
export const upgradeRows = async (store: SagaStore, deciding: Deciding, version: number): Promise<number> => {
  let count = 0
  let after = ""
  for (;;) {
    const rows = await store.olderPage(version, after, PAGE_ROWS)
    if (rows.length === 0) return count
    const drafts = rows.map((row) => deciding.draftOf(deciding.actorOf(row, true), []))
    const nothing = { receipts: [], forgotten: [], facts: [], cursors: [], publishedTo: 0, write: null }
    await store.commit({ ...nothing, rows: drafts.map((draft) => deciding.rowOf(draft)) })
    count += rows.length
    after = rows.at(-1)!.id
  }
}
