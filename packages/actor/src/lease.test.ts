/**
 * Goal: a partition's lease is waited for unless its owner certainly has ended, and a change of owner raises the epoch
 * (decision 3). Method: the rows of a real SQLite file.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { migrateNow, openDatabaseNow } from "@credits/store"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { ownerName } from "./ended-process.ts"
import { ACTOR_SCHEMA_VERSION, actorMigrations } from "./migrations.ts"
import { SqliteActorStore } from "./sqlite-store.ts"

const LEASE_MS = 60_000
const WANTED = [0, 1]

describe("the lease of a partition", () => {
  let folder: string
  let store: SqliteActorStore
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "credits-lease-"))
    const database = await openDatabaseNow({ service: "ledger", dataDir: folder })
    await migrateNow(database, actorMigrations("sqlite"), ACTOR_SCHEMA_VERSION)
    store = new SqliteActorStore(database.sqlite!)
  })
  afterEach(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const epochsFor = async (owner: string): Promise<ReadonlyArray<number>> =>
    (await store.acquire(owner, LEASE_MS, WANTED)).map(({ epoch }) => epoch)

  it("a process of this machine that has ended is not waited for, and its epoch is over", async () => {
    // No process has this id: it is above every limit of the kernel.
    assert.deepEqual(await epochsFor(`${hostname()} 99999999 x`), [1, 1])
    assert.deepEqual(await epochsFor(ownerName()), [2, 2])
  })

  it("one that runs, or of another machine, is waited for", async () => {
    for (const owner of [ownerName(), "another-machine 99999999 x"]) {
      const rows = await store.acquire(owner, LEASE_MS, WANTED)
      assert.equal(rows.length, 2)
      assert.deepEqual(await epochsFor(ownerName()), [])
      await store.release(rows)
    }
  })
})
