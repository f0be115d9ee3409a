/** Goal: instants cross a border as ISO 8601 UTC and come back the same (R12.2). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { dayOf, formatInstant, parseInstant } from "./instant.ts"

describe("instants", () => {
  it("R12.2 are shown as ISO 8601 in UTC with milliseconds", () => {
    assert.strictEqual(formatInstant(Date.UTC(2026, 10, 23, 4, 5, 6, 7)), "2026-11-23T04:05:06.007Z")
    assert.strictEqual(dayOf(Date.UTC(2026, 10, 23, 23, 59, 59, 999)), "2026-11-23")
  })

  it("R12.2 what is shown is read back as the same instant", () => {
    const property = fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (instant) => {
      assert.strictEqual(parseInstant(formatInstant(instant)), instant)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  it("an offset is taken off, digits below the millisecond are cut", () => {
    assert.strictEqual(parseInstant("2026-01-01T02:00:00+02:00"), Date.UTC(2026, 0, 1))
    assert.strictEqual(parseInstant("2026-01-01T00:00:00.123999999Z"), Date.UTC(2026, 0, 1, 0, 0, 0, 123))
  })

  it("what is no RFC 3339 instant is refused, not guessed", () => {
    const bad = [
      "",
      "2026-01-01",
      "2026-01-01T00:00:00",
      "2026-01-01 00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-01-32T00:00:00Z",
      "2026-01-01T25:00:00Z",
      "2026-01-01T24:00:00Z",
      "2026-00-10T00:00:00Z",
      "1767225600000",
      "Thu, 01 Jan 2026 00:00:00 GMT",
      "+012026-01-01T00:00:00Z",
      "2026-01-01T00:00:00Z\n",
      // In the form that is read without `Date.parse`.
      "2026-13-01T00:00:00.000Z",
      "2026-00-01T00:00:00.000Z",
      "2026-01-00T00:00:00.000Z",
      "2026-01-32T00:00:00.000Z",
      "2026-01-01T24:00:00.000Z",
      "2026-01-01T00:60:00.000Z",
      "2026-01-01T00:00:60.000Z",
      "2026-01-01T00:00:00.00:Z",
      "2026-01-01T00:00:00.-12Z",
      "2026-01-01T00:00:00,000Z",
      "+126-01-01T00:00:00.000Z",
    ]
    assert.deepStrictEqual(
      bad.filter((text) => parseInstant(text) !== null),
      [],
    )
  })

  it("a day that the month does not have is refused, not moved", () => {
    assert.strictEqual(parseInstant("2026-02-30T00:00:00Z"), null)
    assert.strictEqual(parseInstant("2026-02-29T00:00:00Z"), null)
    assert.strictEqual(parseInstant("2028-02-29T00:00:00Z"), Date.UTC(2028, 1, 29))
    assert.strictEqual(parseInstant("2026-02-29T00:00:00.000Z"), null)
    assert.strictEqual(parseInstant("2026-04-31T00:00:00.000Z"), null)
    assert.strictEqual(parseInstant("2028-02-29T00:00:00.000Z"), Date.UTC(2028, 1, 29))
    assert.strictEqual(parseInstant("2026-12-31T23:59:59.999Z"), Date.UTC(2026, 11, 31, 23, 59, 59, 999))
  })
})
