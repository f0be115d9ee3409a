/**
 * Goal: periods tile (I12) and keep the customer's day (R2.1, R2.2). Method: real dates, then every day of the 400
 * years after which the calendar repeats, as an anchor, against a calendar written a second way.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { boundary, cycleAt } from "./cycle.ts"
import { formatInstant, parseInstant } from "./instant.ts"

const at = (text: string): number => {
  const instant = parseInstant(text)
  if (instant === null) throw new RangeError(text)
  return instant
}

const boundaries = (anchor: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count + 1 }, (_, n) => formatInstant(boundary(at(anchor), n)))

const DAY = 86_400_000
const FIRST = Date.UTC(2000, 0, 1)
const LAST = Date.UTC(2399, 11, 31)

/** The calendar without Date: days of a month by the rule a child learns. */
const daysOf = (year: number, month: number): number => {
  if (month === 1) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return [3, 5, 8, 10].includes(month) ? 30 : 31
}

describe("boundary", () => {
  it("R2.1 Jan 31 is followed by Feb 28, Mar 31, Apr 30: the day is clamped, never lost", () => {
    assert.deepStrictEqual(boundaries("2026-01-31T10:20:30.456Z", 4), [
      "2026-01-31T10:20:30.456Z",
      "2026-02-28T10:20:30.456Z",
      "2026-03-31T10:20:30.456Z",
      "2026-04-30T10:20:30.456Z",
      "2026-05-31T10:20:30.456Z",
    ])
  })

  it("R2.1 in a leap year Jan 30 and Jan 31 both meet on Feb 29 and part again in March", () => {
    assert.strictEqual(boundary(at("2028-01-30T00:00:00Z"), 1), at("2028-02-29T00:00:00Z"))
    assert.strictEqual(boundary(at("2028-01-31T00:00:00Z"), 1), at("2028-02-29T00:00:00Z"))
    assert.strictEqual(boundary(at("2028-01-30T00:00:00Z"), 2), at("2028-03-30T00:00:00Z"))
    assert.strictEqual(boundary(at("2028-01-31T00:00:00Z"), 2), at("2028-03-31T00:00:00Z"))
  })

  it("R2.1 1900 and 2100 have no Feb 29, 2000 and 2400 have one", () => {
    const feb = (year: number) => formatInstant(boundary(Date.UTC(year, 0, 31), 1)).slice(5, 10)
    assert.deepStrictEqual([1900, 2000, 2100, 2200, 2300, 2400].map(feb), [
      "02-28",
      "02-29",
      "02-28",
      "02-28",
      "02-28",
      "02-29",
    ])
  })

  it("R2.1 the last millisecond of a day stays the last millisecond of a day", () => {
    assert.strictEqual(boundary(at("2026-12-31T23:59:59.999Z"), 2), at("2027-02-28T23:59:59.999Z"))
  })

  it("R2.2 a Feb 29 anchor renews on Feb 28 in common years and on Feb 29 in leap years", () => {
    const years = [1, 2, 3, 4].map((n) => formatInstant(boundary(at("2028-02-29T08:00:00Z"), 12 * n)).slice(0, 10))
    assert.deepStrictEqual(years, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"])
  })

  it("R2.2 the twelfth credit cycle of a yearly plan ends exactly at the renewal", () => {
    const anchor = at("2027-08-31T12:00:00Z")
    const twelfth = cycleAt(anchor, boundary(anchor, 12) - 1)
    assert.deepStrictEqual(twelfth, { n: 11, start: at("2028-07-31T12:00:00Z"), end: at("2028-08-31T12:00:00Z") })
  })

  it("R2.1 boundaries before the anchor follow the same rule", () => {
    assert.strictEqual(boundary(at("2026-03-31T01:02:03Z"), -1), at("2026-02-28T01:02:03Z"))
    assert.strictEqual(boundary(at("2026-01-15T00:00:00Z"), -13), at("2024-12-15T00:00:00Z"))
  })
})

describe("every day of 400 years as an anchor", () => {
  it("I12 the next twelve periods are months of the calendar, clamped, with the time of day kept", () => {
    let wrong = 0
    let year = 2000
    let month = 0
    let day = 1
    for (let midnight = FIRST; midnight <= LAST; midnight += DAY) {
      const time = (midnight / DAY) % DAY
      for (let n = 1; n <= 12; n++) {
        const y = year + (month + n >= 12 ? 1 : 0)
        const m = (month + n) % 12
        const expected = Date.UTC(y, m, Math.min(day, daysOf(y, m))) + time
        if (boundary(midnight + time, n) !== expected) wrong += 1
      }
      day += 1
      if (day > daysOf(year, month)) {
        day = 1
        month = (month + 1) % 12
        if (month === 0) year += 1
      }
    }
    assert.strictEqual(wrong, 0)
    assert.deepStrictEqual([year, month, day], [2400, 0, 1])
  })

  it("I12 periods tile: 28 to 31 days long, each begins where the one before ends", () => {
    let wrong = 0
    for (let midnight = FIRST; midnight <= LAST; midnight += DAY) {
      const anchor = midnight + 43_200_001
      let start = anchor
      for (let n = 0; n < 2; n++) {
        const first = cycleAt(anchor, start)
        const last = cycleAt(anchor, first.end - 1)
        const days = (first.end - first.start) / DAY
        const tiles = first.n === n && first.start === start && last.n === n && last.end === first.end
        if (!tiles || days < 28 || days > 31) wrong += 1
        start = first.end
      }
    }
    assert.strictEqual(wrong, 0)
  })
})

describe("cycleAt", () => {
  const instants = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2200, 0, 1) })

  it("I12 any instant lies in exactly one period of any anchor, and the periods around it touch", () => {
    const property = fc.property(instants, instants, (anchor, instant) => {
      const { n, start, end } = cycleAt(anchor, instant)
      assert.isTrue(start <= instant && instant < end)
      assert.strictEqual(start, boundary(anchor, n))
      assert.strictEqual(cycleAt(anchor, start - 1).end, start)
      assert.strictEqual(cycleAt(anchor, end).start, end)
      assert.strictEqual(cycleAt(anchor, end).n, n + 1)
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it("R2.1 a boundary belongs to the period it begins: half-open", () => {
    const anchor = at("2026-01-31T10:00:00Z")
    assert.strictEqual(cycleAt(anchor, at("2026-02-28T09:59:59.999Z")).n, 0)
    assert.strictEqual(cycleAt(anchor, at("2026-02-28T10:00:00.000Z")).n, 1)
    assert.strictEqual(cycleAt(anchor, anchor).n, 0)
    assert.strictEqual(cycleAt(anchor, anchor - 1).n, -1)
  })
})
