/**
 * Goal: R4.2 and R4.3 to the cent and the nano-USD. Method: the rules' own examples, then properties over any prices,
 * anchors and instants.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { NANO_PER_CENT, NANO_PER_USD, usd } from "@credits/kernel"
import { cycleEnd, cycleStart, firstPeriod, nextCycle, periodEnd, type Period } from "./period.ts"
import { inFull, prorate } from "./proration.ts"

const NOVEMBER = Date.UTC(2026, 10, 1)
const month = firstPeriod(NOVEMBER, "monthly")
const middle = Date.UTC(2026, 10, 16)

const plus = (paid: string) => ({ period: month, paidValue: usd(paid), creditsPerCycle: usd("20") })

describe("what an upgrade costs", () => {
  it("R4.2 Plus bought at the offer, upgraded to Pro at once: 100.00 − 16.00 = 84.00, and all 20.00 go back", () => {
    const { chargeCents, credited, takenBack, paidValue } = prorate(usd("100"), plus("16"), NOVEMBER)
    assert.deepStrictEqual([chargeCents, credited, takenBack, paidValue], [8400, usd("16"), usd("20"), usd("100")])
  })

  it("R4.2 Plus at its renewal price, half the cycle gone, to Pro: 90.00, and 10.00 go back", () => {
    const { chargeCents, credited, takenBack } = prorate(usd("100"), plus("20"), middle)
    assert.deepStrictEqual([chargeCents, credited, takenBack], [9000, usd("10"), usd("10")])
  })

  it("R4.2 Plus to the year of Plus in the middle of the cycle: 168.00 − 10.00 = 158.00", () => {
    const { chargeCents, takenBack } = prorate(usd("168"), plus("20"), middle)
    assert.deepStrictEqual([chargeCents, takenBack], [15_800, usd("10")])
  })

  it("R4.2 a year counts its credit cycles: in the middle of the third of twelve, 9.5 of 12 are unused", () => {
    const year = nextCycle(nextCycle(firstPeriod(NOVEMBER, "yearly")))
    const at = (cycleStart(year) + cycleEnd(year)) / 2
    const { chargeCents, credited } = prorate(
      usd("720"),
      { period: year, paidValue: usd("168"), creditsPerCycle: usd("20") },
      at,
    )
    assert.strictEqual(credited, usd("133"))
    assert.strictEqual(chargeCents, 58_700)
  })

  it("R4.2 an upgrade after an upgrade credits what the period is worth: the charge and what was credited then", () => {
    const first = prorate(usd("100"), plus("20"), middle)
    const pro = { period: firstPeriod(middle, "monthly"), paidValue: first.paidValue, creditsPerCycle: usd("120") }
    const second = prorate(usd("200"), pro, middle)
    assert.strictEqual(second.chargeCents, 10_000)
    assert.strictEqual(second.takenBack, usd("120"))
  })

  it("R4.2 below 0.50 nothing is charged and the amount is named as waived", () => {
    const nearlyAll = { period: month, paidValue: usd("99.60"), creditsPerCycle: usd("20") }
    const waived = prorate(usd("100"), nearlyAll, NOVEMBER)
    assert.deepStrictEqual([waived.chargeCents, waived.waivedCents, waived.paidValue], [0, 40, usd("99.60")])
    assert.deepStrictEqual([inFull(usd("0.49")).chargeCents, inFull(usd("0.50")).chargeCents], [0, 50])
  })

  it("R4.2 what is worth more than the new price costs nothing", () => {
    const dear = { period: month, paidValue: usd("300"), creditsPerCycle: usd("20") }
    assert.strictEqual(prorate(usd("100"), dear, NOVEMBER).chargeCents, 0)
  })

  it("an instant outside the running cycle is a mistake of the caller, never a price", () => {
    assert.throws(() => prorate(usd("100"), plus("20"), NOVEMBER - 1), RangeError)
    assert.throws(() => prorate(usd("100"), plus("20"), periodEnd(month)), RangeError)
  })
})

const instants = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2090, 0, 1) })
const prices = fc.bigInt({ min: 1n, max: 500_000n }).map((cents) => cents * NANO_PER_CENT)

/** A running period in any of its cycles, and an instant inside. */
const running = fc
  .record({
    anchor: instants,
    yearly: fc.boolean(),
    cycle: fc.integer({ min: 0, max: 11 }),
    paidValue: prices,
    creditsPerCycle: prices,
    share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ anchor, yearly, cycle, paidValue, creditsPerCycle, share }) => {
    let period: Period = firstPeriod(anchor, yearly ? "yearly" : "monthly")
    for (let i = 0; i < cycle && yearly; i++) period = nextCycle(period)
    const at = cycleStart(period) + Math.floor((cycleEnd(period) - cycleStart(period)) * share)
    return { of: { period, paidValue, creditsPerCycle }, at }
  })

describe("proration at any price and instant", () => {
  it("R4.2 the charge is the exact one rounded down to the cent: never more, less than a cent less", () => {
    fc.assert(
      fc.property(running, prices, ({ of, at }, price) => {
        const { chargeCents, waivedCents } = prorate(price, of, at)
        const [start, end] = [cycleStart(of.period), cycleEnd(of.period)]
        const all = BigInt(of.period.months) * BigInt(end - start)
        const notBegun = BigInt(of.period.month + of.period.months - of.period.cycle - 1)
        const exact = price * all - of.paidValue * (notBegun * BigInt(end - start) + BigInt(end - at))
        const shown = BigInt(chargeCents + waivedCents) * NANO_PER_CENT * all
        if (exact <= 0n) assert.strictEqual(shown, 0n)
        else assert.isTrue(shown <= exact && exact - shown < NANO_PER_CENT * all)
      }),
    )
  })

  it("R4.3 credit is taken back by the same share, less than a nano-USD too little", () => {
    fc.assert(
      fc.property(running, prices, ({ of, at }, price) => {
        const { takenBack } = prorate(price, of, at)
        const whole = BigInt(cycleEnd(of.period) - cycleStart(of.period))
        const exact = of.creditsPerCycle * BigInt(cycleEnd(of.period) - at)
        assert.isTrue(takenBack * whole <= exact && exact - takenBack * whole < whole)
      }),
    )
  })

  it("R4.2 no chain of upgrades makes a period worth more than what was paid for it and before", () => {
    fc.assert(
      fc.property(running, prices, ({ of, at }, price) => {
        const { chargeCents, paidValue } = prorate(price, of, at)
        assert.isTrue(paidValue <= of.paidValue + BigInt(chargeCents) * NANO_PER_CENT)
        assert.isTrue(paidValue >= 0n && paidValue < 1_000_000n * NANO_PER_USD)
      }),
    )
  })
})
