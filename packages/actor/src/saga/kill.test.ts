/**
 * A process of sagas killed with SIGKILL at random moments under load: what was answered is in the database once, every
 * step was done, no fact and no notice is lost, and each actor's order holds (I2, I3, I5).
 */
import { spawn, type ChildProcess } from "node:child_process"
import { join } from "node:path"
import { askOwner, publish } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import { openSqliteFile, type OpenedDatabase } from "@credits/store"
import type BetterSqlite3 from "better-sqlite3"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { errandMachine, type ErrandCommand } from "./errand.fixture.ts"
import { eventually, startParts, storedTexts, TOPUPS, type Parts } from "./parts.fixture.ts"

const PROCESS = join(import.meta.dirname, "errand-process.ts")
const LONG_MS = 120_000

let parts: Parts
let database: OpenedDatabase<unknown>
let done: BetterSqlite3.Database
let child: ChildProcess | undefined

beforeEach(async () => {
  parts = await startParts()
  database = await parts.database()
  done = openSqliteFile(join(parts.dataDir, "done.db"))
  done.exec("create table done (step text primary key)")
})
afterEach(async () => {
  child?.kill("SIGKILL")
  done.close()
  await database.close()
  await parts.stop()
})

const start = async (): Promise<void> => {
  const started = spawn(process.execPath, [PROCESS, parts.server.url, parts.dataDir, database.service], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  child = started
  await new Promise<void>((resolve, reject) => {
    started.stdout.once("data", () => resolve())
    started.once("exit", (code, signal) => reject(new Error(`the process ended with ${signal ?? code}`)))
  })
}
const kill = async (): Promise<void> => {
  const ended = new Promise((resolve) => child!.once("exit", resolve))
  child!.kill("SIGKILL")
  await ended
}

/** Asks until it is answered for good, as the edge would: the same text under the same key. */
const ask = async (id: string, key: string, command: ErrandCommand): Promise<unknown> => {
  const text = JSON.stringify({ id, key, command })
  for (;;) {
    const answer = JSON.parse(await askOwner(parts.bus.connection, "errands.request", text)) as {
      readonly ok?: unknown
    }
    if (answer.ok !== undefined) return answer.ok
  }
}

const stateOf = (id: string) => {
  const row = database.sqlite!.prepare("select state from saga where id = ?").get(id) as { readonly state: string }
  return errandMachine.decode(row.state)
}

describe("sagas killed at any moment", () => {
  it(
    "I2 I3 I5 lose and double nothing: commands, steps, facts, notices, due work",
    async () => {
      await start()
      let isLoading = true
      let answered = 0
      const counts: Array<Array<number>> = []
      const counter = async (n: number): Promise<void> => {
        const seen: Array<number> = []
        counts.push(seen)
        for (let i = 0; isLoading; i++) {
          seen.push(Number(await ask(`count${n % 6}`, `${n}.${i}`, { op: "count", by: 1 })))
          answered++
        }
      }
      const went = new Map<string, number>()
      const goer = async (n: number): Promise<void> => {
        for (let i = 1; isLoading; i++) {
          expect(await ask(`go${n}`, `go${n}.${i}`, { op: "go" })).toBe(`thing ${i}`)
          went.set(`go${n}`, i)
        }
      }
      const told: Array<string> = []
      const teller = async (): Promise<void> => {
        for (let i = 0; isLoading && i < 500; i++) {
          // Over all rounds, not all in the first.
          await eventually(() => (answered >= i * 2 || !isLoading ? true : undefined), "commands are answered")
          await publish(parts.bus.js, SUBJECTS.paymentsFact, JSON.stringify({ id: "told", notice: `n${i}` }))
          told.push(`n${i}`)
        }
      }
      const meetings: Array<number> = []
      const meeter = async (): Promise<void> => {
        for (let i = 0; isLoading && i < 150; i++) {
          const at = Date.now() + 30
          meetings.push(at)
          await ask("meet", `meet${i}`, { op: "meet", at: [at] })
        }
      }
      const load = [
        ...Array.from({ length: 12 }, (_, n) => counter(n)),
        ...Array.from({ length: 6 }, (_, n) => goer(n)),
        teller(),
        meeter(),
      ]
      for (const share of [0.1, 0.9, 0.3, 0.7, 0.5]) {
        const before = answered
        await eventually(() => (answered > before + 100 ? true : undefined), "commands are answered again")
        await new Promise((resolve) => setTimeout(resolve, share * 60))
        await kill()
        await start()
      }
      isLoading = false
      await Promise.all(load)

      // Every answer is one effect, each actor's in order for each caller.
      for (let actor = 0; actor < 6; actor++) {
        const mine = counts.flatMap((seen, n) => (n % 6 === actor ? seen : []))
        expect(mine.toSorted((a, b) => a - b)).toEqual(mine.map((_, i) => i + 1))
        expect(stateOf(`count${actor}`).count).toBe(BigInt(mine.length))
      }
      for (const seen of counts) expect(seen).toEqual(seen.toSorted((a, b) => a - b))

      // Every step was done, and nothing else was.
      const steps = done.prepare("select step from done").pluck().all() as Array<string>
      const expected = [...went].flatMap(([id, last]) => Array.from({ length: last }, (_, i) => `${id}:${i + 1}`))
      expect(steps.toSorted()).toEqual(expected.toSorted())

      // Every notice was heard once, in order.
      await eventually(() => (stateOf("told").heard.length >= told.length ? true : undefined), "all is heard")
      expect(stateOf("told").heard).toEqual(told)

      // Every appointment was kept once, in order, at its instant or, when it was made too late, at once.
      await eventually(() => (stateOf("meet").appointments.length === 0 ? true : undefined), "all are met")
      const kept = stateOf("meet").log.flatMap((line) => (line.startsWith("due@") ? [Number(line.slice(4))] : []))
      expect(kept).toHaveLength(meetings.length)
      expect(kept).toEqual(kept.toSorted((a, b) => a - b))
      for (const [i, at] of kept.entries()) expect(at).toBeGreaterThanOrEqual(meetings[i]!)

      // Every fact is in the stream, in the order of its actor; repeats have the same id.
      await eventually(() => {
        const open = database.sqlite!.prepare("select count(*) from saga_outbox").pluck().get()
        return open === 0 ? true : undefined
      }, "the outbox is empty")
      const ids = new Set<string>()
      const facts = (await storedTexts(parts.bus, TOPUPS))
        .map((text) => JSON.parse(text) as { readonly id: string; readonly account: string; readonly count: string })
        .filter(({ id }) => !ids.has(id) && ids.add(id))
      for (let actor = 0; actor < 6; actor++) {
        const mine = facts.flatMap(({ account, count }) => (account === `count${actor}` ? [Number(count)] : []))
        expect(mine).toEqual(mine.map((_, i) => i + 1))
        expect(mine.length).toBe(Number(stateOf(`count${actor}`).count))
      }
    },
    LONG_MS,
  )
})
