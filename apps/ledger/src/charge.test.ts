/** Goal: usage is charged in full, once, from what it was promised first (R6.3–R6.5). */
import { assert, describe, it } from "vitest"
import { makeHoldId, usd } from "@credits/kernel"
import { codeOf, Desk, holdId, lotId } from "./account.fixture.ts"
import { HOLD_TTL_MS } from "./authorize.ts"

const HOUR = 3_600_000

const plus = (credit: string): Desk => {
  const desk = new Desk()
  desk.entitle()
  if (credit !== "0") desk.grant("plan", usd(credit))
  return desk
}
const buckets = ({ account }: Desk) => [account.spent, account.held, account.available, account.debt]
const inUsd = (...texts: ReadonlyArray<string>) => texts.map(usd)

describe("settling a hold", () => {
  it("R6.3 a call held at 0.50 that cost 0.32 gives 0.18 back", () => {
    const desk = plus("20")
    desk.authorize(usd("0.50"))
    desk.charge(usd("0.32"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("0.32", "0", "19.68", "0"))
    assert.strictEqual(desk.account.holds, null)
  })

  it("R6.3 a call that failed before producing tokens costs nothing and closes its hold", () => {
    const desk = plus("20")
    desk.authorize(usd("0.50"))
    desk.charge(0n, { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("0", "0", "20", "0"))
    assert.strictEqual(desk.last().kind, "charged")
  })

  it("R6.3 a cancelled call costs what was produced", () => {
    const desk = plus("20")
    desk.authorize(usd("2"))
    desk.charge(usd("0.000123"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("0.000123", "0", "19.999877", "0"))
  })

  it("R6.3 a hold that is not settled expires after 15 minutes and is released at that instant", () => {
    const desk = plus("20")
    desk.authorize(usd("2"))
    desk.at(HOLD_TTL_MS - 1)
    assert.strictEqual(desk.account.held, usd("2"))
    desk.at(HOLD_TTL_MS + HOUR)
    assert.deepStrictEqual(buckets(desk), inUsd("0", "0", "20", "0"))
    assert.deepStrictEqual([desk.last().kind, desk.last().at], ["hold_expired", 15 * 60_000])
  })

  it("R6.3 usage that arrives after its hold has expired is still charged", () => {
    const desk = plus("20")
    desk.authorize(usd("2"))
    desk.at(HOLD_TTL_MS + 1)
    assert.strictEqual(codeOf(desk.charge(usd("1.40"), { holdId: holdId(1) })), "answered")
    assert.deepStrictEqual(buckets(desk), inUsd("1.40", "0", "18.60", "0"))
  })

  it("R6.3 a hold is never paid out twice: a second usage of the same hold has no hold any more", () => {
    const desk = plus("3")
    desk.authorize(usd("2"))
    desk.charge(usd("2"), { holdId: holdId(1) })
    desk.charge(usd("2"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("4", "0", "0", "1"))
  })

  it("R6.3 an extended hold settles as one", () => {
    const desk = plus("20")
    desk.authorize(usd("1"))
    desk.extend(holdId(1), usd("2"))
    desk.charge(usd("2.50"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("2.50", "0", "17.50", "0"))
  })

  it("after a takeover holds do not expire until the owner has caught up, so usage under way still finds them", () => {
    const desk = plus("2")
    desk.authorize(usd("2"))
    desk.holdsMayExpire = false
    desk.at(HOLD_TTL_MS + 10_000)
    assert.strictEqual(desk.account.held, usd("2"))
    desk.charge(usd("1.50"), { holdId: holdId(1) })
    desk.holdsMayExpire = true
    desk.at(HOLD_TTL_MS + 60_000)
    assert.deepStrictEqual(buckets(desk), inUsd("1.50", "0", "0.50", "0"))
  })
})

describe("usage above its hold", () => {
  it("R6.4 is charged in full from what is available", () => {
    const desk = plus("20")
    desk.authorize(usd("0.50"))
    desk.charge(usd("0.80"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("0.80", "0", "19.20", "0"))
  })

  it("R6.4 beyond that becomes debt: 1.30 used of 1.00 owes 0.30 and the balance is 0, not -0.30", () => {
    const desk = plus("1")
    desk.authorize(usd("1"))
    desk.charge(usd("1.30"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("1.30", "0", "0", "0.30"))
  })

  it("R6.4 I4 what other calls hold is not touched: it becomes debt beside their holds", () => {
    const desk = plus("10")
    desk.authorize(usd("4"))
    desk.authorize(usd("6"))
    desk.charge(usd("9"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("9", "6", "0", "5"))
    desk.charge(usd("6"), { holdId: holdId(2) })
    assert.deepStrictEqual(buckets(desk), inUsd("15", "0", "0", "5"))
  })

  it("R6.4 debt is paid at once by whatever becomes available next: the rest of another call's hold", () => {
    const desk = plus("10")
    desk.authorize(usd("6"))
    desk.charge(usd("5"))
    assert.deepStrictEqual(buckets(desk), inUsd("5", "6", "0", "1"))
    desk.charge(usd("2"), { holdId: holdId(1) })
    assert.deepStrictEqual(buckets(desk), inUsd("7", "0", "3", "0"))
  })

  it("R6.4 debt is paid at once by an expired hold", () => {
    const desk = plus("10")
    desk.authorize(usd("6"))
    desk.charge(usd("7"))
    desk.at(HOLD_TTL_MS)
    assert.deepStrictEqual(buckets(desk), inUsd("7", "0", "3", "0"))
  })

  it("R6.4 debt is paid at once by a grant, and only the rest of the new lot is available", () => {
    const desk = plus("0")
    desk.charge(usd("1.25"))
    const outcome = desk.grant("topup", usd("10"))
    assert.deepStrictEqual(buckets(desk), inUsd("1.25", "0", "8.75", "0"))
    assert.deepStrictEqual(outcome, {
      _tag: "answered",
      answer: { lotId: lotId(1), remaining: usd("8.75").toString(), availableAfter: usd("8.75").toString() },
    })
    assert.deepStrictEqual(desk.last().also, [{ id: lotId(1), change: -usd("1.25") }])
  })

  it("R6.4 debt is paid at once by a reversal", () => {
    const desk = plus("5")
    desk.charge(usd("5"), { id: "evt-1" })
    desk.charge(usd("2"), { id: "evt-2" })
    desk.reverse("evt-1", usd("3"))
    assert.deepStrictEqual(buckets(desk), inUsd("4", "0", "1", "0"))
  })

  it("R6.4 a grant smaller than what is owed leaves the rest of the debt", () => {
    const desk = plus("0")
    desk.charge(usd("5"))
    desk.grant("topup", usd("2"))
    assert.deepStrictEqual(buckets(desk), inUsd("5", "0", "0", "3"))
  })
})

describe("usage without a hold", () => {
  it("R6.5 is charged the same way", () => {
    const desk = plus("20")
    desk.charge(usd("0.32"))
    assert.deepStrictEqual(buckets(desk), inUsd("0.32", "0", "19.68", "0"))
  })

  it("R6.5 is paid from the lots there are when it arrives, not from those when it happened", () => {
    const desk = plus("0")
    desk.grant("plan", usd("20"), { expiresAt: HOUR })
    desk.at(HOUR)
    desk.grant("plan", usd("20"), { expiresAt: 2 * HOUR })
    desk.charge(usd("3"), { occurredAt: HOUR - 1 })
    assert.deepStrictEqual([desk.account.expired, desk.left(2)], inUsd("20", "17"))
    assert.strictEqual(desk.last().usedAt, HOUR - 1)
    assert.strictEqual(desk.last().at, HOUR)
  })

  it("R6.5 of a time with a plan is charged after the plan has ended, from frozen credit first", () => {
    const desk = plus("0")
    desk.grant("topup", usd("2"))
    desk.at(HOUR)
    desk.lapse()
    assert.strictEqual(codeOf(desk.charge(usd("3"), { occurredAt: HOUR - 1 })), "answered")
    assert.deepStrictEqual(buckets(desk), inUsd("3", "0", "0", "1"))
    assert.strictEqual(desk.account.frozen, 0n)
  })

  it("R6.5 with neither a hold nor a plan at its time goes to review, uncharged", () => {
    const desk = plus("20")
    desk.at(HOUR)
    desk.lapse()
    for (const occurredAt of [-1, HOUR, HOUR + 1]) {
      assert.strictEqual(codeOf(desk.charge(usd("1"), { occurredAt })), "no_entitlement")
    }
    assert.deepStrictEqual([desk.account.spent, desk.account.frozen], inUsd("0", "20"))
    const free = new Desk()
    assert.strictEqual(codeOf(free.charge(usd("1"))), "no_entitlement")
    assert.strictEqual(free.account.n, 0)
  })

  it("R6.5 another account's hold proves nothing", () => {
    const desk = new Desk()
    const foreign = makeHoldId("acc_other", 0, new Uint8Array(10))
    assert.strictEqual(codeOf(desk.charge(1n, { holdId: foreign })), "no_entitlement")
  })

  it("R6.5 of a call whose hold was open at the lapse is charged although it ended later", () => {
    const desk = plus("0")
    desk.grant("topup", usd("2"))
    desk.authorize(usd("2"))
    desk.lapse()
    desk.at(60_000)
    assert.strictEqual(codeOf(desk.charge(usd("1.50"), { holdId: holdId(1), occurredAt: 60_000 })), "answered")
    assert.deepStrictEqual([desk.account.spent, desk.account.frozen], inUsd("1.50", "0.50"))
  })
})
