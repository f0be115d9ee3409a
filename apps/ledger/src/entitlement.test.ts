/** Goal: who may use hosted models and when, what is kept meanwhile, and why not (R1.5, R1.8, R6.2). */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { codeOf, Desk, fieldOf, holdId } from "./account.fixture.ts"
import { entitledAt, planOf } from "./account.ts"
import { walletOf } from "./wallet.ts"

const HOUR = 3_600_000
const NOON = 12 * HOUR

const plus = (until?: number): Desk => {
  const desk = new Desk(NOON)
  desk.entitle(until === undefined ? {} : { until })
  return desk
}

describe("free accounts", () => {
  it("R1.8 an account without a plan has nothing usable and is refused", () => {
    const desk = new Desk(NOON)
    assert.strictEqual(codeOf(desk.authorize(1n)), "plan_required")
    assert.strictEqual(planOf(desk.account), "free")
  })

  it("R1.8 credit given to a free account is kept, frozen, and not usable", () => {
    const desk = new Desk(NOON)
    desk.grant("promo", usd("5"), { expiresAt: NOON + HOUR })
    assert.deepStrictEqual([desk.account.available, desk.account.frozen], [0n, usd("5")])
    assert.strictEqual(codeOf(desk.authorize(usd("1"))), "plan_required")
    assert.strictEqual(walletOf(desk.account, desk.now).balance, "0")
  })

  it("R1.8 frozen credit with an expiry expires all the same", () => {
    const desk = new Desk(NOON)
    desk.grant("promo", usd("5"), { expiresAt: NOON + HOUR })
    desk.at(NOON + HOUR)
    assert.deepStrictEqual([desk.account.frozen, desk.account.expired], [0n, usd("5")])
  })
})

describe("top-up credit", () => {
  it("R1.5 does not expire with the cycle", () => {
    const desk = plus()
    desk.grant("plan", usd("20"), { expiresAt: NOON + HOUR })
    desk.grant("topup", usd("10"))
    desk.at(NOON + 24 * 365 * HOUR)
    assert.strictEqual(desk.account.available, usd("10"))
  })

  it("R1.5 is kept frozen on Free and is usable again on resubscribing, to the nano", () => {
    const desk = plus()
    desk.grant("topup", usd("10"))
    desk.charge(usd("3.000000001"))
    desk.lapse()
    assert.deepStrictEqual([desk.account.available, desk.account.frozen], [0n, usd("6.999999999")])
    assert.strictEqual(codeOf(desk.authorize(1n)), "plan_required")
    desk.at(NOON + 90 * 24 * HOUR)
    desk.entitle()
    assert.deepStrictEqual([desk.account.available, desk.account.frozen], [usd("6.999999999"), 0n])
    assert.strictEqual(codeOf(desk.authorize(usd("6.999999999"))), "answered")
  })

  it("R1.5 a plan that ends by itself freezes it at that instant, without any command", () => {
    const desk = plus(NOON + HOUR)
    desk.grant("topup", usd("10"))
    desk.at(NOON + HOUR - 1)
    assert.strictEqual(desk.account.available, usd("10"))
    desk.at(NOON + 5 * HOUR)
    assert.deepStrictEqual([desk.account.available, desk.account.frozen], [0n, usd("10")])
    assert.deepStrictEqual([desk.last().kind, desk.last().at], ["entitled", NOON + HOUR])
    assert.strictEqual(planOf(desk.account), "free")
  })

  it("R1.5 R6.4 what is owed is paid from it the moment it is usable again", () => {
    const desk = plus()
    desk.charge(usd("4"))
    desk.lapse()
    desk.grant("topup", usd("10"))
    assert.deepStrictEqual([desk.account.debt, desk.account.frozen], [usd("4"), usd("10")])
    desk.entitle()
    assert.deepStrictEqual([desk.account.debt, desk.account.available, desk.left(1)], [0n, usd("6"), usd("6")])
  })
})

describe("intervals of a plan", () => {
  it("R6.5 are half-open: entitled at their first instant, not at their last", () => {
    const desk = plus(NOON + HOUR)
    desk.at(NOON + 2 * HOUR)
    const at = [NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR].map((instant) => entitledAt(desk.account, instant))
    assert.deepStrictEqual(at, [false, true, true, false])
  })

  it("a renewal in time goes on without a gap", () => {
    const desk = plus(NOON + HOUR)
    desk.grant("topup", usd("10"))
    desk.at(NOON + HOUR - 5)
    desk.entitle({ from: NOON + HOUR - 5, until: NOON + 2 * HOUR })
    desk.at(NOON + HOUR + 5)
    assert.strictEqual(desk.account.available, usd("10"))
    assert.strictEqual(desk.account.entitlements.length, 1)
  })

  it("a late renewal may begin where the last one ended: usage in between counts as entitled", () => {
    const desk = plus(NOON + HOUR)
    desk.at(NOON + 2 * HOUR)
    desk.entitle({ from: NOON + HOUR, until: NOON + 9 * HOUR })
    assert.isTrue(entitledAt(desk.account, NOON + HOUR + 1))
  })

  it("cannot begin in the future, before the one in force, or be over already", () => {
    const desk = plus()
    assert.strictEqual(codeOf(desk.entitle({ from: NOON + 1 })), "invalid")
    assert.strictEqual(codeOf(desk.entitle({ from: NOON - 1 })), "invalid")
    assert.strictEqual(codeOf(desk.entitle({ until: NOON })), "invalid")
    assert.strictEqual(desk.account.n, 1)
  })

  it("another plan takes over at once and the one before ends there", () => {
    const desk = plus()
    desk.at(NOON + HOUR)
    desk.entitle({ plan: "pro" })
    assert.strictEqual(planOf(desk.account), "pro")
    assert.deepStrictEqual(
      desk.account.entitlements.map((e) => [e.plan, e.from - NOON, e.until > NOON + 2 * HOUR]),
      [
        ["plus", 0, false],
        ["pro", HOUR, true],
      ],
    )
  })

  it("R6.5 holds survive a lapse", () => {
    const desk = plus()
    desk.grant("topup", usd("10"))
    desk.authorize(usd("4"))
    desk.lapse()
    assert.deepStrictEqual([desk.account.held, desk.account.frozen], [usd("4"), usd("6")])
    desk.charge(usd("3"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.account.held, desk.account.frozen, desk.account.debt], [0n, usd("7"), 0n])
  })

  it("R6.2 a lapsed account cannot extend a hold, but may release it", () => {
    const desk = plus()
    desk.grant("topup", usd("10"))
    desk.authorize(usd("4"))
    desk.lapse()
    assert.strictEqual(codeOf(desk.extend(holdId(1), 1n)), "plan_required")
    assert.strictEqual(codeOf(desk.release(holdId(1))), "answered")
    assert.strictEqual(desk.account.frozen, usd("10"))
  })
})

describe("an account frozen by support", () => {
  it("R6.2 is refused new calls with account_frozen, and the reason is kept", () => {
    const desk = plus()
    desk.grant("plan", usd("20"))
    desk.freeze("card reported stolen")
    const outcome = desk.authorize(1n)
    assert.strictEqual(codeOf(outcome), "account_frozen")
    assert.isTrue(outcome._tag === "refused" && outcome.refusal.detail.includes("card reported stolen"))
    assert.deepStrictEqual(desk.account.freeze, { reason: "card reported stolen", at: NOON })
  })

  it("R6.2 keeps its money and its open holds, and usage already under way is still settled", () => {
    const desk = plus()
    desk.grant("plan", usd("20"))
    desk.authorize(usd("5"))
    desk.freeze("looked at")
    assert.strictEqual(codeOf(desk.extend(holdId(1), 1n)), "account_frozen")
    desk.charge(usd("2"), { holdId: holdId(1) })
    assert.deepStrictEqual([desk.account.spent, desk.account.available], [usd("2"), usd("18")])
  })

  it("R6.2 is usable again when unfrozen; freezing twice is one freeze", () => {
    const desk = plus()
    desk.grant("plan", usd("20"))
    desk.freeze("first")
    const n = desk.account.n
    assert.strictEqual(fieldOf(desk.freeze("second"), "seq"), n)
    assert.strictEqual(desk.account.freeze?.reason, "first")
    desk.unfreeze()
    assert.strictEqual(codeOf(desk.authorize(1n)), "answered")
  })
})

describe("marks", () => {
  it("R6.2 while a top-up runs a call that is short is told to come back, not that it is over", () => {
    const desk = plus()
    desk.mark("refill", NOON + 30_000)
    const outcome = desk.authorize(1n)
    assert.strictEqual(codeOf(outcome), "top_up_in_progress")
    assert.isTrue(outcome._tag === "refused" && outcome.refusal.retryAfter === 5_000)
  })

  it("R2.3 while a renewal is decided other credit pays; only what it does not cover is told to come back", () => {
    const desk = plus()
    desk.grant("topup", usd("1"))
    desk.mark("renewal", NOON + 30_000)
    assert.strictEqual(codeOf(desk.authorize(usd("0.60"))), "answered")
    assert.strictEqual(codeOf(desk.authorize(usd("0.60"))), "renewal_in_progress")
  })

  it("R2.3 a plan that has just ended while its renewal is decided is told to come back", () => {
    const desk = plus(NOON + HOUR)
    desk.mark("renewal", NOON + 2 * HOUR)
    desk.at(NOON + HOUR)
    assert.strictEqual(codeOf(desk.authorize(1n)), "renewal_in_progress")
    desk.at(NOON + 2 * HOUR)
    assert.strictEqual(codeOf(desk.authorize(1n)), "plan_required")
  })

  it("a mark ends by itself at its instant, so that a lost end blocks nobody; 0 clears it", () => {
    const desk = plus()
    desk.mark("refill", NOON + 30_000)
    desk.at(NOON + 30_000)
    assert.strictEqual(codeOf(desk.authorize(1n)), "insufficient_balance")
    desk.mark("refill", NOON + 90_000)
    desk.mark("refill", 0)
    assert.strictEqual(codeOf(desk.authorize(1n)), "insufficient_balance")
  })
})
