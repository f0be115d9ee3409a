/**
 * Goal: deciding ahead of the commit changes nothing that anybody can see (I2, I3, I5). Method: a partition worker
 * whose second connection commits when the test lets it, so that a batch is always decided behind one being written.
 */
import { type ActorStore, packBatch, SqliteActorStore, type Writer } from "@credits/actor"
import type { DeadLetter } from "@credits/contracts"
import { openSqliteFile } from "@credits/store"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { readBooks, unreachableEntries } from "./audit.ts"
import { type Add, UNLUCKY } from "./counting-machine.ts"
import { until } from "./facts.ts"
import { WorkerBench } from "./worker-bench.ts"

const adding = (id: string, account: string, add: number): Add => ({ id, account, add, hash: `h-${id}-${add}` })

describe("deciding ahead of the commit", () => {
  let bench: WorkerBench
  let other: ReturnType<typeof openSqliteFile>
  /** What waits at the gate: called, it commits, or fails with the error it is given. */
  let waiting: Array<(error?: Error) => void> = []
  let isOpen = false

  const gated: Writer = {
    isReady: true,
    commit: async (batch, leaseMs) => {
      const error = isOpen ? undefined : await new Promise<Error | undefined>((resolve) => waiting.push(resolve))
      if (error !== undefined) throw error
      return new SqliteActorStore(other).commitWhole(packBatch(batch), leaseMs)
    },
    close: () => undefined,
  }
  const withWriter = (store: ActorStore): ActorStore =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === "writer") return gated
        const value: unknown = Reflect.get(target, name)
        return typeof value === "function" ? value.bind(target) : value
      },
    })

  beforeEach(async () => {
    waiting = []
    isOpen = false
    bench = await WorkerBench.start({ partitions: [0, 1], between: withWriter })
    other = openSqliteFile(bench.database.file!)
  })
  afterEach(async () => {
    open()
    await bench.stop()
    other.close()
  })

  const announced = () => bench.said("owned").at(-1)!
  const inFlight = () =>
    until(
      "a batch is on its way",
      () => waiting.length,
      (count) => count > 0,
    )
  const open = (error?: Error): void => {
    isOpen = true
    for (const pass of waiting.splice(0)) pass(error)
  }
  const totals = (expected: Readonly<Record<string, number>>) =>
    until(
      "everything counts",
      () => bench.totals([0, 1]),
      ({ "acc-p0-fill": _, ...found }) => JSON.stringify(found) === JSON.stringify(expected),
    )
  const booksClose = async () => {
    const books = await readBooks(async (sql) => other.prepare(sql).all() as ReadonlyArray<Record<string, unknown>>)
    expect(unreachableEntries(books)).toEqual([])
  }
  /** More than one batch takes, so that what follows is decided behind it. */
  const filler = Array.from({ length: 4_000 }, (_, i) => adding(`fill-${i}`, "acc-p0-fill", 0))
  /** One batch at the gate, another decided behind it. */
  const twoBatches = async (first: ReadonlyArray<Add>, second: ReadonlyArray<Add>) => {
    bench.messages(announced().generation, [1, [...first, ...filler]], [2, second])
    await inFlight()
  }

  it("I5 nothing is said of what is decided before it is committed, then all of it in order", async () => {
    await twoBatches([adding("a", "acc-p0-x", 1)], [adding("b", "acc-p0-x", 2), adding("c", "acc-p1-y", 4)])
    expect(bench.said("journal")).toEqual([])
    expect(await bench.totals([0, 1])).toEqual({})
    const asked = bench.request({ id: "1", account: "acc-p0-x", add: 8 })
    expect(asked.now()).toEqual([undefined])
    open()
    await totals({ "acc-p0-x": 11, "acc-p1-y": 4 })
    // Two lanes: the request is decided before or behind the second message, never before the first.
    const { ok } = JSON.parse((await asked.all())[0]!) as { ok: { total: number } }
    expect([9, 11]).toContain(ok.total)
    await booksClose()
  })

  it("I2 an event that comes again in the batch behind, or in its own, counts once", async () => {
    await twoBatches(
      [adding("a", "acc-p0-x", 1), adding("a", "acc-p0-x", 1)],
      [adding("a", "acc-p0-x", 1), adding("a", "acc-p0-x", 9), adding("b", "acc-p0-x", 2)],
    )
    open()
    await totals({ "acc-p0-x": 3 })
    const letters = (await bench.deadLetters([0])).map(({ payload }) => JSON.parse(payload) as DeadLetter)
    expect(letters.map(({ reason, origin }) => [reason, origin.seq, origin.index])).toEqual([["id_conflict", 2, 1]])
    await booksClose()
  })

  it("decision 5: a decision that throws behind a commit in flight is set aside alone", async () => {
    await twoBatches(
      [adding("a", "acc-p0-x", 1)],
      [adding("b", "acc-p0-x", 2), adding("bad", "acc-p0-x", UNLUCKY), adding("c", "acc-p0-x", 4)],
    )
    open()
    await totals({ "acc-p0-x": 7 })
    const letters = (await bench.deadLetters([0])).map(({ payload }) => JSON.parse(payload) as DeadLetter)
    expect(letters.map(({ reason, origin }) => [reason, origin.seq, origin.index])).toEqual([["defect", 2, 1]])
    await booksClose()
  })

  it("I5 a partition lost while both batches are on their way gets nothing of them, the other one all", async () => {
    const first = announced().generation
    await twoBatches([adding("a", "acc-p0-x", 1)], [adding("b", "acc-p0-x", 2)])
    bench.messages(first, [3, [adding("c", "acc-p1-y", 4)]])
    other
      .prepare("UPDATE partition SET owner = 'other', epoch = epoch + 1, lease_until = ? WHERE id = 0")
      .run(Date.now() + 60_000)
    open()
    const left = await bench.hears("owned", ({ generation }) => generation > first)
    expect(left.partitions).toEqual([1])
    bench.messages(left.generation, [3, [adding("c", "acc-p1-y", 4)]])
    await totals({ "acc-p1-y": 4 })
    await booksClose()
  })

  it("I3 when the database fails, both batches are read again from its cursor", async () => {
    const first = announced().generation
    await twoBatches([adding("a", "acc-p0-x", 1)], [adding("b", "acc-p0-x", 2)])
    open(Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR" }))
    const again = await bench.hears("owned", ({ generation }) => generation > first)
    expect(again.cursor).toBeLessThan(1)
    bench.messages(again.generation, [1, [adding("a", "acc-p0-x", 1)]], [2, [adding("b", "acc-p0-x", 2)]])
    await totals({ "acc-p0-x": 3 })
    await booksClose()
  })
})
