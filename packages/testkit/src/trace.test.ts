import { assert, describe, it } from "vitest"
import { generateTrace, parseTrace, TraceUnreadable } from "./trace.ts"

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

describe("trace", () => {
  it("reads the Azure format, with seven digits of a second, in order of time", () => {
    const calls = parseTrace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n" +
        "2023-11-16 18:15:50.9951690,396,109\r\n2023-11-16 18:15:46.6805900,374,44\n",
    )
    assert.deepEqual(calls, [
      { atMs: 0, inputTokens: 374, outputTokens: 44 },
      { atMs: 4315, inputTokens: 396, outputTokens: 109 },
    ])
  })

  it("names the line it cannot read", () => {
    const bad = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,-4\n"
    assert.throws(() => parseTrace(bad), TraceUnreadable, "line 2")
    assert.throws(() => parseTrace("a,b,c\n"), TraceUnreadable, "line 1")
  })

  it("generates calls of the shape of production traffic, the same for the same seed", () => {
    const calls = generateTrace({ calls: 20_000, seed: 7 })
    assert.deepEqual(calls.slice(0, 50), generateTrace({ calls: 50, seed: 7 }))
    assert.notDeepEqual(calls.slice(0, 50), generateTrace({ calls: 50, seed: 8 }))
    assert.closeTo(median(calls.map((call) => call.inputTokens)), 760, 60)
    assert.closeTo(median(calls.map((call) => call.outputTokens)), 135, 30)
    assert.closeTo(calls.at(-1)!.atMs / 20_000, 200, 40)
    const perSecond = new Map<number, number>()
    for (const call of calls) {
      const second = Math.floor(call.atMs / 1000)
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
    }
    assert.isAbove(Math.max(...perSecond.values()), 12) // bursts: more than twice the mean of 5.5
  })
})
