/**
 * Goal: when one of two partitions is taken over while a batch over both waits, only the other one is written, answered
 * and published (decision 3, I5, C11). Method: Postgres; a second connection holds one partition's row lock until the
 * batch waits for it, raises its epoch and commits: what a takeover is.
 */
import { actorMigrations, PostgresActorStore, type Batch, type PartitionRow } from "@credits/actor"
import { migrateNow, openDatabaseNow, openPostgresPool } from "@credits/store"
import { postgresForTests, type TestPostgres } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Add } from "./counting-machine.ts"
import { until } from "./facts.ts"
import { WorkerBench } from "./worker-bench.ts"

type Pool = Awaited<ReturnType<typeof openPostgresPool>>

let postgres: TestPostgres | undefined
beforeAll(async () => {
  postgres = await postgresForTests()
}, 90_000)
afterAll(() => postgres?.stop())

const created = async (name: string): Promise<string> => {
  const pool = await openPostgresPool({ service: "test", databaseUrl: postgres!.url, connectionsMax: 1 })
  await pool.query(`CREATE DATABASE ${name}`)
  await pool.end()
  return postgres!.url.replace(/\/postgres$/, `/${name}`)
}

/** Another owner's connection: locks a partition's row, waits until somebody waits for it, then takes the partition. */
class Rival {
  readonly #pool: Pool
  constructor(pool: Pool) {
    this.#pool = pool
  }

  async takeOver(partition: number, whileLocked: () => Promise<void> | void): Promise<void> {
    const client = await this.#pool.connect()
    try {
      await client.query("BEGIN")
      await client.query("SELECT id FROM partition WHERE id = $1 FOR UPDATE", [partition])
      await whileLocked()
      await until(
        "a batch waits for the row",
        async () =>
          (
            await this.#pool.query(
              `SELECT count(*)::int AS n FROM pg_stat_activity
               WHERE wait_event_type = 'Lock' AND query LIKE '%wanted%'`,
            )
          ).rows[0] as { n: number },
        ({ n }) => n > 0,
        10_000,
      )
      // Its lease has run out already: the first owner may try again and read what is there.
      await client.query("UPDATE partition SET epoch = epoch + 1, owner = 'rival', lease_until = 0 WHERE id = $1", [
        partition,
      ])
      await client.query("COMMIT")
    } finally {
      client.release()
    }
  }
}

const blockFor = ({ id, seq, chain }: PartitionRow, blockId: number, account: string) => ({
  id: blockId,
  partition: id,
  seq: seq + 1,
  count: 1,
  chain: `${chain}x`,
  text: Buffer.from(JSON.stringify({ seq: seq + 1, account, n: 1, prev: 0, at: 1, kind: "added", body: { add: 1 } })),
})

describe("fence: one of two partitions is taken over", () => {
  it("I2 I5 the store writes every row of the other one only, and says so", async ({ skip }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    const database = await openDatabaseNow({ service: "counting", dataDir: "", databaseUrl: await created("store") })
    await migrateNow(database, actorMigrations("postgres"), 1)
    const pool = database.pool!
    const store = new PostgresActorStore(pool)
    const rows = await store.acquire("first", 60_000, [0, 1])
    const firstId = await store.allocate(100)
    const receipt = (partition: number) => ({
      key: `k${partition}`,
      account: `acc${partition}`,
      partition,
      content: "c",
    })
    const batch: Batch = {
      partitions: rows.map((row) => ({ ...row, cursor: 7, seq: row.seq + 1 })),
      blocks: rows.map((row, i) => blockFor(row, firstId + i, `acc${row.id}`)),
      claims: [0, 1].map((partition) => receipt(partition)),
      claimBlockId: firstId,
      unclaimed: [],
      receipts: [0, 1].map((partition) => ({
        ...receipt(partition),
        key: `r${partition}`,
        answer: "{}",
        expiresAt: null,
        blockId: firstId,
      })),
      outbox: [0, 1].map((partition) => ({ id: firstId + 10 + partition, partition, subject: "s", payload: "{}" })),
      outboxDone: [],
      snapshots: [0, 1].map((partition) => ({
        account: `acc${partition}`,
        partition,
        head: 1,
        nextDue: null,
        state: "{}",
      })),
    }
    expect((await store.begin(rows, batch.claims)).size).toBe(0)
    let applied: Promise<ReadonlyArray<number>> = Promise.resolve([])
    await new Rival(pool).takeOver(1, () => {
      applied = store.commit(batch, 60_000)
    })
    expect(await applied).toEqual([0])
    const partitionsIn = async (table: string): Promise<ReadonlyArray<unknown>> =>
      (await pool.query(`SELECT partition FROM ${table} ORDER BY 1`)).rows.map(
        (row: { partition: number }) => row.partition,
      )
    expect(await partitionsIn("entry_block")).toEqual([0])
    expect(await partitionsIn("outbox")).toEqual([0])
    expect(await partitionsIn("snapshot")).toEqual([0])
    const keys = (await pool.query("SELECT key FROM receipt ORDER BY key")).rows as ReadonlyArray<{ key: string }>
    expect(keys.map(({ key }) => key)).toEqual(["k0", "r0"])
    const cursors = (
      await pool.query("SELECT id, cursor_seq::int AS cursor, owner FROM partition WHERE id < 2 ORDER BY id")
    ).rows
    expect(cursors).toEqual([
      { id: 0, cursor: 7, owner: "first" },
      { id: 1, cursor: 0, owner: "rival" },
    ])
    await database.close()
  })

  it("I2 I5 the worker answers and publishes the other one only, and reads the lost one anew", async ({ skip }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    const databaseUrl = await created("worker")
    const bench = await WorkerBench.start({ partitions: [0, 1], databaseUrl })
    try {
      const first = bench.said("owned").at(-1)!.generation
      await bench.request({ id: "1", account: "acc-p0-x", add: 1 }, { id: "2", account: "acc-p1-y", add: 10 }).all()
      // Just after a renewal there is a second until the next: the batch that waits is the one with the requests.
      const renewals = bench.said("metrics").length
      await until(
        "a renewal",
        () => bench.said("metrics").length,
        (count) => count > renewals,
      )
      let asked: ReturnType<WorkerBench["request"]> | undefined
      const adding = (id: string, account: string, add: number): Add => ({ id, account, add, hash: `h-${id}` })
      await new Rival(bench.database.pool!).takeOver(1, () => {
        bench.messages(first, [1, [adding("a", "acc-p0-x", 2)]], [2, [adding("b", "acc-p1-y", 20)]])
        asked = bench.request({ id: "3", account: "acc-p0-x", add: 4 }, { id: "4", account: "acc-p1-y", add: 40 })
      })
      const lost = await bench.hears("lost", () => true)
      expect(lost.partitions).toEqual([1])
      const again = await bench.hears(
        "owned",
        ({ generation, partitions }) => generation > first && partitions.length === 2,
      )
      expect(asked!.now().map((text) => text !== undefined)).toEqual([true, false])
      expect(again.cursor).toBeLessThan(2)
      expect(await bench.totals([1])).toEqual({ "acc-p1-y": 10 })
      // Nothing of partition 1 left the worker: no entry in the journal that the database has not.
      const journaled = bench
        .said("journal")
        .flatMap(({ items }) => items.map(({ partition, lastSeq }) => `${partition}.${lastSeq}`))
      expect(new Set(journaled.filter((id) => id.startsWith("1.")))).toEqual(new Set(["1.1"]))
      // The caller repeats, the stream is read again: each counts once.
      bench.messages(again.generation, [1, [adding("a", "acc-p0-x", 2)]], [2, [adding("b", "acc-p1-y", 20)]])
      const answers = await bench
        .request({ id: "3", account: "acc-p0-x", add: 4 }, { id: "4", account: "acc-p1-y", add: 40 })
        .all()
      expect(answers[0]).toBe(asked!.now()[0])
      await until(
        "both count",
        () => bench.totals([0, 1]),
        (totals) => totals["acc-p0-x"] === 7 && totals["acc-p1-y"] === 70,
      )
    } finally {
      await bench.stop()
    }
  })

  it("decision 9: a stored dead letter leaves the outbox, whatever partitions later batches touch", async ({
    skip,
  }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    const bench = await WorkerBench.start({ partitions: [0, 1], databaseUrl: await created("outbox") })
    try {
      const { generation } = bench.said("owned").at(-1)!
      bench.messages(generation, [1, "unreadable"])
      const { items } = await bench.hears("outbox", () => true)
      // Stored in its stream; the next batch is about the other partition.
      bench.tell({ t: "outboxed", ids: items.map(({ id }) => id) })
      await bench.request({ id: "1", account: "acc-p1-y", add: 1 }).all()
      await until(
        "the outbox is empty",
        () => bench.deadLetters([0, 1]),
        (letters) => letters.length === 0,
        5_000,
      )
    } finally {
      await bench.stop()
    }
  })

  it("I10 snapshots are written whatever partitions their batch is about; the next owner finds them", async ({
    skip,
  }) => {
    skip(postgres === undefined, "no Postgres on this machine")
    const databaseUrl = await created("snapshots")
    const bench = await WorkerBench.start({ partitions: [0, 1], databaseUrl })
    await bench.request({ id: "1", account: "acc-p0-x", add: 1 }, { id: "2", account: "acc-p1-y", add: 10 }).all()
    // Idle time writes them.
    const pool = await openPostgresPool({ service: "counting", databaseUrl, connectionsMax: 1 })
    const stored = async () =>
      (await pool.query("SELECT account FROM snapshot ORDER BY 1")).rows.map((row: { account: string }) => row.account)
    await until("both have a snapshot", stored, (accounts) => accounts.join() === "acc-p0-x,acc-p1-y", 10_000)
    await pool.end()
    await bench.stop()
    const next = await WorkerBench.start({ partitions: [0, 1], databaseUrl })
    try {
      const answers = await next
        .request({ id: "3", account: "acc-p0-x", add: 1 }, { id: "4", account: "acc-p1-y", add: 10 })
        .all()
      expect(answers.map((text) => JSON.parse(text!) as unknown)).toEqual([{ ok: { total: 2 } }, { ok: { total: 20 } }])
    } finally {
      await next.stop()
    }
  })
})
