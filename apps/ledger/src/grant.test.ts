/** Goal: credit is given, and taken back only where it is not promised (R4.3, support adjustments). */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { ACCOUNT, codeOf, Desk, fieldOf, holdId, lotId } from "./account.fixture.ts"
import type { WriteCommand } from "./command.ts"
import { decide } from "./decide.ts"
import type { Outcome } from "./outcome.ts"
import { encodeSnapshot } from "./snapshot.ts"

const DAY = 86_400_000
const inUsd = (...texts: ReadonlyArray<string>) => texts.map(usd)

const plus = (credit = "20", expiresAt = 30 * DAY): Desk => {
  const desk = new Desk()
  desk.entitle()
  desk.grant("plan", usd(credit), { expiresAt })
  return desk
}

const common = (op: string, id: string) => ({ account: ACCOUNT, key: `${op}:${id}`, content: "", id })
const revoke = (lot: string, amount: bigint): WriteCommand => ({
  ...common("revoke", "r"),
  op: "revoke",
  lotId: lot,
  amount,
  reason: "",
})
const grant = (amount: bigint, expiresAt: number): WriteCommand => ({
  ...common("grant", "g"),
  op: "grant",
  kind: "plan",
  amount,
  expiresAt,
  cause: "upgrade:qt_1",
  reason: "",
})
const group = (desk: Desk, ...commands: ReadonlyArray<WriteCommand>): Outcome =>
  desk.run((context, entries) =>
    decide(desk.account, { ...common("group", "u"), op: "group", commands }, context, entries, null),
  )

describe("revoking", () => {
  it("R4.3 takes back what is left of the lot and answers how much that was", () => {
    const desk = plus()
    desk.charge(usd("12.50"))
    const outcome = desk.revoke(lotId(1), usd("10"))
    assert.strictEqual(fieldOf(outcome, "revoked"), usd("7.50").toString())
    assert.deepStrictEqual([desk.account.revoked, desk.account.available, desk.left(1)], inUsd("7.50", "0", "0"))
  })

  it("R4.3 takes nothing that a call under way is promised", () => {
    const desk = plus()
    desk.authorize(usd("15"))
    assert.strictEqual(fieldOf(desk.revoke(lotId(1), usd("20")), "revoked"), usd("5").toString())
    desk.charge(usd("15"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.account.spent, desk.account.debt, desk.account.revoked], inUsd("15", "0", "5"))
  })

  it("R4.3 calls count against the lot that burns first, so a later lot is free to be taken", () => {
    const desk = plus()
    desk.grant("topup", usd("10"))
    desk.authorize(usd("20"))
    assert.strictEqual(fieldOf(desk.revoke(lotId(1), usd("20")), "revoked"), "0")
    assert.strictEqual(fieldOf(desk.revoke(lotId(2), usd("20")), "revoked"), usd("10").toString())
  })

  it("R4.3 other lots are not touched, and the rest of the lot keeps its expiry", () => {
    const desk = plus()
    desk.grant("topup", usd("10"))
    desk.revoke(lotId(1), usd("4"))
    assert.deepStrictEqual([desk.left(1), desk.left(2)], inUsd("16", "10"))
    desk.at(30 * DAY)
    assert.deepStrictEqual([desk.account.expired, desk.account.available], inUsd("16", "10"))
  })

  it("R4.3 of a frozen account it is taken from the frozen credit", () => {
    const desk = plus()
    desk.lapse()
    desk.revoke(lotId(1), usd("5"))
    assert.deepStrictEqual([desk.account.frozen, desk.account.available, desk.account.revoked], inUsd("15", "0", "5"))
  })

  it("a lot that never was or has expired is not found, also while calls still keep a part of it", () => {
    const desk = plus("20", 60_000)
    desk.authorize(usd("5"))
    assert.strictEqual(codeOf(desk.revoke(lotId(9), 1n)), "lot_not_found")
    desk.at(60_000)
    assert.strictEqual(desk.left(1), usd("5"))
    assert.strictEqual(codeOf(desk.revoke(lotId(1), 1n)), "lot_not_found")
    desk.charge(usd("5"), { holdId: holdId(1) })
    assert.strictEqual(codeOf(desk.revoke(lotId(1), 1n)), "lot_not_found")
  })

  it("a used-up lot of the running cycle is there and has nothing to take", () => {
    const desk = plus()
    desk.charge(usd("20"))
    assert.strictEqual(fieldOf(desk.revoke(lotId(1), usd("10")), "revoked"), "0")
  })
})

describe("an upgrade as one group", () => {
  /** What is taken back for the unused share of the cycle, rounded down to the nano (R4.3). */
  const backOf = (cycleCredit: bigint, t: number) => (cycleCredit * BigInt(30 * DAY - t)) / BigInt(30 * DAY)

  it("R4.3 an unspent Plus upgraded to Pro at the same instant has exactly 120.00", () => {
    const desk = plus()
    const outcome = group(desk, grant(usd("120"), 30 * DAY), revoke(lotId(1), backOf(usd("20"), 0)))
    assert.strictEqual(codeOf(outcome), "answered")
    assert.deepStrictEqual([desk.account.available, desk.account.revoked], inUsd("120", "20"))
  })

  it("R4.3 ten minutes later it has the share already earned more: 120.00462962", () => {
    const desk = plus()
    desk.at(10 * 60_000)
    group(desk, grant(usd("120"), 30 * DAY + 10 * 60_000), revoke(lotId(1), backOf(usd("20"), desk.now)))
    assert.strictEqual(desk.account.available - usd("120"), 4_629_630n)
    assert.strictEqual(desk.left(1), 4_629_630n)
  })

  it("R4.3 what is missing of the old lot is known before the new one is cut: 20.00 spent of 20.00", () => {
    const desk = plus()
    desk.charge(usd("20"))
    desk.at(15 * DAY)
    const back = backOf(usd("20"), desk.now)
    const taken = BigInt(String(fieldOf(desk.revoke(lotId(1), back), "revoked")))
    desk.grant("plan", usd("120") - (back - taken), { expiresAt: 45 * DAY })
    assert.deepStrictEqual([back, taken, desk.account.available], inUsd("10", "0", "110"))
  })

  it("R4.3 the balance never dips in between: every entry of the group leaves at least the old balance", () => {
    const desk = plus()
    const before = desk.entries.length
    group(desk, grant(usd("120"), 30 * DAY), revoke(lotId(1), usd("20")))
    let balance = usd("20")
    for (const entry of desk.entries.slice(before)) {
      balance += entry.available
      assert.isTrue(balance >= usd("20"))
    }
    assert.strictEqual(balance, usd("120"))
  })

  it("R4.3 is all or nothing: a refusal of any part leaves the account as it was", () => {
    const desk = plus()
    const before = encodeSnapshot(desk.account)
    const outcome = group(desk, grant(usd("120"), 30 * DAY), revoke("lot_gone", usd("20")))
    assert.strictEqual(codeOf(outcome), "lot_not_found")
    assert.strictEqual(encodeSnapshot(desk.account), before)
  })

  it("R4.3 answers every part in order", () => {
    const desk = plus()
    const answers = fieldOf(group(desk, revoke(lotId(1), usd("5")), grant(usd("120"), 30 * DAY)), "answers")
    assert.deepStrictEqual(answers, [
      { revoked: usd("5").toString(), availableAfter: usd("15").toString() },
      { lotId: lotId(2), remaining: usd("120").toString(), availableAfter: usd("135").toString() },
    ])
  })
})

describe("adjustments by support", () => {
  it("R1.2 a positive one is an adjustment lot with its reason and its expiry", () => {
    const desk = plus()
    desk.adjust(usd("3"), 10 * DAY)
    const lot = desk.account.lots[0]
    assert.deepStrictEqual([lot?.kind, lot?.remaining, lot?.expiresAt], ["adjustment", usd("3"), 10 * DAY])
    assert.deepStrictEqual([desk.last().kind, desk.last().reason], ["adjusted", "support"])
  })

  it("R6.4 a positive one pays what is owed first", () => {
    const desk = plus("1")
    desk.charge(usd("3"))
    desk.adjust(usd("5"))
    assert.deepStrictEqual([desk.account.debt, desk.account.available], inUsd("0", "3"))
  })

  it("R1.6 a negative one takes adjustment credit first, then in burn order", () => {
    const desk = plus("2")
    desk.grant("topup", usd("10"))
    desk.adjust(usd("1"))
    desk.adjust(-usd("4"))
    assert.deepStrictEqual([desk.left(1), desk.left(2), desk.left(3)], inUsd("0", "9", "0"))
    assert.deepStrictEqual(desk.last().lots, [
      { id: lotId(3), change: -usd("1") },
      { id: lotId(1), change: -usd("2") },
      { id: lotId(2), change: -usd("1") },
    ])
  })

  it("R1.6 a negative one never takes what calls are promised and never goes below zero", () => {
    const desk = plus("10")
    desk.authorize(usd("6"))
    assert.strictEqual(codeOf(desk.adjust(-usd("4.000000001"))), "insufficient_balance")
    desk.adjust(-usd("4"))
    assert.deepStrictEqual([desk.account.available, desk.account.held, desk.account.revoked], inUsd("0", "6", "4"))
    desk.charge(usd("6"), { holdId: holdId(1) })
    assert.strictEqual(desk.account.debt, 0n)
  })

  it("R1.5 a negative one reaches frozen credit on Free", () => {
    const desk = plus("10")
    desk.lapse()
    desk.adjust(-usd("4"))
    assert.deepStrictEqual([desk.account.frozen, desk.account.revoked], inUsd("6", "4"))
  })
})
