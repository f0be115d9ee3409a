import { decodeFromCompressedBase64 } from "hdr-histogram-js"
import { assert, describe, it } from "vitest"
import { closedLoop, openLoop, steadySchedule } from "./load.ts"

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe("load", () => {
  it("open loop counts latency from the scheduled instant, so that a stall shows in every call it delays", async () => {
    // The one server answers nothing for 100 ms: calls scheduled meanwhile wait for it although each is quick by
    // itself.
    let stalled = after(100)
    const result = await openLoop({ schedule: steadySchedule(500, 0.3), call: () => stalled.then(() => "ok" as const) })
    stalled = Promise.resolve()
    assert.strictEqual(result.sent, 150)
    assert.strictEqual(result.ok, 150)
    assert.isAbove(result.latency.max, 90)
    assert.isAbove(result.latency.p50, 0.001)
    const merged = decodeFromCompressedBase64(result.histogram)
    assert.strictEqual(merged.totalCount, 150)
  })

  it("open loop drops and counts what it cannot send, and gives up on what is never answered", async () => {
    const never = new Promise<"ok">(() => {})
    const result = await openLoop({
      schedule: steadySchedule(1_000, 0.1),
      call: () => never,
      unansweredMax: 10,
      settleMs: 20,
    })
    assert.strictEqual(result.sent, 10)
    assert.strictEqual(result.dropped, 90)
    assert.strictEqual(result.failed, 10)
  })

  it("closed loop keeps its callers busy and tells refusals and failures apart", async () => {
    const result = await closedLoop({
      callers: 4,
      seconds: 0.2,
      warmupMs: 20,
      call: async (index) => {
        await after(2)
        if (index % 10 === 1) throw new Error("no")
        return index % 10 === 0 ? "refused" : "ok"
      },
    })
    assert.isAbove(result.ok, result.refused * 5)
    assert.isAbove(result.refused, 0)
    assert.isAbove(result.failed, 0)
    assert.strictEqual(result.answered, result.ok + result.refused + result.failed)
  })
})
