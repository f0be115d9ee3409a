/**
 * Goal: I12, paid periods and credit cycles tile whatever follows what. Method: chains of months and years from any
 * anchor, compared with the kernel's boundaries.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { boundary } from "@credits/kernel"
import {
  cycleEnd,
  cyclesNotBegun,
  cycleStart,
  firstPeriod,
  nextCycle,
  nextPeriod,
  periodEnd,
  periodStart,
} from "./period.ts"

const at = (text: string): number => Date.parse(text)

describe("paid periods", () => {
  it("R2.1 a month from the 31st ends on the last day of February and comes back to the 31st", () => {
    const january = firstPeriod(at("2027-01-31T10:30:00.000Z"), "monthly")
    const february = nextPeriod(january, "monthly")
    assert.strictEqual(periodEnd(january), at("2027-02-28T10:30:00.000Z"))
    assert.strictEqual(periodEnd(february), at("2027-03-31T10:30:00.000Z"))
  })

  it("R2.2 a year is twelve cycles of the same anchor, and the twelfth ends exactly at the renewal", () => {
    let year = firstPeriod(at("2028-02-29T00:00:00.000Z"), "yearly")
    assert.strictEqual(periodEnd(year), at("2029-02-28T00:00:00.000Z"))
    const starts = [cycleStart(year)]
    while (cyclesNotBegun(year) > 0) {
      year = nextCycle(year)
      starts.push(cycleStart(year))
    }
    assert.strictEqual(starts.length, 12)
    assert.strictEqual(cycleEnd(year), periodEnd(year))
  })

  it("I12 any chain of months and years has no gap and no overlap, in periods and in cycles", () => {
    const anchors = fc.integer({ min: at("1990-01-01T00:00:00.000Z"), max: at("2100-01-01T00:00:00.000Z") })
    fc.assert(
      fc.property(
        anchors,
        fc.array(fc.constantFrom("monthly" as const, "yearly" as const), { maxLength: 20 }),
        (anchor, chain) => {
          let period = firstPeriod(anchor, "monthly")
          for (const interval of chain) {
            const before = period
            period = nextPeriod(period, interval)
            assert.strictEqual(periodStart(period), periodEnd(before))
            assert.strictEqual(cycleStart(period), periodStart(period))
            let cycles = period
            while (cyclesNotBegun(cycles) > 0) {
              const next = nextCycle(cycles)
              assert.strictEqual(cycleStart(next), cycleEnd(cycles))
              cycles = next
            }
            assert.strictEqual(cycleEnd(cycles), periodEnd(period))
            assert.strictEqual(periodEnd(period), boundary(anchor, period.month + period.months))
          }
        },
      ),
    )
  })
})
