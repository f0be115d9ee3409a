/** Goal: a call that straddles a reset is paid as it was promised, and nothing else lives on (R6.7). */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { codeOf, Desk, holdId, lotId } from "./account.fixture.ts"
import { HOLD_TTL_MS } from "./authorize.ts"
import { findLot } from "./lot.ts"

const MIDNIGHT = Date.UTC(2026, 11, 1)
const MINUTE = 60_000
const MONTH = 31 * 24 * 60 * MINUTE
const inUsd = (...texts: ReadonlyArray<string>) => texts.map(usd)

/** Five minutes before midnight, with a cycle's credit that ends then. */
const evening = (credit: string): Desk => {
  const desk = new Desk(MIDNIGHT - 5 * MINUTE)
  desk.entitle()
  desk.grant("plan", usd(credit), { expiresAt: MIDNIGHT })
  return desk
}
const nextCycle = (desk: Desk, credit: string): Desk => {
  desk.at(MIDNIGHT)
  desk.grant("plan", usd(credit), { expiresAt: MIDNIGHT + MONTH })
  return desk
}
const shown = ({ account }: Desk) => [account.spent, account.held, account.available, account.expired, account.debt]

describe("a call over a reset", () => {
  it("R6.7 a call authorized before midnight is not turned into debt by the reset", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    desk.at(MIDNIGHT)
    assert.deepStrictEqual(shown(desk), inUsd("0", "8", "0", "12", "0"))
    desk.at(MIDNIGHT + 3 * MINUTE)
    desk.charge(usd("8"), { holdId: holdId(1) })
    assert.deepStrictEqual(shown(desk), inUsd("8", "0", "0", "12", "0"))
  })

  it("R6.7 it is paid from the old cycle's credit, not from the new one's", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    nextCycle(desk, "20")
    desk.charge(usd("6.50"), { holdId: holdId(1) })
    assert.deepStrictEqual(desk.last().lots, [{ id: lotId(1), change: -usd("6.50") }])
    assert.strictEqual(desk.left(2), usd("20"))
  })

  it("R6.7 what it does not need of the old credit expires with it: 8.00 held, 6.50 used, 1.50 expires", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    nextCycle(desk, "20")
    desk.charge(usd("6.50"), { holdId: holdId(1) })
    assert.deepStrictEqual(shown(desk), inUsd("6.50", "0", "20", "13.50", "0"))
    assert.strictEqual(findLot(desk.account.lots, lotId(1)), undefined)
  })

  it("R6.7 a call that failed lets all of it expire", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    nextCycle(desk, "20")
    desk.charge(0n, { holdId: holdId(1) })
    assert.deepStrictEqual(shown(desk), inUsd("0", "0", "20", "20", "0"))
  })

  it("R6.7 so does a release, and a hold that runs out", () => {
    const released = nextCycle(evening("20"), "20")
    assert.strictEqual(released.account.expired, usd("20"), "without a hold everything expires at once")
    for (const end of ["release", "expiry"]) {
      const desk = evening("20")
      desk.authorize(usd("8"))
      nextCycle(desk, "20")
      if (end === "release") desk.release(holdId(1))
      else desk.at(MIDNIGHT + HOLD_TTL_MS)
      assert.deepStrictEqual(shown(desk), inUsd("0", "0", "20", "20", "0"), end)
    }
  })

  it("R6.7 above its hold it pays the rest from the new cycle's credit", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    nextCycle(desk, "20")
    desk.charge(usd("9"), { holdId: holdId(1) })
    assert.deepStrictEqual(shown(desk), inUsd("9", "0", "19", "12", "0"))
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("0", "19"))
  })

  it("R6.7 an extension after midnight is backed by the new cycle's credit only", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    desk.at(MIDNIGHT)
    assert.strictEqual(codeOf(desk.extend(holdId(1), usd("1"))), "insufficient_balance")
    nextCycle(desk, "20")
    desk.extend(holdId(1), usd("5"))
    desk.charge(usd("13"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("0", "15"))
    assert.deepStrictEqual(shown(desk), inUsd("13", "0", "15", "12", "0"))
  })

  it("R6.7 the kept part backs no new call: with 8.00 kept and nothing else a new one is refused", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    desk.at(MIDNIGHT)
    assert.strictEqual(codeOf(desk.authorize(1n)), "insufficient_balance")
    assert.strictEqual(desk.left(1), usd("8"))
  })

  it("R6.7 usage without a hold does not touch the kept part", () => {
    const desk = evening("20")
    desk.authorize(usd("8"))
    desk.at(MIDNIGHT)
    desk.charge(usd("1"))
    assert.deepStrictEqual(shown(desk), inUsd("1", "8", "0", "12", "1"))
    desk.charge(usd("8"), { holdId: holdId(1) })
    assert.deepStrictEqual(shown(desk), inUsd("9", "0", "0", "12", "1"))
  })
})

describe("several calls over a reset", () => {
  it("R6.7 holds count against the soonest-expiring credit first: 5.00 that do not expire stay free", () => {
    const desk = evening("8")
    desk.grant("topup", usd("5"))
    desk.authorize(usd("8"))
    desk.at(MIDNIGHT)
    assert.deepStrictEqual(shown(desk), inUsd("0", "8", "5", "0", "0"))
    assert.strictEqual(codeOf(desk.authorize(usd("5"))), "answered")
  })

  it("R6.7 what one call releases stays for another of the same evening as long as that one may need it", () => {
    const desk = evening("10")
    desk.grant("topup", usd("10"))
    desk.authorize(usd("10"))
    desk.authorize(usd("10"))
    desk.at(MIDNIGHT)
    desk.release(holdId(1))
    assert.deepStrictEqual(shown(desk), inUsd("0", "10", "10", "0", "0"), "the second call keeps the old credit")
    desk.charge(usd("4"), { holdId: holdId(2) })
    assert.deepStrictEqual(shown(desk), inUsd("4", "0", "10", "6", "0"))
  })

  it("R6.7 a call of the new cycle cannot use what a call of the old one keeps", () => {
    const desk = evening("10")
    desk.authorize(usd("10"))
    nextCycle(desk, "20")
    desk.authorize(usd("12"))
    desk.release(holdId(1))
    assert.deepStrictEqual(shown(desk), inUsd("0", "12", "8", "10", "0"))
    desk.charge(usd("12"), { holdId: holdId(2) })
    assert.deepStrictEqual(shown(desk), inUsd("12", "0", "8", "10", "0"))
  })

  it("R6.7 over two resets each credit stays for the calls of its time, the oldest pays first", () => {
    const desk = evening("4")
    desk.authorize(usd("4"), null, 60 * MINUTE)
    desk.at(MIDNIGHT)
    desk.grant("promo", usd("6"), { expiresAt: MIDNIGHT + MINUTE })
    desk.extend(holdId(1), usd("3"))
    desk.authorize(usd("2"), null, 60 * MINUTE)
    desk.at(MIDNIGHT + MINUTE)
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("4", "5"))
    assert.deepStrictEqual(shown(desk), inUsd("0", "9", "0", "1", "0"))
    desk.charge(usd("6"), { holdId: holdId(1) })
    assert.deepStrictEqual(desk.last().lots, [
      { id: lotId(1), change: -usd("4") },
      { id: lotId(2), change: -usd("2") },
    ])
    assert.deepStrictEqual(shown(desk), inUsd("6", "2", "0", "2", "0"))
    desk.charge(usd("2"), { holdId: holdId(2) })
    assert.deepStrictEqual(shown(desk), inUsd("8", "0", "0", "2", "0"))
  })

  it("R6.7 an extended call takes from what others keep no more than it was promised before the reset", () => {
    const desk = evening("4")
    desk.authorize(usd("4"), null, 60 * MINUTE)
    desk.at(MIDNIGHT)
    desk.grant("promo", usd("6"), { expiresAt: MIDNIGHT + MINUTE })
    desk.authorize(usd("6"), null, 60 * MINUTE)
    desk.at(MIDNIGHT + MINUTE)
    desk.grant("topup", usd("10"))
    desk.extend(holdId(1), usd("5"))
    desk.charge(usd("9"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("0", "6", "5"))
    desk.release(holdId(2))
    assert.deepStrictEqual(shown(desk), inUsd("9", "0", "5", "6", "0"))
  })

  it("R6.7 I4 a hundred calls of one evening are all paid, whatever order they end in", () => {
    const desk = evening("20")
    desk.grant("topup", usd("10"))
    for (let i = 0; i < 100; i++) desk.authorize(usd("0.30"))
    nextCycle(desk, "20")
    for (let i = 0; i < 100; i++) desk.charge(usd("0.30"), { holdId: holdId(((i * 37) % 100) + 1) })
    assert.deepStrictEqual(shown(desk), inUsd("30", "0", "20", "0", "0"))
    // What the old credit did not cover is paid in burn order: the new cycle's credit, which expires, before the bought
    // one.
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("0", "10", "10"))
  })

  it("R6.7 R1.5 a plan that ends at midnight freezes what is free; the call under way is still paid", () => {
    const desk = new Desk(MIDNIGHT - 5 * MINUTE)
    desk.entitle({ until: MIDNIGHT })
    desk.grant("plan", usd("3"), { expiresAt: MIDNIGHT })
    desk.grant("topup", usd("10"))
    desk.authorize(usd("5"))
    desk.at(MIDNIGHT + MINUTE)
    assert.deepStrictEqual([desk.account.held, desk.account.frozen, desk.account.available], inUsd("5", "8", "0"))
    desk.charge(usd("4"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.account.frozen], inUsd("0", "9", "9"))
  })

  it("R6.7 debt is not paid from what calls under way keep", () => {
    const desk = evening("8")
    desk.authorize(usd("8"))
    desk.at(MIDNIGHT)
    desk.charge(usd("2"))
    desk.grant("topup", usd("1"))
    assert.deepStrictEqual(shown(desk), inUsd("2", "8", "0", "0", "1"))
  })
})
