/** Goal: credits lie in lots and burn in one total order (R1.2–R1.4). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { boundary, usd } from "@credits/kernel"
import type { LotKind } from "@credits/contracts"
import { codeOf, Desk, fieldOf, lotId } from "./account.fixture.ts"
import { burnsBefore, findLot, keptLot, insertLot, NEVER, type Lot } from "./lot.ts"

const HOUR = 3_600_000
const paying = (now = 0): Desk => {
  const desk = new Desk(now)
  desk.entitle()
  return desk
}

describe("lots", () => {
  it("R1.2 a grant makes one lot with its kind, amount, times and the id of our own intent", () => {
    const desk = paying(5_000)
    const outcome = desk.grant("promo", usd("2.50"), { expiresAt: 9_000, cause: "campaign-7" })
    assert.deepStrictEqual(
      findLot(desk.account.lots, lotId(1)),
      keptLot({
        id: lotId(1),
        kind: "promo",
        granted: usd("2.50"),
        remaining: usd("2.50"),
        grantedAt: 5_000,
        expiresAt: 9_000,
        cause: "campaign-7",
        residue: null,
        usedUpAt: 0,
      }),
    )
    assert.strictEqual(fieldOf(outcome, "lotId"), lotId(1))
    assert.strictEqual(fieldOf(outcome, "availableAfter"), usd("2.50").toString())
  })

  it("R1.2 a lot cannot be born expired", () => {
    const desk = paying(5_000)
    assert.strictEqual(codeOf(desk.grant("promo", 1n, { expiresAt: 5_000 })), "invalid")
    assert.strictEqual(desk.account.granted, 0n)
  })

  it("R1.4 what is left of a cycle's credit expires when the cycle ends and does not roll over", () => {
    const anchor = Date.UTC(2026, 0, 31, 10)
    const desk = paying(anchor)
    for (let n = 0; n < 12; n++) {
      desk.at(boundary(anchor, n))
      assert.strictEqual(desk.account.available, 0n, `nothing rolled into cycle ${n}`)
      desk.grant("plan", usd("20"), { expiresAt: boundary(anchor, n + 1), cause: `cycle-${n}` })
      desk.charge(usd("1.25"))
      desk.at(boundary(anchor, n + 1) - 1)
      assert.strictEqual(desk.account.available, usd("18.75"))
    }
    desk.at(boundary(anchor, 12))
    assert.strictEqual(desk.account.expired, 12n * usd("18.75"))
    assert.strictEqual(desk.last().at, boundary(anchor, 12), "booked at the boundary, whenever it is noticed")
  })

  it("R1.4 a cycle's end that is noticed late is booked at its own instant", () => {
    const desk = paying()
    desk.grant("plan", 20n, { expiresAt: HOUR })
    desk.at(50 * HOUR)
    assert.deepStrictEqual([desk.last().kind, desk.last().at, desk.last().expired], ["lot_expired", HOUR, 20n])
  })
})

describe("burn order", () => {
  it("R1.3 the soonest expiry pays first, what never expires pays last", () => {
    const desk = paying()
    desk.grant("topup", 10n)
    desk.grant("plan", 10n, { expiresAt: 9 * HOUR })
    desk.grant("plan", 10n, { expiresAt: 3 * HOUR })
    desk.charge(15n)
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], [10n, 5n, 0n])
  })

  it("R1.3 with one expiry promo pays before plan, plan before adjustment, adjustment before top-up", () => {
    const desk = paying()
    for (const kind of ["topup", "adjustment", "plan", "promo"] as const) desk.grant(kind, 10n, { expiresAt: HOUR })
    desk.charge(25n)
    assert.deepStrictEqual([desk.left(4), desk.left(3), desk.left(2), desk.left(1)], [0n, 0n, 5n, 10n])
  })

  it("R1.3 of two equal lots the older one pays first, then the one with the smaller id", () => {
    const desk = paying()
    desk.grant("topup", 10n)
    desk.grant("topup", 10n)
    desk.at(1_000)
    desk.grant("topup", 10n)
    desk.charge(11n)
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], [0n, 9n, 10n])
  })

  it("R1.3 every deduction says which lots paid how much, in that order", () => {
    const desk = paying()
    desk.grant("topup", usd("5"))
    desk.grant("promo", usd("0.30"), { expiresAt: HOUR })
    desk.grant("plan", usd("20"), { expiresAt: HOUR })
    desk.charge(usd("21.30"))
    assert.deepStrictEqual(desk.last().lots, [
      { id: lotId(2), change: -usd("0.30") },
      { id: lotId(3), change: -usd("20") },
      { id: lotId(1), change: -usd("1") },
    ])
  })

  const lots = fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    kind: fc.constantFrom<LotKind>("plan", "topup", "promo", "adjustment"),
    granted: fc.constant(1n),
    remaining: fc.constant(1n),
    grantedAt: fc.nat({ max: 2 }),
    expiresAt: fc.constantFrom(1, 2, NEVER),
    cause: fc.constant("c"),
    residue: fc.constant(null),
    usedUpAt: fc.constant(0),
  })

  it("R1.3 the order is total: any two different lots burn in one order only, and chains agree", () => {
    const property = fc.property(lots, lots, lots, (a: Lot, b: Lot, c: Lot) => {
      const same = (x: Lot, y: Lot) =>
        JSON.stringify([x.id, x.kind, x.grantedAt, x.expiresAt]) ===
        JSON.stringify([y.id, y.kind, y.grantedAt, y.expiresAt])
      if (!same(a, b)) assert.notStrictEqual(burnsBefore(a, b), burnsBefore(b, a))
      else assert.isFalse(burnsBefore(a, b))
      if (burnsBefore(a, b) && burnsBefore(b, c)) assert.isTrue(burnsBefore(a, c))
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it("R1.3 lots lie in burn order whatever the order they came in", () => {
    const property = fc.property(fc.array(lots, { maxLength: 12 }), (come: ReadonlyArray<Lot>) => {
      const kept: Array<Lot> = []
      for (const lot of come) insertLot(kept, lot)
      assert.strictEqual(kept.length, come.length)
      for (let i = 1; i < kept.length; i++) assert.isFalse(burnsBefore(kept[i]!, kept[i - 1]!))
    })
    fc.assert(property)
  })
})
