import { MESSAGE_BYTES_MAX, USAGE_EVENTS_PER_MESSAGE_MAX } from "@credits/contracts"
import { describe, expect, it } from "vitest"
import { packEvents, takeUsage } from "./usage-intake.ts"
import { usageEvent } from "./edge.fixture.ts"

describe("usage over HTTP", () => {
  it("C12 the good events of a batch count, the bad ones are named with their reason", () => {
    const taken = takeUsage([
      usageEvent({ id: "e1" }),
      { ...usageEvent({ id: "e2" }), surprise: 1 },
      usageEvent({ id: "e3" }, { tokens: { convention: "inclusive", input: -1, output: 1 } }),
      usageEvent({ id: "e4" }, { tokens: { convention: "inclusive", input: 5, output: 1, cacheRead: 6 } }),
      usageEvent({ id: "e5" }, { tokens: { convention: "inclusive", input: 1e12, output: 1 } }),
      usageEvent({ id: "e6" }, { attributes: { note: "a\0b" } }),
      usageEvent({ id: "e7" }, { attributes: { note: "x".repeat(5000) } }),
      null,
      "text",
      usageEvent({ id: "e8" }),
    ])
    expect(taken.accepted).toBe(2)
    expect(taken.rejected.map(({ id, code }) => [id, code])).toEqual([
      ["e2", "unknown_field"],
      ["e3", "invalid_field"],
      ["e4", "wrong_sum"],
      ["e5", "invalid_field"],
      ["e6", "invalid_field"],
      ["e7", "too_large"],
      ["#7", "malformed"],
      ["#8", "malformed"],
    ])
    const sent = taken.messages.flatMap((message) => JSON.parse(message) as Array<{ id: string }>)
    expect(sent.map((event) => event.id)).toEqual(["e1", "e8"])
  })

  it("one event without an array is structured mode", () => {
    expect(takeUsage(usageEvent({ id: "one" }))).toMatchObject({ accepted: 1, rejected: [] })
  })

  it("messages keep to their limits and lose nothing", () => {
    const texts = Array.from({ length: 1201 }, (_, i) =>
      JSON.stringify({ i, pad: "x".repeat(i % 2 === 0 ? 10 : 1500) }),
    )
    const messages = packEvents(texts)
    for (const message of messages) {
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
      expect((JSON.parse(message) as Array<unknown>).length).toBeLessThanOrEqual(USAGE_EVENTS_PER_MESSAGE_MAX)
    }
    expect(messages.flatMap((message) => JSON.parse(message) as Array<{ i: number }>).map(({ i }) => i)).toEqual(
      texts.map((_, i) => i),
    )
  })
})
