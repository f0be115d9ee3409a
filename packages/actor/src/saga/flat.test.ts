/**
 * Very many actors at once: 100,000 due at one instant, 100,000 with a step under way when the process starts.
 * Everything runs, and memory does not grow with their number.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { OpenedDatabase } from "@credits/store"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { errandMachine, type Errand } from "./errand.fixture.ts"
import { startErrands, startParts, testClock, type Errands, type Parts } from "./parts.fixture.ts"

const T0 = 1_000_000
const ACTORS = 100_000
const LONG_MS = 300_000
/** The states alone, all in memory, would be 100 MB and more. */
const GROWTH_MAX_BYTES = 40 * 1024 * 1024

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void
const heapNow = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

let parts: Parts
let database: OpenedDatabase<unknown>
let errands: Errands
beforeAll(async () => {
  parts = await startParts()
})
afterAll(() => parts.stop())
beforeEach(async () => {
  database = await parts.database()
})
afterEach(async () => {
  await errands.stop()
  await database.close()
})

/** Rows as commits would have left them. */
const fill = (actors: number, stateOf: (state: Errand) => Errand): void => {
  const insert = database.sqlite!.prepare("insert into saga values ('errand', ?, 1, 1, ?, ?, ?, ?, ?)")
  database.sqlite!.exec("begin")
  for (let i = 0; i < actors; i++) {
    const state = stateOf({ ...errandMachine.initial(`a${i}`), log: ["a".repeat(300)] })
    const busy = errandMachine.steps(state).length > 0 ? 1 : 0
    const phases = JSON.stringify(errandMachine.phases(state))
    insert.run(state.id, T0, errandMachine.nextDue(state), busy, phases, errandMachine.encode(state))
  }
  database.sqlite!.exec("commit")
}

/** The most that the heap grew until `isOver`, looked at often. */
const growthUntil = async (before: number, isOver: () => Promise<boolean>, what: string): Promise<number> => {
  let most = 0
  const until = performance.now() + LONG_MS
  while (!(await isOver())) {
    most = Math.max(most, heapNow() - before)
    if (performance.now() > until) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return most
}

describe("sagas with very many actors", () => {
  it(
    "100,000 due at one instant run all, in flat memory",
    async () => {
      fill(ACTORS, (state) => ({ ...state, appointments: [T0 + 1] }))
      const clock = testClock(T0)
      errands = await startErrands(parts, database, clock)
      const before = heapNow()
      clock.freeze(T0 + 1)
      let isOver = false
      const running = (async () => {
        await errands.runDue(T0 + 1)
        isOver = true
      })()
      const growth = await growthUntil(before, async () => isOver, "all due work has run")
      await running
      expect((await errands.status()).nextDue).toBeNull()
      expect((await errands.metrics()).dueRan).toBe(ACTORS)
      expect(growth).toBeLessThan(GROWTH_MAX_BYTES)
    },
    LONG_MS,
  )

  const away = (state: Errand): Errand => ({
    ...state,
    phase: "away",
    errands: 1,
    away: [{ number: 1, kind: Number(state.id.slice(1)) % 10 === 0 ? "fly" : "fetch" }],
  })

  it(
    "100,000 steps of one kind that nobody can do now stay in their rows, and other kinds go on",
    async () => {
      fill(ACTORS, away)
      const before = heapNow()
      let flown = 0
      errands = await startErrands(parts, database, testClock(T0), {
        perform: async ({ kind }) => {
          if (kind === "fetch") throw new Error("nobody there")
          flown++
          return "wings"
        },
      })
      const growth = await growthUntil(before, async () => flown >= 2_500, "many have flown")
      expect((await errands.status()).openRequests).toBeGreaterThan(1_000)
      expect(growth).toBeLessThan(GROWTH_MAX_BYTES)
    },
    LONG_MS,
  )

  it(
    "more steps than fit into memory are all done after a restart, each once",
    async () => {
      fill(8_000, away)
      const done: Array<string> = []
      errands = await startErrands(parts, database, testClock(T0), {
        concurrency: { fetch: 200 },
        perform: async ({ id }) => {
          done.push(id)
          return "bread"
        },
      })
      const isOver = async (): Promise<boolean> => (await errands.status()).openRequests === 0
      await growthUntil(0, isOver, "all steps are done and decided")
      expect(new Set(done).size).toBe(8_000)
      expect(done).toHaveLength(8_000)
      expect((await errands.metrics()).phases).toEqual({ errand: { away: 0, back: 8_000 } })
      expect(database.sqlite!.prepare("select count(*) from saga where busy = 1").pluck().get()).toBe(0)
    },
    LONG_MS,
  )
})
