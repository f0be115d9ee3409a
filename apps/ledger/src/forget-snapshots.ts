/**
 * Rebuilding every account from its entries alone: before the owner takes its partitions, all snapshots are forgotten,
 * so that it has nothing else to load (ADR 0003, I10). Owns that and the wait for it; loading and the new snapshots are
 * the owner's ordinary work.
 */
import type { Database } from "@credits/store"
import { sql } from "kysely"
import { openTables, type StoreOptions } from "./store.ts"

/** An owner that was killed is waited for: its lease lasts some seconds. */
const WAIT_MS = 30_000
const LOOK_MS = 250

/** All or nothing, and only while nobody owns a partition. False: somebody does. */
const forgetUnowned = (database: Database): Promise<boolean> =>
  database.kysely.transaction().execute(async (db) => {
    // A new epoch: an owner that only seems to be gone commits nothing any more.
    const freed = await sql`UPDATE partition SET epoch = epoch + 1, floor = 0
      WHERE (SELECT max(lease_until) FROM partition) < ${Date.now()} RETURNING id`.execute(db)
    if (freed.rows.length === 0) return false
    await sql`DELETE FROM snapshot`.execute(db)
    return true
  })

/** @throws Error when a partition is still owned after half a minute */
export const forgetSnapshots = async (options: StoreOptions): Promise<void> => {
  const database = await openTables(options)
  try {
    const deadline = performance.now() + WAIT_MS
    while (!(await forgetUnowned(database))) {
      if (performance.now() > deadline) throw new Error("another ledger owns its partitions: stop it first")
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  } finally {
    await database.close()
  }
}
