import { decodeUsageEvent } from "@credits/contracts"
import { assert, it } from "vitest"
import { accountNumber, usageEvents } from "./usage-events.ts"

const fields = (at: number) => ({
  account: accountNumber(3),
  model: "gpt-5",
  provider: "openai",
  at,
  inputTokens: 100,
  outputTokens: 10,
  cacheReadTokens: 40,
})

it("makes events that the contract accepts, with ids in order of time or in none", () => {
  for (const ids of ["time-ordered", "random"] as const) {
    const make = usageEvents({ seed: 1, ids })
    const events = Array.from({ length: 100 }, (_, i) => make(fields(1_700_000_000_000 + i)))
    for (const event of events) assert.notProperty(decodeUsageEvent(event), "code")
    const found = events.map((event) => event.id)
    assert.strictEqual(new Set(found).size, 100)
    assert.strictEqual(found.join() === found.toSorted().join(), ids === "time-ordered")
  }
})
