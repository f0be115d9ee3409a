/** Goal: a row is under way once, within bounds, and a stop waits for what was begun. Method: rows in a list. */
import { afterEach, assert, beforeEach, describe, it, vi } from "vitest"
import { Lane } from "./lane.ts"

/** Rows that wait until a test lets them end. */
class Rows {
  waiting: ReadonlyArray<string>
  readonly begun: Array<string> = []
  looks = 0
  /** What was found is told when this resolves. */
  reading: Promise<void> = Promise.resolve()
  readonly #ends = new Map<string, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
  readonly reports: Array<string> = []
  readonly lane: Lane<string>
  signal: AbortSignal | undefined

  constructor(waiting: ReadonlyArray<string>, concurrency: number, ahead = 0) {
    this.waiting = waiting
    this.lane = new Lane<string>({
      name: "rows",
      due: (limit) => {
        this.looks += 1
        const found = this.waiting.slice(0, limit)
        return this.reading.then(() => found)
      },
      keyOf: (row) => row,
      run: (row, stop) => {
        this.begun.push(row)
        this.signal = stop
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        this.#ends.set(row, { resolve, reject })
        return promise
      },
      concurrency,
      ahead,
      everyMs: 1_000,
      report: (_level, text) => void this.reports.push(text),
    })
  }

  /** Recorded: it is due no longer. */
  async sent(row: string): Promise<void> {
    this.waiting = this.waiting.filter((each) => each !== row)
    this.#ends.get(row)!.resolve()
    await settle()
  }

  async notRecorded(row: string): Promise<void> {
    this.#ends.get(row)!.reject(new Error("disk full"))
    await settle()
  }
}

/** A turn that was asked for within a tick of the fake clock comes with the next. */
const settle = () => vi.advanceTimersByTimeAsync(1)

describe("a lane", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it("has so many under way and no more, each once, however often it is woken", async () => {
    const rows = new Rows(["a", "b", "c", "d"], 2)
    rows.lane.start()
    for (let i = 0; i < 5; i++) rows.lane.wake()
    await vi.advanceTimersByTimeAsync(5_000)
    assert.deepStrictEqual(rows.begun, ["a", "b"])
    await rows.sent("a")
    assert.deepStrictEqual(rows.begun, ["a", "b", "c"])
    await rows.sent("c")
    await rows.sent("b")
    await rows.sent("d")
    assert.deepStrictEqual(rows.begun, ["a", "b", "c", "d"])
    assert.strictEqual(rows.lane.underWay, 0)
  })

  it("one that looks ahead begins what it found in order, without another look, and each once", async () => {
    const rows = new Rows(["a", "b", "c", "d", "e"], 2, 2)
    rows.lane.start()
    await settle()
    assert.deepStrictEqual([rows.begun, rows.looks], [["a", "b"], 1])
    await rows.sent("b")
    await rows.sent("c")
    assert.deepStrictEqual([rows.begun, rows.looks], [["a", "b", "c", "d"], 1])
    await rows.sent("a")
    assert.deepStrictEqual([rows.begun, rows.looks], [["a", "b", "c", "d", "e"], 2])
    await rows.sent("d")
    await rows.sent("e")
    await vi.advanceTimersByTimeAsync(5_000)
    assert.deepStrictEqual(rows.begun, ["a", "b", "c", "d", "e"])
  })

  it("what was sent while rows were being read is not sent again for what was read of it", async () => {
    const rows = new Rows(["a"], 2)
    rows.lane.start()
    await settle()
    const { promise: reading, resolve: isRead } = Promise.withResolvers<void>()
    rows.reading = reading
    rows.lane.wake()
    await settle()
    assert.strictEqual(rows.looks, 2)
    await rows.sent("a")
    isRead()
    await vi.advanceTimersByTimeAsync(5_000)
    assert.deepStrictEqual(rows.begun, ["a"])
    assert.isAbove(rows.looks, 2)
  })

  it("what was sent and could not be written down is sent again, but not at once", async () => {
    const rows = new Rows(["a"], 2)
    rows.lane.start()
    await settle()
    await rows.notRecorded("a")
    assert.match(rows.reports[0]!, /a: not recorded, it will be sent again: .*disk full/)
    await vi.advanceTimersByTimeAsync(29_000)
    assert.deepStrictEqual(rows.begun, ["a"])
    await vi.advanceTimersByTimeAsync(2_000)
    assert.deepStrictEqual(rows.begun, ["a", "a"])
  })

  it("stopping tells what is under way, waits for it, and begins nothing more", async () => {
    const rows = new Rows(["a", "b"], 1)
    rows.lane.start()
    await settle()
    let isStopped = false
    const stopping = rows.lane.stop().then(() => (isStopped = true))
    await settle()
    assert.isTrue(rows.signal?.aborted)
    assert.isFalse(isStopped)
    await rows.sent("a")
    await stopping
    await vi.advanceTimersByTimeAsync(60_000)
    assert.deepStrictEqual(rows.begun, ["a"])
  })

  it("leaves everybody else their turn, however many there are and however quick each is", async () => {
    vi.useRealTimers()
    const waiting = new Set(Array.from({ length: 1_000 }, (_, i) => `row ${i}`))
    const lane = new Lane<string>({
      name: "rows",
      due: (limit) => Promise.resolve([...waiting].slice(0, limit)),
      keyOf: (row) => row,
      run: (row) => Promise.resolve(void waiting.delete(row)),
      concurrency: 8,
      ahead: 56,
      everyMs: 1_000,
      report: () => undefined,
    })
    lane.start()
    await new Promise((turn) => setImmediate(turn))
    assert.isAbove(waiting.size, 900)
    while (waiting.size > 0) await new Promise((turn) => setImmediate(turn))
    await lane.stop()
  })
})
