/** Goal: what was charged wrongly comes back where it came from (R1.3, R7.4). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { codeOf, Desk, holdId, lotId } from "./account.fixture.ts"
import { findLot, keptLot, NEVER } from "./lot.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR
const inUsd = (...texts: ReadonlyArray<string>) => texts.map(usd)

const plus = (): Desk => {
  const desk = new Desk()
  desk.entitle({ cycle: { start: 0, end: 30 * DAY } })
  return desk
}
const buckets = ({ account }: Desk) => [account.spent, account.available, account.debt]

describe("a reversal", () => {
  it("R1.3 restores the lots that paid, in reverse: 3.00 of 6.00 goes back to the one that paid last", () => {
    const desk = plus()
    desk.grant("promo", usd("1"), { expiresAt: DAY })
    desk.grant("plan", usd("3"), { expiresAt: 30 * DAY })
    desk.grant("topup", usd("10"))
    desk.charge(usd("6"), { id: "evt-1" })
    desk.reverse("evt-1", usd("3"))
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("0", "1", "10"))
    assert.deepStrictEqual(desk.last().lots, [
      { id: lotId(3), change: usd("2") },
      { id: lotId(2), change: usd("1") },
    ])
    assert.strictEqual(desk.account.spent, usd("3"))
  })

  it("R1.3 gives the whole charge back by default, and the account stands as before it", () => {
    const desk = plus()
    desk.grant("plan", usd("3"), { expiresAt: 30 * DAY })
    desk.grant("topup", usd("10"))
    const before = desk.account.lots.map(keptLot)
    desk.charge(usd("6.123456789"), { id: "evt-1" })
    desk.reverse("evt-1")
    assert.deepStrictEqual(desk.account.lots, before)
    assert.deepStrictEqual(buckets(desk), inUsd("0", "13", "0"))
  })

  it("R1.3 what belongs to an expired lot comes back as an adjustment lot to the end of the current cycle", () => {
    const desk = plus()
    desk.grant("promo", usd("1"), { expiresAt: DAY })
    desk.grant("topup", usd("10"))
    desk.charge(usd("3"), { id: "evt-1" })
    desk.at(2 * DAY)
    desk.reverse("evt-1")
    const lot = findLot(desk.account.lots, lotId(3))
    assert.deepStrictEqual(
      [lot?.kind, lot?.remaining, lot?.expiresAt, lot?.cause],
      ["adjustment", usd("1"), 30 * DAY, "evt-1"],
    )
    assert.strictEqual(desk.left(2), usd("10"))
    assert.strictEqual(desk.account.granted, usd("11"), "it is no new credit")
  })

  it("R1.3 without a cycle that goes on the adjustment lot does not expire", () => {
    const desk = plus()
    desk.grant("promo", usd("1"), { expiresAt: DAY })
    desk.charge(usd("1"), { id: "evt-1" })
    desk.at(31 * DAY)
    desk.reverse("evt-1")
    assert.strictEqual(findLot(desk.account.lots, lotId(2))?.expiresAt, NEVER)
  })

  it("R1.3 a lot that was used up and got something back expires at its own time", () => {
    const desk = plus()
    desk.grant("plan", usd("1"), { expiresAt: 2 * DAY })
    desk.authorize(1n)
    desk.release(holdId(1))
    desk.charge(usd("1"), { id: "evt-1" })
    // The hold's end was the next thing to happen: when it is looked at, the used-up lot has nothing that could expire.
    desk.at(DAY)
    desk.reverse("evt-1", usd("0.40"))
    assert.strictEqual(desk.left(1), usd("0.40"))
    desk.at(2 * DAY)
    assert.deepStrictEqual([desk.account.available, desk.account.expired], [0n, usd("0.40")])
  })

  it("R1.5 bought credit that comes back after more than a year is bought credit still and does not expire", () => {
    const desk = new Desk()
    desk.entitle()
    desk.grant("topup", usd("10"))
    desk.at(500 * DAY)
    desk.charge(usd("10"), { id: "evt-1" })
    desk.at(501 * DAY)
    desk.entitle({ cycle: { start: 501 * DAY, end: 531 * DAY } })
    desk.reverse("evt-1")
    desk.at(600 * DAY)
    assert.deepStrictEqual([desk.account.available, desk.account.expired], inUsd("10", "0"))
    assert.strictEqual(desk.left(1), usd("10"))
  })

  it("used-up lots that can no longer be asked for are forgotten", () => {
    const desk = new Desk()
    desk.entitle()
    desk.grant("topup", usd("1"))
    desk.grant("plan", usd("1"), { expiresAt: DAY })
    desk.charge(usd("2"))
    assert.strictEqual(desk.account.lots.length, 2)
    desk.at(DAY).authorize(0n)
    assert.deepStrictEqual(
      desk.account.lots.map((lot) => lot.id),
      [lotId(1)],
    )
    desk.at(400 * DAY).authorize(0n)
    assert.deepStrictEqual(desk.account.lots, [])
  })
})

describe("a reversal of what was owed", () => {
  it("R6.4 forgives the debt first", () => {
    const desk = plus()
    desk.grant("plan", usd("1"), { expiresAt: 30 * DAY })
    desk.charge(usd("3"), { id: "evt-1" })
    assert.strictEqual(desk.account.debt, usd("2"))
    desk.reverse("evt-1", usd("2.50"))
    assert.deepStrictEqual(buckets(desk), inUsd("0.50", "0.50", "0"))
  })

  it("R6.4 debt that has been paid meanwhile comes back as an adjustment lot", () => {
    const desk = plus()
    desk.charge(usd("3"), { id: "evt-1" })
    desk.grant("topup", usd("10"))
    desk.reverse("evt-1")
    assert.deepStrictEqual(buckets(desk), inUsd("0", "10", "0"))
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("7", "3"))
  })

  it("R1.5 debt that bought credit has paid comes back without an expiry, as bought credit has none", () => {
    const desk = plus()
    desk.charge(usd("3"), { id: "evt-1" })
    desk.grant("topup", usd("10"))
    desk.reverse("evt-1")
    desk.at(31 * DAY)
    assert.deepStrictEqual([desk.account.available, desk.account.expired], inUsd("10", "0"))
  })

  it("R6.4 what comes back pays another call's debt, also from a lot that was used up", () => {
    const desk = plus()
    desk.grant("plan", usd("5"), { expiresAt: 30 * DAY })
    desk.charge(usd("5"), { id: "evt-1" })
    desk.charge(usd("2"), { id: "evt-2" })
    assert.strictEqual(codeOf(desk.reverse("evt-1")), "answered")
    assert.deepStrictEqual(buckets(desk), inUsd("2", "3", "0"))
  })

  it("R1.5 on Free everything that comes back is frozen and pays nothing yet", () => {
    const desk = plus()
    desk.grant("topup", usd("5"))
    desk.charge(usd("5"), { id: "evt-1" })
    desk.charge(usd("2"), { id: "evt-2" })
    desk.lapse()
    desk.reverse("evt-1")
    assert.deepStrictEqual([desk.account.frozen, desk.account.debt], inUsd("5", "2"))
  })
})

describe("several reversals of one charge", () => {
  /** 6.00 paid by promo 1, plan 3, top-up 2. */
  const charged = (): Desk => {
    const desk = plus()
    desk.grant("promo", usd("1"), { expiresAt: DAY })
    desk.grant("plan", usd("3"), { expiresAt: 30 * DAY })
    desk.grant("topup", usd("10"))
    desk.charge(usd("6"), { id: "evt-1" })
    return desk
  }

  it("R1.3 R7.4 each goes on where the one before it ended, and together they are the charge", () => {
    const desk = charged()
    desk.reverse("evt-1", usd("2.50"))
    desk.reverse("evt-1", usd("1"), 2)
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("0", "1.50", "10"))
    desk.reverse("evt-1", null, 3)
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("1", "3", "10"))
    assert.strictEqual(codeOf(desk.reverse("evt-1")), "already_reversed")
    assert.deepStrictEqual(buckets(desk), inUsd("0", "14", "0"))
  })

  it("R7.4 what is more than is left is refused, and so is a number that is not the next", () => {
    const desk = charged()
    assert.strictEqual(codeOf(desk.reverse("evt-1", usd("1"), 2)), "invalid")
    assert.strictEqual(codeOf(desk.reverse("evt-1", usd("4"), 1)), "answered")
    assert.strictEqual(codeOf(desk.reverse("evt-1", usd("1"), 1)), "already_reversed")
    assert.strictEqual(codeOf(desk.reverse("evt-1", usd("2.000000001"), 2)), "invalid")
    assert.strictEqual(codeOf(desk.reverse("evt-1", usd("2"), 2)), "answered")
    assert.deepStrictEqual(buckets(desk), inUsd("0", "14", "0"))
  })

  it("R7.4 cut anywhere, reversals leave every lot as one reversal of their sum does", () => {
    const cents = fc.integer({ min: 1, max: 600 })
    fc.assert(
      fc.property(cents, cents, fc.constantFrom(0, 2), (first, second, days) => {
        fc.pre(first + second <= 600)
        const [once, twice] = [charged().at(days * DAY), charged().at(days * DAY)]
        once.reverse("evt-1", BigInt(first + second) * 10_000_000n)
        twice.reverse("evt-1", BigInt(first) * 10_000_000n)
        twice.reverse("evt-1", BigInt(second) * 10_000_000n, 2)
        const lots = ({ account }: Desk) =>
          account.lots.reduce<Record<string, bigint>>((sums, { kind, expiresAt, remaining }) => {
            const name = `${kind} ${expiresAt}`
            return { ...sums, [name]: (sums[name] ?? 0n) + remaining }
          }, {})
        assert.deepStrictEqual([buckets(twice), lots(twice)], [buckets(once), lots(once)])
      }),
      { numRuns: 200 },
    )
  })
})

describe("limits of a reversal", () => {
  it("R7.4 gives back more than nothing and at most the charge", () => {
    const desk = plus()
    desk.grant("plan", usd("20"))
    desk.charge(usd("2"), { id: "evt-1" })
    for (const amount of [0n, -1n, usd("2.000000001")])
      assert.strictEqual(codeOf(desk.reverse("evt-1", amount)), "invalid")
    assert.deepStrictEqual(buckets(desk), inUsd("2", "18", "0"))
  })

  it("a charge this account never had is not found", () => {
    const desk = plus()
    assert.strictEqual(codeOf(desk.reverse("evt-9")), "charge_not_found")
  })

  it("R6.7 credit of a lot that only open holds may still use does not go back there", () => {
    const desk = plus()
    desk.grant("promo", usd("5"), { expiresAt: 60_000 })
    desk.charge(usd("1"), { id: "evt-1" })
    desk.authorize(usd("4"))
    desk.at(60_000)
    desk.reverse("evt-1")
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("4", "1"))
    desk.charge(usd("4"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("4", "1", "0"))
  })
})
