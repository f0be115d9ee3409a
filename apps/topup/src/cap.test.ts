/** Goal: the cap is exact to the cent, and months are the calendar's in UTC (R9.3). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { monthEnd, monthIn, monthOf, roomFor, sharesToTell, withMonth, type Month } from "./cap.ts"

const month = (spentCents: number, told: Month["told"] = []): Month => ({
  key: "2026-11",
  seq: 0,
  spentCents,
  failed: [],
  told,
})

describe("what the cap leaves", () => {
  it("R9.3 a top-up that fits is whole, a last one is cut to what is left, less than 5.00 is nothing", () => {
    assert.strictEqual(roomFor(1_000, 2_500, 0), 1_000)
    assert.strictEqual(roomFor(1_000, 2_500, 1_500), 1_000)
    assert.strictEqual(roomFor(1_000, 2_500, 2_000), 500)
    assert.strictEqual(roomFor(1_000, 2_500, 2_001), 0)
    assert.strictEqual(roomFor(1_000, 2_500, 2_500), 0)
    assert.strictEqual(roomFor(1_000, 2_500, 9_000), 0, "a cap lowered below what was spent")
    assert.strictEqual(roomFor(300, 500, 100), 300, "a policy of small amounts is its own")
  })

  it("R9.3 I7 whatever was counted, what is charged more never exceeds the cap", () => {
    const cents = fc.integer({ min: 0, max: 2_000_000 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), cents, cents, (wanted, cap, counted) => {
        const room = roomFor(wanted, cap, counted)
        assert.isTrue(room === 0 || counted + room <= cap)
        assert.isTrue(room === 0 || room === wanted || room >= 500)
        assert.isAtMost(room, wanted)
      }),
    )
  })
})

describe("calendar months", () => {
  it("R9.3 begin and end at midnight UTC, also over the new year and in a leap February", () => {
    assert.strictEqual(monthOf(Date.UTC(2026, 11, 1) - 1), "2026-11")
    assert.strictEqual(monthOf(Date.UTC(2026, 11, 1)), "2026-12")
    assert.strictEqual(monthEnd("2026-11"), Date.UTC(2026, 11, 1))
    assert.strictEqual(monthEnd("2026-12"), Date.UTC(2027, 0, 1))
    assert.strictEqual(monthEnd("2028-02"), Date.UTC(2028, 2, 1))
  })

  it("any instant lies in its month, whose end is the next month's first instant", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2100, 0) }), (at) => {
        const end = monthEnd(monthOf(at))
        assert.isAbove(end, at)
        assert.strictEqual(monthOf(end - 1), monthOf(at))
        assert.notStrictEqual(monthOf(end), monthOf(at))
      }),
    )
  })

  it("the newest two years are kept, in order", () => {
    let months: ReadonlyArray<Month> = []
    for (let n = 0; n < 30; n++) {
      const key = monthOf(Date.UTC(2026, n, 15))
      months = withMonth(months, key, (each) => ({ ...each, spentCents: n }))
    }
    assert.strictEqual(months.length, 24)
    assert.deepStrictEqual([months[0]?.key, months.at(-1)?.key], ["2026-07", "2028-06"])
    assert.strictEqual(monthIn(months, "2028-06").spentCents, 29)
    assert.strictEqual(monthIn(months, "2026-01").spentCents, 0)
  })
})

describe("shares of the cap that are told", () => {
  it("R11 80 % when it is reached, 100 % when nothing more fits, each once", () => {
    assert.deepStrictEqual(sharesToTell(month(1_900), 2_500, 1_000), [])
    assert.deepStrictEqual(sharesToTell(month(2_000), 2_500, 1_000), [80])
    assert.deepStrictEqual(sharesToTell(month(2_000, [80]), 2_500, 1_000), [])
    assert.deepStrictEqual(sharesToTell(month(2_500, [80]), 2_500, 1_000), [100])
    assert.deepStrictEqual(sharesToTell(month(1_000), 1_000, 1_000), [80, 100])
    assert.deepStrictEqual(
      sharesToTell(month(2_000), 2_200, 1_000),
      [80, 100],
      "2.00 left are too little for a last one",
    )
    assert.deepStrictEqual(sharesToTell(month(2_500, [80, 100]), 2_500, null), [])
  })
})
