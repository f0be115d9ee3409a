import type { ControlAnswer } from "@credits/contracts"
import { describe, expect, it } from "vitest"
import * as fc from "fast-check"
import { advanceClock, type ClockWorld, ClockStuck, WINDOW_MS, windowEnd } from "./business-clock.ts"

const DAY = 86_400_000
const HOUR = 3_600_000

/** A scripted world: two owners with due work; work of one may make work for the other through a stream. */
class Script implements ClockWorld {
  readonly owners = ["ledger", "pricing"]
  readonly due: Record<string, Array<number>> = { ledger: [], pricing: [] }
  readonly log: Array<string> = []
  frozen: Array<number> = []
  runsOnFrom: number | null = null
  /** Messages that the ledger has not read yet; it reads one a look. */
  unread = 0
  end = 0
  time = 0
  ran: Record<string, number> = { ledger: 0, pricing: 0 }
  /** The instant that each owner knows of. */
  told: Record<string, number> = { ledger: -1, pricing: -1 }
  onRun: (owner: string, at: number) => void = () => undefined
  deaf = false

  ask(owner: string, request: { op: string; now?: number; run?: boolean }): Promise<ControlAnswer> {
    const now = request.now ?? -1
    const due = this.due[owner]!
    if (request.op === "clock") this.told[owner] = now
    while (request.run === true && !this.deaf && due.length > 0 && due[0]! <= now) {
      const at = due.shift()!
      this.ran[owner]! += 1
      this.log.push(`${owner} ran ${at} at ${now}`)
      this.onRun(owner, at)
    }
    const cursor = this.end - this.unread
    if (owner === "ledger" && this.unread > 0) this.unread -= 1
    return Promise.resolve({
      service: owner,
      ready: true,
      now,
      nextDue: due[0] ?? null,
      ran: this.ran[owner]!,
      cursors: owner === "ledger" ? { LEDGER_COMMANDS: cursor } : {},
      outboxPending: 0,
      openRequests: 0,
      detail: {},
    })
  }
  streamEnd = () => Promise.resolve(this.end)
  freezeAt = (at: number): Promise<void> => {
    this.frozen.push(at)
    return Promise.resolve()
  }
  runOnFrom = (at: number) => Promise.resolve(void (this.runsOnFrom = at))
  pause = (ms: number) => Promise.resolve(void (this.time += ms))
  elapsed = () => this.time
}

describe("R12.1 advancing the business clock (decision 16)", () => {
  it("runs all due work, each step up to a minute of it, then time runs on from the end", async () => {
    const world = new Script()
    world.due["ledger"]!.push(HOUR, 3 * HOUR, 20 * HOUR)
    world.due["pricing"]!.push(2 * HOUR, 3 * HOUR + 1)
    expect(await advanceClock(world, 0, 10 * HOUR)).toBe(4)
    expect(world.log).toEqual([
      `ledger ran ${HOUR} at ${HOUR + WINDOW_MS}`,
      `pricing ran ${2 * HOUR} at ${2 * HOUR + WINDOW_MS}`,
      `ledger ran ${3 * HOUR} at ${3 * HOUR + WINDOW_MS}`,
      `pricing ran ${3 * HOUR + 1} at ${3 * HOUR + WINDOW_MS}`,
    ])
    expect(world.frozen).toEqual([0, ...[1, 2, 3].map((n) => n * HOUR + WINDOW_MS), 10 * HOUR])
    expect(world.runsOnFrom).toBe(10 * HOUR)
  })

  it("work that due work makes is run in its own step, not at the end", async () => {
    const world = new Script()
    world.due["ledger"]!.push(HOUR)
    world.onRun = (owner, at) => {
      if (owner === "ledger" && at === HOUR) world.due["pricing"]!.push(2 * HOUR)
    }
    await advanceClock(world, 0, 9 * HOUR)
    expect(world.log).toEqual([
      `ledger ran ${HOUR} at ${HOUR + WINDOW_MS}`,
      `pricing ran ${2 * HOUR} at ${2 * HOUR + WINDOW_MS}`,
    ])
  })

  it("everybody knows the instant before anybody's work of it runs: that work may ask any of them", async () => {
    const world = new Script()
    world.due["ledger"]!.push(HOUR, DAY)
    world.due["pricing"]!.push(2 * HOUR, DAY + 1)
    const told: Array<ReadonlyArray<number>> = []
    world.onRun = () => told.push(Object.values(world.told))
    await advanceClock(world, 0, 2 * DAY)
    expect(told).toEqual([HOUR, 2 * HOUR, DAY, DAY].map((at) => [at + WINDOW_MS, at + WINDOW_MS]))
  })

  it("a window never holds a midnight, nor goes beyond the end of the advance", async () => {
    expect(windowEnd(DAY - 10)).toBe(DAY - 1)
    expect(windowEnd(DAY)).toBe(DAY + WINDOW_MS)
    const world = new Script()
    world.due["ledger"]!.push(DAY - 10, DAY, 2 * DAY)
    await advanceClock(world, 0, 2 * DAY + 5)
    expect(world.frozen).toEqual([0, DAY - 1, DAY + WINDOW_MS, 2 * DAY + 5])
  })

  it("whatever falls due: everything runs once, never before its instant nor a minute after it", async () => {
    const instants = fc.array(fc.integer({ min: 0, max: 3 * DAY }), { maxLength: 40 })
    const property = fc.asyncProperty(instants, instants, async (ledger, pricing) => {
      const world = new Script()
      world.due["ledger"]!.push(...ledger.toSorted((a, b) => a - b))
      world.due["pricing"]!.push(...pricing.toSorted((a, b) => a - b))
      const within = [...ledger, ...pricing].filter((at) => at <= 2 * DAY)
      expect(await advanceClock(world, 0, 2 * DAY)).toBe(within.length)
      const runs = world.log.map((line) => line.match(/\d+/g)!.map(Number))
      for (const [at, now] of runs) {
        expect(now).toBeGreaterThanOrEqual(at!)
        expect(now! - at!).toBeLessThanOrEqual(WINDOW_MS)
        expect(Math.floor(now! / DAY)).toBe(Math.floor(at! / DAY))
      }
      expect(world.frozen).toEqual(world.frozen.toSorted((a, b) => a - b))
    })
    await fc.assert(property, { numRuns: 200 })
  })

  it("does not step on while a stream is not read to its end", async () => {
    const world = new Script()
    world.due["ledger"]!.push(HOUR, 2 * HOUR)
    world.onRun = (_, at) => {
      if (at !== HOUR) return
      world.end += 5
      world.unread += 5
    }
    const unreadAtStep: Array<number> = []
    world.freezeAt = (at) => {
      world.frozen.push(at)
      unreadAtStep.push(world.unread)
      return Promise.resolve()
    }
    await advanceClock(world, 0, 3 * HOUR)
    expect(unreadAtStep).toEqual([0, 0, 0, 0])
  })

  it("an owner that leaves due work undone stops the advance, and time runs on from where it stood", async () => {
    const world = new Script()
    world.deaf = true
    world.due["ledger"]!.push(HOUR)
    await expect(advanceClock(world, 0, 9 * HOUR)).rejects.toThrow(ClockStuck)
    expect(world.runsOnFrom).toBe(HOUR + WINDOW_MS)
  })

  it("an owner that hangs with something open stops the advance after its deadline", async () => {
    const world = new Script()
    const ask = world.ask.bind(world)
    world.ask = async (owner, request) => ({ ...(await ask(owner, request)), openRequests: 1 })
    await expect(advanceClock(world, 0, 1000)).rejects.toThrow(/no quiet/)
    expect(world.runsOnFrom).toBe(0)
  })

  it("a long night is waited for as long as something moves", async () => {
    const world = new Script()
    const ask = world.ask.bind(world)
    let left = 20_000
    world.ask = async (owner, request) => {
      const answer = await ask(owner, request)
      return { ...answer, openRequests: left > 0 ? left-- : 0 }
    }
    await advanceClock(world, 0, HOUR)
    expect(world.time).toBeGreaterThan(30_000)
  })

  it("an advance of nothing runs what is due now", async () => {
    const world = new Script()
    world.due["ledger"]!.push(5)
    expect(await advanceClock(world, 10, 10)).toBe(1)
    expect(world.log).toEqual(["ledger ran 5 at 10"])
  })
})
