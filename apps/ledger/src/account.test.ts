/** Goal: the books of an account are whole numbers, only ever added to, and always close (R1.1, R1.6, R1.7). */
import { assert, describe, it } from "vitest"
import { NANO_AMOUNT_MAX, usd } from "@credits/kernel"
import { ACCOUNT, Desk, fieldOf, holdId, lotId } from "./account.fixture.ts"
import { assertHolds, assertIdentity, emptyAccount, evolve, IdentityBroken } from "./account.ts"
import { BUCKETS, makeEntry } from "./entry.ts"
import { NEVER } from "./lot.ts"
import { encodeSnapshot } from "./snapshot.ts"
import { walletOf } from "./wallet.ts"

const HOUR = 3_600_000
const paying = (): Desk => {
  const desk = new Desk()
  desk.entitle()
  return desk
}

/** A day in which everything happens once. */
const fullDay = (): Desk => {
  const desk = paying()
  desk.grant("plan", usd("20"), { expiresAt: 10 * HOUR })
  desk.grant("topup", usd("5"))
  desk.at(10 * HOUR - 60_000)
  desk.authorize(usd("3"))
  desk.charge(usd("2.75"), { id: "evt-1", holdId: holdId(1) })
  desk.authorize(usd("4"))
  desk.extend(holdId(2), usd("1"))
  desk.revoke(desk.account.lots[0]!.id, usd("0.10"))
  desk.adjust(-usd("0.15"))
  desk.reverse("evt-1", usd("0.75"))
  desk.at(10 * HOUR)
  desk.charge(usd("30"), { id: "evt-2" })
  desk.lapse()
  desk.grant("promo", usd("1"))
  return desk
}

describe("credits", () => {
  it("R1.1 are whole nano-USD: a nano-dollar is charged as one and ten millions of them are a cent", () => {
    const desk = paying()
    desk.grant("plan", usd("0.01"))
    desk.charge(1n)
    assert.strictEqual(desk.account.available, 9_999_999n)
    for (const bucket of BUCKETS) assert.typeOf(desk.account[bucket], "bigint")
  })

  it("R1.1 amounts far beyond 2^53 nano-USD stay exact", () => {
    const desk = paying()
    for (let i = 0; i < 20; i++) desk.grant("topup", NANO_AMOUNT_MAX)
    desk.charge(1n)
    assert.strictEqual(desk.account.available, 20n * NANO_AMOUNT_MAX - 1n)
    assert.isTrue(desk.account.available > BigInt(Number.MAX_SAFE_INTEGER))
  })

  it("R1.6 the balance is the sum of its entries, and every change of it is an entry", () => {
    const desk = fullDay()
    for (const bucket of BUCKETS) {
      const sum = desk.entries.reduce((total, entry) => total + entry[bucket], 0n)
      assert.strictEqual(desk.account[bucket], sum, bucket)
    }
    assert.strictEqual(desk.account.n, desk.entries.length)
    const again = emptyAccount(ACCOUNT)
    for (const entry of desk.entries) evolve(again, entry)
    assert.strictEqual(encodeSnapshot(again), encodeSnapshot(desk.account))
  })

  it("R1.6 a correction is one more entry: the charge it corrects stays as it was written", () => {
    const desk = paying()
    desk.grant("plan", 100n)
    desk.charge(40n, { id: "evt-1" })
    const written = structuredClone(desk.last())
    desk.reverse("evt-1")
    assert.deepStrictEqual(desk.entries.at(-2), written)
    assert.strictEqual(desk.last().kind, "reversed")
  })
})

describe("the closing identity", () => {
  it("R1.7 I1 closes after every entry, and every entry's postings sum to zero", () => {
    const account = emptyAccount(ACCOUNT)
    for (const entry of fullDay().entries) {
      const into = entry.granted + entry.debt
      const outOf = entry.spent + entry.held + entry.available + entry.frozen + entry.expired + entry.revoked
      assert.strictEqual(into, outOf, entry.kind)
      evolve(account, entry)
      const { granted, debt, spent, held, available, frozen, expired, revoked } = account
      assert.strictEqual(granted + debt, spent + held + available + frozen + expired + revoked, entry.kind)
    }
  })

  it("I1 a sum that runs over its 64 bits breaks the identity, and is seen", () => {
    const account = emptyAccount(ACCOUNT)
    account.entitled = true
    account.granted = 2n ** 63n - 1n
    account.spent = 2n ** 63n - 1n
    assertIdentity(account)
    const entry = makeEntry("granted", 1, "one-more")
    entry.granted = entry.available = 1n
    entry.opened = { id: lotId(1), kind: "topup", amount: 1n, expiresAt: NEVER, cause: "one-more" }
    evolve(account, entry)
    assert.throws(() => assertIdentity(account), IdentityBroken)
  })

  it("R1.7 closes in real figures: 26 granted, 32 spent, and who paid for what", () => {
    const { account } = fullDay()
    const shown = Object.fromEntries(BUCKETS.map((bucket) => [bucket, account[bucket]]))
    // 20 + 5 granted, 0.25 taken back, 2 spent. At the reset 5 are held, so 12.75 of the plan's 17.75 expire; then 30
    // are used.
    assert.deepStrictEqual(shown, {
      granted: usd("26"),
      debt: usd("25"),
      spent: usd("32"),
      held: usd("5"),
      available: 0n,
      frozen: usd("1"),
      expired: usd("12.75"),
      revoked: usd("0.25"),
    })
  })

  it("R1.7 books that do not close are noticed at once and say whose they are", () => {
    const broken = (change: (desk: Desk) => void): string => {
      const desk = paying()
      desk.grant("plan", 100n)
      change(desk)
      try {
        assertIdentity(desk.account)
        return "closed"
      } catch (error) {
        assert.instanceOf(error, IdentityBroken)
        assert.include(error.message, ACCOUNT)
        return "noticed"
      }
    }
    assert.strictEqual(
      broken(() => {}),
      "closed",
    )
    assert.strictEqual(
      broken(({ account }) => (account.available += 1n)),
      "noticed",
    )
    assert.strictEqual(
      broken(({ account }) => (account.lots[0]!.remaining -= 1n)),
      "noticed",
    )
    assert.strictEqual(
      broken(({ account }) => (account.lots[0]!.remaining = -1n)),
      "noticed",
    )
    assert.strictEqual(
      broken(({ account }) => (account.spent += 1n)),
      "noticed",
    )
    assert.strictEqual(
      broken(({ account }) => ((account.available = -1n), (account.held = 101n))),
      "noticed",
    )
    assert.strictEqual(
      broken(({ account }) => ((account.frozen = 100n), (account.available = 0n))),
      "noticed",
    )
  })

  it("R1.7 an entry that does not balance, or names a lot the account does not have, is noticed", () => {
    const { account } = paying()
    const unbalanced = makeEntry("granted", 0, "cmd")
    unbalanced.granted = 1n
    evolve(account, unbalanced)
    assert.throws(() => assertIdentity(account), IdentityBroken)
    const strange = makeEntry("charged", 0, "evt")
    strange.lots = [{ id: "lot_x", change: -1n }]
    assert.throws(() => evolve(account, strange), /does not have/)
  })

  it("R1.7 the held bucket is the sum of the open holds", () => {
    const desk = paying()
    desk.grant("plan", 100n)
    desk.authorize(30n)
    desk.authorize(20n)
    assertHolds(desk.account)
    desk.account.holds!.delete(holdId(1))
    assert.throws(() => assertHolds(desk.account), IdentityBroken)
  })
})

describe("the shown balance", () => {
  it("R1.7 is available and held together; frozen and debt stand apart; on Free it is 0", () => {
    const desk = paying()
    desk.grant("topup", usd("20"))
    desk.authorize(usd("5"))
    const shown = walletOf(desk.account, desk.now)
    assert.deepStrictEqual(
      [shown.balance, shown.available, shown.held],
      ["20", "15", "5"].map((text) => usd(text).toString()),
    )
    desk.charge(usd("1"))
    desk.lapse()
    const free = walletOf(desk.account, desk.now)
    assert.deepStrictEqual([free.balance, free.available, free.frozen], ["0", "0", usd("14").toString()])
    assert.strictEqual(free.plan, "free")
  })

  it("R1.7 R6.4 is never negative: what is owed is shown as debt", () => {
    const desk = paying()
    desk.grant("plan", usd("1"))
    desk.charge(usd("1.75"))
    const shown = walletOf(desk.account, desk.now)
    assert.deepStrictEqual([shown.balance, shown.debt], ["0", usd("0.75").toString()])
  })

  it("R1.7 the cycle's own figures count from the cycle's begin", () => {
    const desk = paying()
    desk.grant("plan", usd("20"))
    desk.charge(usd("3"))
    desk.entitle({ cycle: { start: 0, end: HOUR } })
    fieldOf(desk.grant("plan", usd("20"), { expiresAt: HOUR }), "lotId")
    desk.charge(usd("1.50"))
    const { cycle } = walletOf(desk.account, desk.now)
    assert.deepStrictEqual(cycle, { start: 0, end: HOUR, granted: usd("20").toString(), spent: usd("1.5").toString() })
  })
})
