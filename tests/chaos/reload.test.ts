/**
 * Goal: whatever makes a worker discard its memory, it reads the stream again from what the database has applied, never
 * from what it had only received (decision 2, I3). Method: a partition worker on a real database; a second connection
 * takes the write lock, or takes a partition away and gives it back.
 */
import { type ActorStore, CommitUnknown } from "@credits/actor"
import { openSqliteFile } from "@credits/store"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { readBooks, unreachableEntries } from "./audit.ts"
import type { Add } from "./counting-machine.ts"
import { until, within } from "./facts.ts"
import { WorkerBench } from "./worker-bench.ts"

const adding = (id: string, account: string, add: number): Add => ({ id, account, add, hash: `h-${id}` })

describe("decision 2: the cursor is the database's", () => {
  let bench: WorkerBench
  let other: ReturnType<typeof openSqliteFile>
  beforeEach(async () => {
    bench = await WorkerBench.start({ partitions: [0, 1] })
    other = openSqliteFile(bench.database.file!)
  })
  afterEach(async () => {
    other.close()
    await bench.stop()
  })
  const announced = () => bench.said("owned").at(-1)!
  const totals = (expected: Readonly<Record<string, number>>) =>
    until(
      "everything counts",
      () => bench.totals([0, 1]),
      (found) => JSON.stringify(found) === JSON.stringify(expected),
    )

  it("I3 what was received and not applied when the database was in trouble is read again", async () => {
    const first = announced().generation
    bench.messages(first, [1, [adding("a", "acc-p0-x", 1)]])
    await totals({ "acc-p0-x": 1 })
    other.exec("BEGIN IMMEDIATE")
    bench.messages(first, [2, [adding("b", "acc-p0-x", 2)]], [3, [adding("c", "acc-p1-y", 4)]])
    await bench.hears("lost", () => true)
    other.exec("ROLLBACK")
    const again = await bench.hears("owned", ({ generation }) => generation > first)
    expect(again.cursor).toBeLessThanOrEqual(1)
    // What the old reader still delivers is late: it must not make the cursor jump over what comes again.
    bench.messages(first, [4, [adding("d", "acc-p0-x", 8)]])
    bench.messages(again.generation, [2, [adding("b", "acc-p0-x", 2)]], [3, [adding("c", "acc-p1-y", 4)]])
    bench.messages(again.generation, [4, [adding("d", "acc-p0-x", 8)]])
    await totals({ "acc-p0-x": 11, "acc-p1-y": 4 })
  })

  it("I3 a partition that was another's for a while is read again from its own cursor", async () => {
    const first = announced().generation
    other
      .prepare("UPDATE partition SET owner = 'other', epoch = epoch + 1, lease_until = ? WHERE id = 1")
      .run(Date.now() + 2_500)
    const without = await bench.hears("owned", ({ generation }) => generation > first)
    expect(without.partitions).toEqual([0])
    expect(bench.said("lost").map(({ partitions }) => partitions)).toEqual([[1]])
    // Message 2 is for partition 1: the reader of partition 0 never sees it.
    bench.messages(without.generation, [1, [adding("a", "acc-p0-x", 1)]], [3, [adding("c", "acc-p0-x", 4)]])
    await totals({ "acc-p0-x": 5 })
    const both = await bench.hears("owned", ({ partitions }) => partitions.length === 2, bench.heard.indexOf(without))
    expect(both.cursor).toBe(0)
    bench.messages(
      both.generation,
      [1, [adding("a", "acc-p0-x", 1)]],
      [2, [adding("b", "acc-p1-y", 2)]],
      [3, [adding("c", "acc-p0-x", 4)]],
    )
    await totals({ "acc-p0-x": 5, "acc-p1-y": 2 })
  })
})

describe("decision 6: a planned stop", () => {
  it("does not wait for a lease to answer who asked for partitions that are lost", async () => {
    const bench = await WorkerBench.start({ partitions: [0, 1] })
    const other = openSqliteFile(bench.database.file!)
    other.prepare("UPDATE partition SET owner = 'other', epoch = epoch + 1, lease_until = ?").run(Date.now() + 60_000)
    other.close()
    await until(
      "both are lost",
      () => bench.said("lost").flatMap(({ partitions }) => partitions).length,
      (count) => count === 2,
    )
    // Its host heard of it too late.
    const asked = bench.request({ id: "1", account: "acc-p0-x", add: 1 })
    await within("the worker stops", 10_000, bench.stop())
    expect(asked.now()).toEqual([undefined])
  })
})

describe("I10: what is in no snapshot is above its partition's floor", () => {
  it("a partition that comes back with old entries keeps its floor", async () => {
    const bench = await WorkerBench.start({ partitions: [0, 1] })
    const other = openSqliteFile(bench.database.file!)
    try {
      const first = bench.said("owned").at(-1)!
      await bench.request({ id: "1", account: "acc-p1-old", add: 1 }).all()
      other
        .prepare("UPDATE partition SET owner = 'other', epoch = epoch + 1, lease_until = ? WHERE id = 1")
        .run(Date.now() + 1_800)
      const without = await bench.hears("owned", ({ generation }) => generation > first.generation)
      await bench.request({ id: "2", account: "acc-p0-new", add: 1 }).all()
      await bench.hears("owned", ({ partitions }) => partitions.length === 2, bench.heard.indexOf(without) + 1)
      const books = await readBooks(async (sql) => other.prepare(sql).all() as ReadonlyArray<Record<string, unknown>>)
      expect(unreachableEntries(books)).toEqual([])
    } finally {
      other.close()
      await bench.stop()
    }
  })
})

/** Commits, and then says that the answer was lost, as often as it is told to. */
const forgetful = (store: ActorStore, armed: { times: number }): ActorStore => ({
  dialect: store.dialect,
  now: () => store.now(),
  acquire: (owner, leaseMs, wanted) => store.acquire(owner, leaseMs, wanted),
  release: (rows) => store.release(rows),
  allocate: (count) => store.allocate(count),
  snapshotsOf: (accounts) => store.snapshotsOf(accounts),
  blocksFrom: (id, partitions, limit) => store.blocksFrom(id, partitions, limit),
  block: (id) => store.block(id),
  outboxFrom: (partitions, after, limit) => store.outboxFrom(partitions, after, limit),
  dueAccounts: (partitions, at, limit) => store.dueAccounts(partitions, at, limit),
  earliestDue: (partitions) => store.earliestDue(partitions),
  receipts: (keys) => store.receipts(keys),
  begin: (partitions, claims, claimBlockId, leaseMs) => store.begin(partitions, claims, claimBlockId, leaseMs),
  commit: async (batch, leaseMs) => {
    const applied = await store.commit(batch, leaseMs)
    if (batch.blocks.length > 0 && armed.times-- > 0) throw new CommitUnknown("the answer was lost")
    return applied
  },
  abort: () => store.abort(),
  forgetExpired: (now, limit) => store.forgetExpired(now, limit),
  close: () => store.close(),
})

describe("decision 5: a commit whose outcome is not known", () => {
  it("I2 I5 sends no answer; what is repeated counts once and gets the stored answer", async () => {
    const armed = { times: 0 }
    const bench = await WorkerBench.start({ partitions: [0], between: (store) => forgetful(store, armed) })
    try {
      const first = bench.said("owned").at(-1)!.generation
      await bench.request({ id: "1", account: "acc-p0-x", add: 1 }).all()
      armed.times = 1
      const unanswered = bench.request({ id: "2", account: "acc-p0-x", add: 4 })
      const second = await bench.hears("owned", ({ generation }) => generation > first)
      expect(unanswered.now()).toEqual([undefined])
      armed.times = 1
      bench.messages(second.generation, [1, [adding("a", "acc-p0-x", 2)]])
      const third = await bench.hears("owned", ({ generation }) => generation > second.generation)
      bench.messages(third.generation, [1, [adding("a", "acc-p0-x", 2)]], [2, [adding("b", "acc-p0-x", 8)]])
      const [answer] = await bench.request({ id: "2", account: "acc-p0-x", add: 4 }).all()
      expect(JSON.parse(answer!)).toEqual({ ok: { total: 5 } })
      await until(
        "each counts once",
        () => bench.totals([0]),
        (totals) => totals["acc-p0-x"] === 15,
      )
      expect(await bench.entries([0])).toHaveLength(4)
    } finally {
      await bench.stop()
    }
  })
})
