import { decodeUsageEvent } from "@credits/contracts"
import { describe, expect, it } from "vitest"
import { Produced, tokensOfUsage } from "./produced.ts"
import { type CallRecord, isNothing, usageEvent } from "./usage.ts"

const delta = (content: string) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })

const call: CallRecord = {
  requestId: "req_1",
  account: "acc_1",
  mode: "hosted",
  provider: "openai",
  model: "gpt-4o",
  startedAt: 1_767_225_600_000,
  holdId: "hold_1",
  inputTokensFair: 12,
}

describe("what an answer produced", () => {
  it("R7.2 is read from OpenAI's usage, whose counts are inclusive", () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 40,
      prompt_tokens_details: { cached_tokens: 60 },
      completion_tokens_details: { reasoning_tokens: 30 },
    }
    const counts = { convention: "inclusive", input: 100, output: 40, cacheRead: 60, reasoning: 30 }
    expect(tokensOfUsage(usage)).toMatchObject(counts)
    expect(tokensOfUsage({ ...usage, prompt_tokens_details: { cached_tokens: 900 } })).toMatchObject({ cacheRead: 100 })
    for (const none of [undefined, null, {}, { completion_tokens: 3 }]) expect(tokensOfUsage(none)).toBeNull()
  })

  it("R6.3 is counted by its chunks or its bytes, whichever is more, where no usage says it", () => {
    const byChunk = new Produced()
    for (let i = 0; i < 10; i++) byChunk.add(delta("a"))
    expect(byChunk.tokens).toBe(10)
    const byBytes = new Produced()
    byBytes.add(delta("x".repeat(400)))
    expect(byBytes.tokens).toBe(100)
    const silent = new Produced()
    silent.add({ choices: [{ delta: { role: "assistant", content: "" } }] })
    silent.add({ choices: [] })
    silent.add("nonsense")
    expect(silent.tokens).toBe(0)
    const tools = new Produced()
    tools.add({ choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: '{"city":"Vienna"}' } }] } }] })
    expect(tools.tokens).toBeGreaterThan(0)
  })

  it("R6.3 R6.6 becomes a usage event, the same one for the same end; nothing becomes none", () => {
    const end = { status: "cancelled", usage: null, produced: 7 } as const
    expect(usageEvent(call, end)).toEqual(usageEvent(call, { ...end }))
    expect(decodeUsageEvent(usageEvent(call, end))).toMatchObject({
      id: "usage:req_1",
      holdId: "hold_1",
      status: "cancelled",
      tokens: { convention: "inclusive", input: 12, output: 7 },
      attributes: '{"counted":"by the gateway"}',
    })
    const usage = tokensOfUsage({ prompt_tokens: 9, completion_tokens: 8 })
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    const own = { ...call, mode: "byok", holdId: "", traceparent } as const
    const event = usageEvent(own, { status: "ok", usage, produced: 8 })
    expect(event).toMatchObject({ traceparent, data: { mode: "byok", tokens: { input: 9, output: 8 } } })
    expect(decodeUsageEvent(event)).toMatchObject({ mode: "byok", holdId: "" })
    expect([isNothing({ ...end, produced: 0 }), isNothing(end)]).toEqual([true, false])
  })
})
