import type { ControlAnswer } from "@credits/contracts"
import { describe, expect, it } from "vitest"
import { advanceClock, type ClockWorld, ClockStuck } from "./business-clock.ts"

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
  onRun: (owner: string, at: number) => void = () => undefined
  deaf = false

  ask(owner: string, request: { op: string; now?: number; run?: boolean }): Promise<ControlAnswer> {
    const now = request.now ?? -1
    const due = this.due[owner]!
    while (!this.deaf && due.length > 0 && due[0]! <= now) {
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
  it("runs all due work in order at its own instant, then time runs on from the end", async () => {
    const world = new Script()
    world.due["ledger"]!.push(100, 300, 2000)
    world.due["pricing"]!.push(200, 300)
    expect(await advanceClock(world, 0, 1000)).toBe(4)
    expect(world.log).toEqual([
      "ledger ran 100 at 100",
      "pricing ran 200 at 200",
      "ledger ran 300 at 300",
      "pricing ran 300 at 300",
    ])
    expect(world.frozen).toEqual([0, 100, 200, 300, 1000])
    expect(world.runsOnFrom).toBe(1000)
  })

  it("work that due work makes is run at its own instant too, not at the end", async () => {
    const world = new Script()
    world.due["ledger"]!.push(100)
    world.onRun = (owner, at) => {
      if (owner === "ledger" && at === 100) world.due["pricing"]!.push(150)
    }
    await advanceClock(world, 0, 1000)
    expect(world.log).toEqual(["ledger ran 100 at 100", "pricing ran 150 at 150"])
  })

  it("does not step on while a stream is not read to its end", async () => {
    const world = new Script()
    world.due["ledger"]!.push(100, 200)
    world.onRun = (_, at) => {
      if (at !== 100) return
      world.end += 5
      world.unread += 5
    }
    const unreadAtStep: Array<number> = []
    world.freezeAt = (at) => {
      world.frozen.push(at)
      unreadAtStep.push(world.unread)
      return Promise.resolve()
    }
    await advanceClock(world, 0, 300)
    expect(unreadAtStep).toEqual([0, 0, 0, 0])
  })

  it("an owner that leaves due work undone stops the advance, and time runs on from where it stood", async () => {
    const world = new Script()
    world.deaf = true
    world.due["ledger"]!.push(100)
    await expect(advanceClock(world, 0, 1000)).rejects.toThrow(ClockStuck)
    expect(world.runsOnFrom).toBe(100)
  })

  it("an owner that does not come to rest stops the advance after its deadline", async () => {
    const world = new Script()
    const ask = world.ask.bind(world)
    let n = 0
    world.ask = async (owner, request) => ({ ...(await ask(owner, request)), ran: n++ })
    await expect(advanceClock(world, 0, 1000)).rejects.toThrow(/no quiet/)
    expect(world.runsOnFrom).toBe(0)
  })

  it("an advance of nothing runs what is due now", async () => {
    const world = new Script()
    world.due["ledger"]!.push(5)
    expect(await advanceClock(world, 10, 10)).toBe(1)
    expect(world.log).toEqual(["ledger ran 5 at 10"])
  })
})
