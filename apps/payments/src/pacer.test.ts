/** Charges get their turn at the processor's pace, and customers who are there do not queue behind renewals. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Pacer } from "./pacer.ts"

const NOW = Date.UTC(2027, 0, 1)

describe("pacer", () => {
  it("lets through what came after a quiet time, then one in each spacing", () => {
    const pacer = new Pacer(20)
    const slots = Array.from({ length: 45 }, () => pacer.take(false, NOW) - NOW)
    // Fifteen a second for renewals: a second's worth at once, then one every 67 ms.
    assert.deepEqual(
      slots.slice(0, 15),
      Array.from({ length: 15 }, () => 0),
    )
    assert.isAbove(slots[15]!, 0)
    assert.approximately(slots[44]!, 2_000, 5)
  })

  it("a thousand renewals do not make a present customer wait", () => {
    const pacer = new Pacer(20)
    for (let i = 0; i < 1_000; i++) pacer.take(false, NOW)
    assert.equal(pacer.take(true, NOW), NOW)
  })

  it("without a limit everything is at once", () => {
    const pacer = new Pacer(0)
    for (let i = 0; i < 100; i++) assert.equal(pacer.take(i % 2 === 0, NOW), NOW)
  })

  it("A3: in no second are there more slots than the rate and its burst, whenever they are asked for", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.tuple(fc.nat({ max: 400 }), fc.boolean()), { maxLength: 300 }),
        (rate, asks) => {
          const pacer = new Pacer(rate)
          let now = NOW
          const slots = asks.map(([pause, isPresent]) => {
            now += pause
            const slot = pacer.take(isPresent, now)
            assert.isAtLeast(slot, now)
            return slot
          })
          for (const from of slots) {
            const within = slots.filter((slot) => slot >= from && slot < from + 1_000)
            assert.isAtMost(within.length, 2 * rate + 2)
          }
        },
      ),
    )
  })
})
