import { describe, expect, it } from "vitest"
import { addDuration } from "./duration.ts"

const at = (text: string) => Date.parse(text)

describe("R12.1 the clock moves by any length", () => {
  it("R2.1 months are calendar months with the day clamped", () => {
    expect(addDuration(at("2026-01-31T10:00:00.000Z"), "P1M")).toBe(at("2026-02-28T10:00:00.000Z"))
    expect(addDuration(at("2028-01-31T10:00:00.000Z"), "P1M")).toBe(at("2028-02-29T10:00:00.000Z"))
    expect(addDuration(at("2024-02-29T00:00:00.000Z"), "P1Y")).toBe(at("2025-02-28T00:00:00.000Z"))
  })

  it("weeks, days, hours, minutes and seconds are exact", () => {
    expect(addDuration(0, "P2W")).toBe(14 * 86_400_000)
    expect(addDuration(0, "P1DT2H3M4S")).toBe(86_400_000 + 2 * 3_600_000 + 3 * 60_000 + 4_000)
    expect(addDuration(0, "PT36H")).toBe(36 * 3_600_000)
  })

  it.each(["", "P", "PT", "P1", "1M", "P-1M", "P1.5D", "PT1H2", "P1M1Y", "p1m"])("%j is no duration", (text) => {
    expect(addDuration(0, text)).toBeNull()
  })

  it("a result beyond the calendar is refused", () => {
    expect(addDuration(at("9000-01-01T00:00:00.000Z"), "P9999Y")).toBeNull()
  })
})
