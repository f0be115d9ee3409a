/**
 * Goal: whatever becomes of a connection to the database in the middle of a commit, what happened counts once and what
 * did not happen is done again. Method: a real Postgres by a way that breaks at a commit.
 */
import { connectPostgres, type OpenedDatabase } from "@credits/store"
import { findPostgresBinaries, postgresForTests, type TestPostgres } from "@credits/testkit"
import { sql } from "kysely"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { Errand } from "./errand.fixture.ts"
import { wayTo, type Way } from "./network.fixture.ts"
import {
  endOf,
  eventually,
  startErrands,
  startParts,
  storedTexts,
  testClock,
  TOPUPS,
  writeErrandRows,
  type Errands,
  type Parts,
} from "./parts.fixture.ts"

const T0 = 1_000_000
const UNAVAILABLE = { refused: { code: "unavailable" } }
const count = { op: "count", by: 1 } as const

describe.skipIf(findPostgresBinaries() === undefined)("sagas and a network that breaks", () => {
  let parts: Parts
  let postgres: TestPostgres
  let way: Way
  let database: OpenedDatabase<unknown>
  let errands: Errands

  beforeAll(async () => {
    parts = await startParts()
    postgres = (await postgresForTests())!
  })
  beforeEach(async () => {
    way = await wayTo(postgres.url)
    database = await parts.database(way.url)
  })
  afterEach(async () => {
    await errands.stop()
    await database.close()
    await way.stop()
  })
  afterAll(async () => {
    await parts.stop()
    await postgres.stop()
  })

  /** Undefined while there is trouble. */
  const stateOf = (id: string): Promise<Errand | undefined> => errands.state(id).catch(() => undefined)
  it("a connection that breaks between two statements of a commit is an outage and no defect", async () => {
    let isCut = false
    const isBroken = (query: Promise<unknown>): Promise<boolean> =>
      query.then(
        () => false,
        () => true,
      )
    errands = await startErrands(parts, database, testClock(T0), {
      write: async (db, rows) => {
        if (!isCut) {
          isCut = true
          way.cut()
          while (!(await isBroken(sql`select 1`.execute(db))));
        }
        await writeErrandRows(db, rows)
      },
    })
    expect(await errands.ask("a", count, "first")).toMatchObject(UNAVAILABLE)
    expect(await errands.ask("a", count, "first")).toEqual({ ok: "1" })
    expect((await errands.metrics()).defects).toBe(0)
  })

  it("I2 what was committed counts although its answer was lost", async () => {
    errands = await startErrands(parts, database, testClock(T0))
    way.atNextCommit("answer")
    expect(await errands.ask("b", count, "first")).toMatchObject(UNAVAILABLE)
    expect(await errands.ask("b", count, "second")).toEqual({ ok: "2" })
    expect(await errands.ask("b", count, "first")).toEqual({ ok: "1" })
    expect((await errands.state("b")).count).toBe(2n)
  })

  it("I2 a commit that ends only after its connection broke is not decided over", async () => {
    errands = await startErrands(parts, database, testClock(T0))
    const wait = sql`create function wait() returns trigger language plpgsql
      as 'begin perform pg_advisory_xact_lock(7); return null; end'`
    await wait.execute(database.kysely)
    await sql`create constraint trigger wait after insert on errand_row deferrable initially deferred
      for each row execute function wait()`.execute(database.kysely)
    const holder = await connectPostgres(postgres.url)
    const waiting = (count: number) =>
      eventually(async () => {
        const { rows } = await holder.query<{ waiting: bigint }>(
          "select count(*) as waiting from pg_locks where not granted",
        )
        return rows[0]!.waiting >= count ? true : undefined
      }, `${count} wait`)
    await holder.query("select pg_advisory_lock(7)")
    const first = errands.ask("c", count, "first")
    await waiting(1)
    way.cut()
    expect(await first).toMatchObject(UNAVAILABLE)
    const second = errands.ask("c", count, "second")
    await waiting(2)
    await holder.end()
    expect(await second).toEqual({ ok: "2" })
    expect(await errands.ask("c", count, "first")).toEqual({ ok: "1" })
  })

  it("I3 a step of a commit whose answer was lost is begun", async () => {
    errands = await startErrands(parts, database, testClock(T0))
    way.atNextCommit("answer")
    expect(await errands.ask("d", { op: "go" }, "go")).toMatchObject(UNAVAILABLE)
    await eventually(async () => (await stateOf("d"))?.phase === "back" || undefined, "it is back")
    expect(errands.performed).toEqual(["d:1"])
  })

  it("I3 a fact of a commit whose answer was lost is published, and so is each that follows", async () => {
    errands = await startErrands(parts, database, testClock(T0))
    const from = (await endOf(parts.bus, TOPUPS)) + 1
    const published = (...counts: ReadonlyArray<string>) =>
      eventually(async () => {
        const facts = (await storedTexts(parts.bus, TOPUPS, from)).map((text) => JSON.parse(text) as { count: string })
        return facts.map((fact) => fact.count).join() === counts.join() ? true : undefined
      }, `${counts.join()} are published`)
    way.atNextCommit("answer")
    expect(await errands.ask("e", count, "first")).toMatchObject(UNAVAILABLE)
    await published("1")
    await errands.ask("e", count, "second")
    await published("1", "2")
    await errands.ask("e", count, "third")
    await published("1", "2", "3")
    expect((await errands.status()).outboxPending).toBe(0)
  })

  it("a connection that only we know to be broken holds nobody up for long", async () => {
    errands = await startErrands(parts, database, testClock(T0))
    way.atNextCommit("half")
    expect(await errands.ask("f", count, "first")).toMatchObject(UNAVAILABLE)
    expect(await errands.ask("f", count, "second")).toEqual({ ok: "1" })
  })
})
