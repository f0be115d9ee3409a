/** What a machine may rely on: its steps, its time, its notices, its rows, its one owner. */
import { publish } from "@credits/bus"
import { STREAMS, SUBJECTS, type DeadLetter } from "@credits/contracts"
import { sql } from "kysely"
import { describe, expect, it } from "vitest"
import { overBothDatabases, T0, type Given } from "./both-databases.fixture.ts"
import { errandMachine } from "./errand.fixture.ts"
import { endOf, eventually, startErrands, storedTexts, TOPUPS, type Errands } from "./parts.fixture.ts"
import type { SagaStream } from "./running.ts"

const DAY = 86_400_000

overBothDatabases("sagas", (given) => {
  let errands: Errands
  const start = async (change?: Parameters<Given["start"]>[0]): Promise<Errands> => {
    errands = await given.start(change)
    return errands
  }
  const logOf = async (id: string): Promise<ReadonlyArray<string>> => (await errands.state(id)).log

  describe("steps", () => {
    it("a step without outcome is tried again until there is one, and reported once an outage", async () => {
      let tries = 0
      await start({
        perform: async () => {
          if (++tries < 4) throw new Error("nobody there")
          return "bread"
        },
      })
      expect(await errands.ask("a", { op: "go" })).toEqual({ ok: "bread" })
      expect(errands.performed).toEqual(["a:1", "a:1", "a:1", "a:1"])
      expect(errands.reports.filter((text) => text.includes("nobody there"))).toHaveLength(1)
      expect((await errands.metrics()).stepRetries).toBe(3)
    })

    it("a step whose outcome changes nothing, or cannot be decided, is tried again", async () => {
      const outcomes = ["again", "throw", "bread"]
      await start({ perform: async () => outcomes.shift()! })
      expect(await errands.ask("a", { op: "go" })).toEqual({ ok: "bread" })
    })

    it("a step that is not named any more is aborted and its outcome dropped", async () => {
      const signals: Array<AbortSignal> = []
      const { promise, resolve } = Promise.withResolvers<string>()
      await start({ perform: (_step, _state, signal) => (signals.push(signal), promise) })
      const waiting = errands.ask("a", { op: "go" }, "", 10_000)
      await eventually(() => signals[0], "the step has begun")
      await errands.ask("a", { op: "stay" })
      expect(signals[0]!.aborted).toBe(true)
      resolve("bread")
      await errands.quiet()
      expect(await errands.state("a")).toMatchObject({ found: [], phase: "free" })
      await errands.stop()
      await waiting
    })

    it("no more than the declared number of one kind are under way; other kinds are not held up", async () => {
      let now = 0
      let most = 0
      const open: Array<() => void> = []
      await start({
        concurrency: { fetch: 3 },
        perform: async (step) => {
          if (step.kind === "fly") return "wings"
          most = Math.max(most, ++now)
          await new Promise<void>((resolve) => open.push(resolve))
          now--
          return "bread"
        },
      })
      const fetched = Array.from({ length: 10 }, (_, i) => errands.ask(`a${i}`, { op: "go" }))
      await eventually(() => open[2], "three are under way")
      expect(await errands.ask("b", { op: "go", kind: "fly" })).toEqual({ ok: "wings" })
      expect(errands.performed.filter((id) => id.startsWith("a"))).toEqual(["a0:1", "a1:1", "a2:1"])
      expect((await errands.status()).openRequests).toBe(10)
      for (let i = 0; i < 10; i++) (await eventually(() => open[i], "the next is under way"))()
      await Promise.all(fetched)
      expect(most).toBe(3)
    })

    it("what was under way is begun again by the next owner", async () => {
      await start({ perform: () => new Promise(() => undefined) })
      for (const id of ["a", "b", "c"]) void errands.ask(id, { op: "go" })
      await eventually(() => errands.performed[2], "three are under way")
      await errands.stop()
      await start()
      await errands.quiet()
      for (const id of ["a", "b", "c"]) expect(await errands.state(id)).toMatchObject({ found: ["thing 1"] })
    })
  })

  describe("time", () => {
    it("R12.1 due work runs at its own instants, in order, before any command or read sees the actor", async () => {
      await start()
      await errands.ask("a", { op: "meet", at: [T0 + 30, T0 + 10, T0 + 20] })
      given.clock.freeze(T0 + 25)
      expect(await logOf("a")).toEqual([`command@${T0}`, `due@${T0 + 10}`, `due@${T0 + 20}`])
      given.clock.freeze(T0 + 100)
      await errands.ask("a", { op: "count", by: 1 })
      expect((await logOf("a")).slice(-2)).toEqual([`due@${T0 + 30}`, `command@${T0 + 100}`])
    })

    it("falls due by itself while time runs", async () => {
      given.clock.set(T0)
      await start()
      await errands.ask("a", { op: "meet", at: [T0 + 200] })
      await eventually(async () => ((await errands.metrics()).dueRan === 1 ? true : undefined), "it fell due")
      expect(given.clock.now()).toBeGreaterThanOrEqual(T0 + 200)
    })

    it("a clock that is set on runs what fell due meanwhile, without being asked", async () => {
      await start()
      await errands.ask("a", { op: "meet", at: [T0 + DAY] })
      given.clock.set(T0 + 2 * DAY)
      await eventually(async () => ((await errands.metrics()).dueRan === 1 ? true : undefined), "it fell due")
      expect((await logOf("a")).at(-1)).toBe(`due@${T0 + DAY}`)
    })

    it("decision 16 a frozen clock runs nothing by itself: an advance says when", async () => {
      await start()
      await errands.ask("a", { op: "meet", at: [T0 + DAY] })
      given.clock.freeze(T0 + 2 * DAY)
      // Turns of the runtime, for somebody else.
      for (let i = 0; i < 5; i++) await errands.ask("b", { op: "count", by: 1 })
      expect((await errands.metrics()).dueRan).toBe(0)
      expect((await errands.status()).nextDue).toBe(T0 + DAY)
      await errands.runDue(T0 + 2 * DAY)
      expect((await errands.metrics()).dueRan).toBe(1)
    })

    it("a year of due work of an actor runs in order however it is cut into commits", async () => {
      await start()
      const days = Array.from({ length: 365 }, (_, day) => T0 + (day + 1) * DAY)
      await Promise.all(Array.from({ length: 20 }, (_, i) => errands.ask(`a${i}`, { op: "meet", at: days })))
      given.clock.freeze(T0 + 400 * DAY)
      await errands.runDue(T0 + 400 * DAY)
      expect((await errands.metrics()).dueRan).toBe(20 * 365)
      expect((await logOf("a7")).slice(1)).toEqual(days.map((at) => `due@${at}`))
      expect((await errands.status()).nextDue).toBeNull()
    })

    it("decision 11: a clock that goes back does not take an actor's time back", async () => {
      await start()
      await errands.ask("a", { op: "count", by: 1 })
      given.clock.freeze(T0 - DAY)
      await errands.ask("a", { op: "count", by: 1 })
      expect(await logOf("a")).toEqual([`command@${T0}`, `command@${T0}`])
      await errands.stop()
      await start()
      await errands.ask("a", { op: "count", by: 1 })
      expect((await logOf("a")).at(-1)).toBe(`command@${T0}`)
    })

    it("status names the earliest due instant and counts what ran", async () => {
      await start()
      await errands.ask("a", { op: "meet", at: [T0 + 7] })
      await errands.ask("b", { op: "meet", at: [T0 + 5] })
      expect(await errands.status()).toMatchObject({ nextDue: T0 + 5, ran: 0, ready: true, openRequests: 0 })
      given.clock.freeze(T0 + 6)
      await errands.runDue(T0 + 6)
      expect(await errands.status()).toMatchObject({ nextDue: T0 + 7, ran: 1, now: T0 + 6 })
    })
  })

  describe("notices", () => {
    const stream = (from: string): SagaStream<string> => ({
      stream: STREAMS.payments.name,
      filters: [SUBJECTS.paymentsFact],
      route: (text) => {
        const { test, ids, say } = JSON.parse(text) as { test?: string; ids: ReadonlyArray<string>; say: string }
        return test === from ? ids.map((id) => ({ id, notice: say })) : []
      },
    })
    const say = (test: string, say: string, ...ids: ReadonlyArray<string>) =>
      publish(given.parts.bus.js, SUBJECTS.paymentsFact, JSON.stringify({ test, say, ids }))
    const caughtUp = () =>
      eventually(async () => {
        const { cursors } = await errands.status()
        return cursors["PAYMENTS"] === (await endOf(given.parts.bus, "PAYMENTS")) ? true : undefined
      }, "the stream is applied")

    const written = async (): Promise<number> => {
      const places = sql<{ seq: bigint }>`select seq from saga_cursor where stream = 'PAYMENTS'`
      return Number((await given.rowsOf(places))[0]?.seq ?? 0)
    }

    it("tells every actor a message names, in order; the cursor moves with what came of it", async () => {
      const test = `order ${given.dialect}`
      await start({ streams: [stream(test)] })
      await say(test, "one", "a", "b")
      await say(test, "two", "a")
      await caughtUp()
      expect((await errands.state("a")).heard).toEqual(["one", "two"])
      expect((await errands.state("b")).heard).toEqual(["one"])
      await errands.stop()
      await start({ streams: [stream(test)] })
      await say(test, "three", "a")
      await caughtUp()
      expect((await errands.state("a")).heard).toEqual(["one", "two", "three"])
      expect((await errands.metrics()).decisions["notice"]).toBe(1)
    })

    it("what changes nothing has no commit of its own; its place is written soon, and at the end", async () => {
      const test = `nothing ${given.dialect}`
      await start({ streams: [stream(test)] })
      await caughtUp()
      const { commits } = await errands.metrics()
      const began = performance.now()
      for (let i = 0; i < 60; i++) {
        await say("others", "one", "a")
        await caughtUp()
      }
      const tookMs = performance.now() - began
      // Half a second without a place written, a second without a lease renewed.
      const byTime = 2 + Math.ceil(tookMs / 500) + Math.ceil(tookMs / 1_000)
      expect((await errands.metrics()).commits - commits).toBeLessThanOrEqual(byTime)
      const end = await endOf(given.parts.bus, "PAYMENTS")
      await eventually(async () => ((await written()) === end ? true : undefined), "the place is written")
      await say("others", "two", "a")
      await caughtUp()
      await errands.stop()
      expect(await written()).toBe(end + 1)
    })

    it("what changes nothing never keeps its place from being written, however much comes", async () => {
      const test = `same ${given.dialect}`
      await start({ streams: [stream(test)] })
      await say(test, "again", "a")
      await caughtUp()
      const first = await endOf(given.parts.bus, "PAYMENTS")
      await eventually(async () => {
        await say(test, "again", "a")
        return (await written()) > first ? true : undefined
      }, "a place after the first is written while more come")
    })

    it("a message that cannot be read, or not decided, is a dead letter; the cursor moves on", async () => {
      const test = `poison ${given.dialect}`
      await start({ streams: [stream(test)] })
      await caughtUp()
      await errands.quiet()
      const from = (await endOf(given.parts.bus, STREAMS.deadLetters.name)) + 1
      const { malformed = 0 } = (await errands.metrics()).deadLettersByReason
      await publish(given.parts.bus.js, SUBJECTS.paymentsFact, "not json", { "x-a": "1" })
      await publish(given.parts.bus.js, SUBJECTS.paymentsFact, new Uint8Array([0xff, 0xfe]))
      await say(test, "throw", "a")
      await say(test, "good", "a")
      await caughtUp()
      await errands.quiet()
      expect((await errands.state("a")).heard).toEqual(["good"])
      const letters = (await storedTexts(given.parts.bus, STREAMS.deadLetters.name, from))
        .map((text) => JSON.parse(text) as DeadLetter)
        .toSorted((one, other) => one.origin.seq - other.origin.seq)
      expect(letters.map(({ reason, account, payload }) => [reason, account, payload])).toEqual([
        ["malformed", null, "not json"],
        ["malformed", null, "base64://4="],
        ["defect", "a", JSON.stringify({ test, say: "throw", ids: ["a"] })],
      ])
      expect(letters.map(({ headers }) => headers)).toEqual([{ "x-a": "1" }, undefined, undefined])
      expect((await errands.metrics()).deadLettersByReason).toEqual({ malformed: malformed + 2, defect: 1 })
    })

    it("notify tells an actor from inside and resolves after the commit", async () => {
      await start()
      await errands.notify("a", "psst")
      expect((await errands.state("a")).heard).toEqual(["psst"])
      await expect(errands.notify("a", "throw")).rejects.toThrow("on purpose")
    })
  })

  describe("rows", () => {
    it("counts the actors of each phase, also after a restart", async () => {
      await start({ perform: () => new Promise(() => undefined) })
      await errands.ask("a", { op: "count", by: 1 })
      await errands.ask("b", { op: "count", by: 1 })
      void errands.ask("b", { op: "go" })
      await eventually(() => errands.performed[0], "b is away")
      expect((await errands.metrics()).phases).toEqual({ errand: { free: 1, away: 1 } })
      await errands.stop()
      await start({ perform: () => new Promise(() => undefined) })
      expect((await errands.metrics()).phases).toEqual({ errand: { free: 1, away: 1 } })
    })

    it("decision 21: rows of a newer program are refused", async () => {
      await start({ machine: { ...errandMachine, version: 2 } })
      await errands.ask("a", { op: "count", by: 1 })
      await errands.stop()
      await expect(startErrands(given.parts, given.database, given.clock)).rejects.toThrow(
        "a newer program wrote errand in form 2",
      )
    })
  })

  describe("ownership", () => {
    it("I5 a second process waits until the first gives the machine back", async () => {
      const first = await startErrands(given.parts, given.database, given.clock)
      await first.ask("a", { op: "count", by: 1 })
      let isStarted = false
      const second = startErrands(given.parts, given.database, given.clock).then((running) => {
        isStarted = true
        return running
      })
      await first.ask("a", { op: "count", by: 1 })
      expect(isStarted).toBe(false)
      await first.stop()
      errands = await second
      expect(await errands.ask("a", { op: "count", by: 1 })).toEqual({ ok: "3" })
    })

    it("I5 an owner whose epoch is over commits nothing, answers nothing as done, and ends", async () => {
      await start()
      await errands.ask("a", { op: "count", by: 1 })
      await sql`update saga_owner set epoch = epoch + 1`.execute(given.database.kysely)
      const from = (await endOf(given.parts.bus, TOPUPS)) + 1
      expect(await errands.ask("a", { op: "count", by: 1 })).toMatchObject({ refused: { code: "unavailable" } })
      await expect(errands.ended).rejects.toThrow("another process owns errand now")
      expect(await given.rowsOf(sql`select count from errand_row`)).toEqual([{ count: "1" }])
      expect(await endOf(given.parts.bus, TOPUPS)).toBeLessThanOrEqual(from)
      expect(await errands.ask("a", { op: "look" })).toMatchObject({ refused: { code: "unavailable" } })
    })
  })
})
