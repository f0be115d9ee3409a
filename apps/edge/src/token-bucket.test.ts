import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TokenBuckets } from "./token-bucket.ts"

describe("token buckets", () => {
  it("D1 #18 never give more than the burst and what was refilled, and always what they promise", () => {
    const budget = fc.record({ burst: fc.integer({ min: 1, max: 50 }), perSecond: fc.integer({ min: 1, max: 100 }) })
    fc.assert(
      fc.property(budget, fc.array(fc.nat(500), { maxLength: 200 }), (limits, waits) => {
        const buckets = new TokenBuckets(10)
        let now = 0
        let taken = 0
        for (const wait of waits) {
          now += wait
          const after = buckets.take("a", limits, now)
          const promised = after === 0 ? 0 : buckets.take("a", limits, now + after)
          expect(promised).toBe(0)
          now += after
          taken += 1
          expect(taken).toBeLessThanOrEqual(limits.burst + (now * limits.perSecond) / 1000 + 1e-6)
        }
      }),
    )
  })

  it("keys do not share, and a clock that stands still or jumps back gives nothing", () => {
    const buckets = new TokenBuckets(10)
    const limits = { burst: 1, perSecond: 1 }
    expect([buckets.take("a", limits, 100), buckets.take("a", limits, 100)]).toEqual([0, 1000])
    expect(buckets.take("a", limits, 0)).toBe(1000)
    expect(buckets.take("b", limits, 100)).toBe(0)
  })

  it("memory is bounded; those touched lately are kept", () => {
    const buckets = new TokenBuckets(100)
    const limits = { burst: 1, perSecond: 0.001 }
    buckets.take("kept", limits, 0)
    for (let i = 0; i < 10_000; i++) {
      buckets.take(`key-${i}`, limits, i)
      expect(buckets.take("kept", limits, i)).toBeGreaterThan(0)
    }
    expect(buckets.size).toBe(100)
  })
})
