import { readPriceBook } from "@credits/pricebook"
import { decodeUsageEvent } from "@credits/contracts"
import { describe, expect, it } from "vitest"
import { usageOfForeign } from "./foreign-usage.ts"

const price = { provider: "openai", enabled: true, input: "1", output: "2" }
const read = readPriceBook({
  version: "b",
  effectiveAt: "2020-01-01T00:00:00Z",
  source: "test",
  models: [{ id: "gpt-4o", aliases: ["gpt-4o-latest"], ...price }],
})
const book = "ok" in read ? read.ok : null!

const foreign = (data: object, change: object = {}) => ({
  specversion: "1.0",
  type: "llm",
  id: "e1",
  source: "somebody",
  subject: "acc_1",
  time: "2026-01-02T03:04:05+02:00",
  data: { model: "gpt-4o", ...data },
  ...change,
})

const both = { prompt_tokens: 10, completion_tokens: 5 }

/** As pricing will see it. */
const taken = (value: unknown) => {
  const mapped = usageOfForeign(value, book)
  if ("detail" in mapped) return mapped
  return decodeUsageEvent(mapped.event)
}

describe("usage of others", () => {
  it.each([
    ["OpenAI's names", both, { input: 10, output: 5 }],
    ["OpenTelemetry's names", { input_tokens: 10, output_tokens: 5 }, { input: 10, output: 5 }],
    ["numbers as text", { prompt_tokens: "10", completion_tokens: "5" }, { input: 10, output: 5 }],
    ["input alone", { tokens: 10, type: "input" }, { input: 10, output: 0 }],
    ["output alone", { tokens: "5", type: "output" }, { input: 0, output: 5 }],
    ["cached", { ...both, prompt_tokens_details: { cached_tokens: 4 } }, { input: 10, cacheRead: 4 }],
    ["cached, flat", { ...both, cache_read_input_tokens: 4 }, { input: 10, cacheRead: 4 }],
    ["reasoning", { ...both, completion_tokens_details: { reasoning_tokens: 3 } }, { output: 5, reasoning: 3 }],
    ["a total that fits, and a null", { ...both, total_tokens: 15, cached_tokens: null }, { input: 10, output: 5 }],
  ])("R7.2 reads %s, inclusively", (_, data, tokens) => {
    expect(taken(foreign(data))).toMatchObject({ tokens: { convention: "inclusive", ...tokens } })
  })

  it.each([
    ["gpt-4o", "gpt-4o", "openai"],
    ["gpt-4o-latest", "gpt-4o-latest", "openai"],
    ["azure/gpt-4o", "gpt-4o", "azure"],
    ["openrouter/openai/gpt-4o", "gpt-4o", "openrouter"],
    ["vendor/unheard-of", "vendor/unheard-of", "vendor"],
    ["unheard-of", "unheard-of", "unknown"],
  ])("model %s is %s of %s", (name, model, provider) => {
    expect(taken(foreign({ ...both, model: name }))).toMatchObject({ model, provider })
  })

  it("R7.3 the sender's cost is not looked at, and an instant without an offset is UTC", () => {
    const event = taken(foreign({ ...both, cost: 99 }, { time: "2026-01-02T03:04:05.678901" }))
    expect(event).toMatchObject({ time: Date.parse("2026-01-02T03:04:05.678Z"), requestId: "e1", mode: "hosted" })
  })

  it("an event of our own type stays as it is", () => {
    const ours = { type: "ai.usage.v1", anything: 1 }
    expect(usageOfForeign(ours, book)).toEqual({ event: ours })
  })

  it.each([
    ["no object", 7, ""],
    ["another version", foreign(both, { specversion: "0.3" }), "specversion"],
    ["no type", foreign(both, { type: undefined }), "type"],
    ["no id", foreign(both, { id: null }), "id"],
    ["a user that is no account", foreign(both, { subject: "42" }), "subject"],
    ["no time", foreign(both, { time: undefined }), "time"],
    ["no data", foreign({}, { data: "x" }), "data"],
    ["no model", foreign({ ...both, model: null }), "data.model"],
    ["no tokens", foreign({}), "data"],
    ["half a token", foreign({ prompt_tokens: 1.5 }), "data.prompt_tokens"],
    ["tokens that nobody knows the direction of", foreign({ tokens: 5 }), "data.type"],
    ["a total that is no sum", foreign({ ...both, total_tokens: 16 }), "data.total_tokens"],
  ])("R7.2 %s is refused by name", (_, value, field) => {
    expect(taken(value)).toMatchObject({ field })
  })
})
