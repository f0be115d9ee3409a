/**
 * What the saga runtime does when its surroundings fail: a database that goes away, a stream that does not fit, a row
 * nobody can read, an owner that ended without a word.
 */
import { provisionStreams, publish, realClock } from "@credits/bus"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { openSqliteFile } from "@credits/store"
import { findPostgresBinaries, postgresForTests } from "@credits/testkit"
import { sql } from "kysely"
import { hostname } from "node:os"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errandMachine } from "./errand.fixture.ts"
import { endOf, eventually, startErrands, startParts, storedTexts, testClock, TOPUPS } from "./parts.fixture.ts"
import type { Parts } from "./parts.fixture.ts"

const T0 = 1_000_000

let parts: Parts
beforeAll(async () => {
  parts = await startParts()
})
afterAll(() => parts.stop())

describe("sagas in trouble", () => {
  it.skipIf(findPostgresBinaries() === undefined)(
    "I2 I3 a Postgres that crashes under load: commands are refused or right, and everything goes on by itself",
    async () => {
      const postgres = (await postgresForTests())!
      const database = await parts.database(postgres.url)
      const from = (await endOf(parts.bus, TOPUPS)) + 1
      const errands = await startErrands(parts, database, realClock)
      let isLoading = true
      const total = { counted: 0, refused: 0, answered: 0 }
      const caller = async (n: number): Promise<void> => {
        for (let i = 0; isLoading; i++) {
          for (let isDone = false; !isDone;) {
            const answer = await errands.ask(`a${n % 4}`, { op: "count", by: 1 }, `${n}.${i}`)
            isDone = "ok" in answer
            total[isDone ? "answered" : "refused"]++
          }
          total.counted++
          await errands.ask(`g${n}`, { op: "go" })
        }
      }
      const callers = Promise.all(Array.from({ length: 8 }, (_, n) => caller(n)))
      for (let round = 0; round < 2; round++) {
        const before = total.answered
        await eventually(() => (total.answered > before + 20 ? true : undefined), "commands are answered")
        await postgres.kill()
        await postgres.restart()
      }
      const before = total.answered
      await eventually(() => (total.answered > before + 20 ? true : undefined), "commands are answered again")
      isLoading = false
      await callers
      await errands.quiet()
      const states = await Promise.all([0, 1, 2, 3].map((n) => errands.state(`a${n}`)))
      expect(states.reduce((sum, { count }) => sum + count, 0n)).toBe(BigInt(total.counted))
      expect(errands.reports.filter((text) => text.includes("memory is discarded")).length).toBeGreaterThan(0)
      const facts = new Set((await storedTexts(parts.bus, TOPUPS, from)).map((text) => JSON.parse(text).id as string))
      expect(facts.size).toBeGreaterThanOrEqual(total.counted)
      await errands.stop()
      await database.close()
      await postgres.stop()
    },
    60_000,
  )

  it("a file that another process holds is waited for: commands are refused meanwhile, nothing is lost", async () => {
    const held = await parts.database()
    held.sqlite!.pragma("busy_timeout = 50")
    const errands = await startErrands(parts, held, testClock(T0))
    const writer = openSqliteFile(held.file!)
    writer.exec("begin immediate")
    expect(await errands.ask("a", { op: "count", by: 1 }, "k")).toMatchObject({ refused: { code: "unavailable" } })
    expect(await errands.status()).toMatchObject({ ready: false, detail: { trouble: true } })
    const told = errands.notify("a", "psst")
    writer.exec("rollback")
    writer.close()
    await told
    expect(await errands.ask("a", { op: "count", by: 1 }, "k")).toEqual({ ok: "1" })
    expect(await errands.status()).toMatchObject({ ready: true })
    await errands.stop()
    await held.close()
  })

  it("decision 2: another stream of the same name is not read: cursor_gap", async () => {
    const stream = {
      stream: STREAMS.subscriptions.name,
      filters: [SUBJECTS.subscriptionsFact],
      route: (text: string) => [{ id: "a", notice: text }],
    }
    const database = await parts.database()
    const first = await startErrands(parts, database, testClock(T0), { streams: [stream] })
    await publish(parts.bus.js, SUBJECTS.subscriptionsFact, "one")
    await eventually(async () => ((await first.state("a")).heard.length === 1 ? true : undefined), "it is heard")
    await first.stop()
    await parts.bus.jsm.streams.delete(STREAMS.subscriptions.name)
    await provisionStreams(parts.bus)
    await publish(parts.bus.js, SUBJECTS.subscriptionsFact, "two")
    const second = await startErrands(parts, database, testClock(T0), { streams: [stream] })
    const status = await eventually(async () => {
      const now = await second.status()
      return now.detail["cursor_gap"] === undefined ? undefined : now
    }, "the gap shows")
    expect(status).toMatchObject({ ready: false, cursors: { SUBSCRIPTIONS: 1 } })
    expect(status.detail["cursor_gap"]).toMatchObject([{ stream: "SUBSCRIPTIONS", reason: "other_incarnation" }])
    expect((await second.state("a")).heard).toEqual(["one"])
    await second.stop()
    await database.close()
  })

  it("decision 2: of a stream that was purged already a new service that may miss it hears the rest", async () => {
    const stream = {
      stream: STREAMS.subscriptions.name,
      filters: [SUBJECTS.subscriptionsFact],
      route: (text: string) => [{ id: "a", notice: text }],
    }
    await publish(parts.bus.js, SUBJECTS.subscriptionsFact, "purged")
    const { seq } = await publish(parts.bus.js, SUBJECTS.subscriptionsFact, "left")
    await parts.bus.jsm.streams.purge(stream.stream, { seq })
    const strict = await parts.database()
    const gapped = await startErrands(parts, strict, testClock(T0), { streams: [stream] })
    await eventually(async () => (await gapped.status()).detail["cursor_gap"], "who may not miss it stops")
    await gapped.stop()
    await strict.close()
    const database = await parts.database()
    const streams = [{ ...stream, beginsAtFirst: true as const }]
    const teller = await startErrands(parts, database, testClock(T0), { streams })
    await eventually(async () => ((await teller.state("a")).heard.length === 1 ? true : undefined), "it is heard")
    expect((await teller.state("a")).heard).toEqual(["left"])
    expect(await teller.status()).toMatchObject({ ready: true, cursors: { SUBSCRIPTIONS: seq } })
    await teller.stop()
    await database.close()
  })

  it("I3 decision 2: what could not be committed before the service was stopped is heard by the next", async () => {
    const stream = {
      stream: STREAMS.subscriptions.name,
      filters: [SUBJECTS.subscriptionsFact],
      beginsAtFirst: true as const,
      route: (text: string) => [{ id: "a", notice: text }],
    }
    const held = await parts.database()
    held.sqlite!.pragma("busy_timeout = 50")
    const first = await startErrands(parts, held, testClock(T0), { streams: [stream] })
    await first.quiet()
    const writer = openSqliteFile(held.file!)
    writer.exec("begin immediate")
    await publish(parts.bus.js, SUBJECTS.subscriptionsFact, "late")
    await eventually(() => first.reports.find((text) => text.includes("memory is discarded")), "there is trouble")
    const stopped = first.stop()
    writer.exec("rollback")
    writer.close()
    await stopped
    const second = await startErrands(parts, held, testClock(T0), { streams: [stream] })
    await second.quiet()
    expect((await second.state("a")).heard).toContain("late")
    await second.stop()
    await held.close()
  })

  it("decision 5: a message of any size that nobody can read becomes a letter, and facts behind it leave", async () => {
    const stream = {
      stream: STREAMS.subscriptions.name,
      filters: [SUBJECTS.subscriptionsFact],
      route: () => {
        throw new SyntaxError("not a fact")
      },
    }
    const streams = [{ ...stream, beginsAtFirst: true as const }]
    const [letters, facts] = [STREAMS.deadLetters.name, TOPUPS]
    const [lettersFrom, factsFrom] = [(await endOf(parts.bus, letters)) + 1, (await endOf(parts.bus, facts)) + 1]
    const database = await parts.database()
    const errands = await startErrands(parts, database, testClock(T0), { streams })
    // Escaped it is twice as long, and the server takes 1 MiB.
    const { seq } = await publish(parts.bus.js, SUBJECTS.subscriptionsFact, '"'.repeat(600_000))
    await eventually(async () => ((await errands.status()).cursors["SUBSCRIPTIONS"]! >= seq ? true : undefined), "read")
    await errands.ask("a", { op: "count", by: 1 })
    await eventually(async () => ((await endOf(parts.bus, facts)) >= factsFrom ? true : undefined), "the fact left")
    const letter = (await storedTexts(parts.bus, letters, lettersFrom)).map((text) => JSON.parse(text)).at(-1)
    expect(letter).toMatchObject({ reason: "malformed", origin: { seq } })
    expect(letter.payload).toMatch(/^"+… \(600000 characters in all\)$/)
    await errands.stop()
    await database.close()
  })

  it("what the bus refuses for good is told once, as an error, and the status says it", async () => {
    const database = await parts.database()
    const publish = () => ({ subject: SUBJECTS.topupFact, payload: "x".repeat(1_100_000) })
    const errands = await startErrands(parts, database, testClock(T0), { publish })
    await errands.ask("a", { op: "count", by: 1 })
    const refused = await eventually(async () => (await errands.status()).detail["outbox_refused"] ?? undefined, "said")
    expect(refused).toMatch(/refuses topup.*size/)
    const told = () => errands.reports.filter((text) => text.includes("facts are not published"))
    expect(told()).toEqual([expect.stringMatching(/^error /)])
    await errands.stop()
    await database.close()
  })

  it("a row that cannot be read stops its actor only", async () => {
    const database = await parts.database()
    const errands = await startErrands(parts, database, testClock(T0))
    await sql`insert into saga values ('errand', 'broken', 1, 1, 0, ${BigInt(T0)}, 1, '{}', 'not json')`.execute(
      database.kysely,
    )
    const [broken, good] = await Promise.all(["broken", "good"].map((id) => errands.ask(id, { op: "count", by: 1 })))
    expect(broken).toMatchObject({ refused: { code: "unavailable" } })
    expect(good).toEqual({ ok: "1" })
    await errands.runDue(T0)
    await errands.stop()
    const again = await startErrands(parts, database, testClock(T0))
    expect(again.reports.some((text) => text.startsWith("error errand broken: steps"))).toBe(true)
    expect(await again.ask("good", { op: "count", by: 1 })).toEqual({ ok: "2" })
    await again.stop()
    await database.close()
  })

  it("decision 21: rows of an older form are written anew at the start, their due work and steps found", async () => {
    const database = await parts.database()
    const state = { ...errandMachine.initial("old"), appointments: [T0 - 1] }
    const text = errandMachine.encode({ ...state, phase: "away", errands: 1, away: [{ number: 1, kind: "fetch" }] })
    for (let i = 0; i < 1_200; i++) {
      await sql`insert into saga values ('errand', ${`old${i}`}, 1, 1, 0, null, 0, '{}',
        ${text.replaceAll("old", `old${i}`)})`.execute(database.kysely)
    }
    const errands = await startErrands(parts, database, testClock(T0), { machine: { ...errandMachine, version: 2 } })
    await eventually(async () => {
      const { dueRan, phases } = await errands.metrics()
      return dueRan === 1_200 && phases["errand"]?.["back"] === 1_200 ? true : undefined
    }, "all of them were due and went")
    expect((await sql`select 1 from saga where version < 2`.execute(database.kysely)).rows).toEqual([])
    await errands.stop()
    await database.close()
  })
})

describe("the lease of sagas", () => {
  const owned = async (owner: string, leaseUntil: number) => {
    const database = await parts.database()
    await sql`insert into saga_owner values ('errand', ${owner}, 7, ${BigInt(leaseUntil)})`.execute(database.kysely)
    return database
  }

  it("an owner of this machine that has ended is not waited for", async () => {
    // No process has this id: it is above every limit of the kernel.
    const database = await owned(`${hostname()} 99999999 x`, Date.now() + 60_000)
    const errands = await startErrands(parts, database, testClock(T0))
    expect((await errands.status()).detail["epoch"]).toBe(8)
    await errands.stop()
    await database.close()
  })

  it("any other owner is waited for until its lease is over", async () => {
    const database = await owned(`another-machine 1 x`, Date.now() + 700)
    const began = Date.now()
    const errands = await startErrands(parts, database, testClock(T0))
    expect(Date.now()).toBeGreaterThanOrEqual(began + 700)
    await errands.stop()
    await database.close()
  })

  it("whoever stops waiting does not get it", async () => {
    const database = await owned(`another-machine 1 x`, Date.now() + 60_000)
    const stopping = new AbortController()
    const waiting = startErrands(parts, database, testClock(T0), { signal: stopping.signal })
    stopping.abort(new Error("stopped waiting"))
    await expect(waiting).rejects.toThrow("stopped waiting")
    await database.close()
  })
})
