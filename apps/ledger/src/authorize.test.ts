/** Goal: a call is promised only what is there, or refused with the reason (R6.1, R6.2). */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { codeOf, Desk, fieldOf, holdId } from "./account.fixture.ts"
import { HOLD_TTL_MS, OPEN_HOLDS_MAX } from "./authorize.ts"

const MINUTE = 60_000

const plus = (credit: string): Desk => {
  const desk = new Desk()
  desk.entitle()
  if (credit !== "0") desk.grant("plan", usd(credit))
  return desk
}

describe("authorize", () => {
  it("R6.1 a hold of 0.75 on a balance of 20.00 leaves 19.25 available", () => {
    const desk = plus("20")
    const outcome = desk.authorize(usd("0.75"))
    assert.deepStrictEqual(outcome, {
      _tag: "answered",
      answer: {
        holdId: holdId(1),
        held: usd("0.75").toString(),
        expiresAt: HOLD_TTL_MS,
        availableAfter: usd("19.25").toString(),
      },
    })
    assert.deepStrictEqual([desk.account.held, desk.account.available], [usd("0.75"), usd("19.25")])
  })

  it("R6.1 I4 of a hundred calls of 0.30 at once on 20.00 exactly 66 are granted and nothing more is promised", () => {
    const desk = plus("20")
    const codes = Array.from({ length: 100 }, () => codeOf(desk.authorize(usd("0.30"))))
    assert.strictEqual(codes.filter((code) => code === "answered").length, 66)
    assert.strictEqual(codes.filter((code) => code === "insufficient_balance").length, 34)
    assert.deepStrictEqual([desk.account.held, desk.account.available], [usd("19.80"), usd("0.20")])
  })

  it("R6.1 the whole balance can be held, to the nano, and not one nano more", () => {
    const desk = plus("20")
    assert.strictEqual(codeOf(desk.authorize(usd("20.000000001"))), "insufficient_balance")
    assert.strictEqual(codeOf(desk.authorize(usd("20"))), "answered")
    assert.strictEqual(codeOf(desk.authorize(1n)), "insufficient_balance")
  })

  it("R6.1 a call that costs nothing is granted on an empty balance", () => {
    assert.strictEqual(codeOf(plus("0").authorize(0n)), "answered")
  })

  it("the open holds of one account are bounded", () => {
    const desk = plus("20")
    for (let i = 0; i < OPEN_HOLDS_MAX; i++) {
      desk.account.holds ??= new Map()
      desk.account.holds.set(`h${i}`, { id: `h${i}`, amount: 0n, expiresAt: HOLD_TTL_MS })
    }
    assert.strictEqual(codeOf(desk.authorize(1n)), "overloaded")
  })
})

describe("refusals", () => {
  it("R6.2 insufficient_balance is final and says what is there", () => {
    const desk = plus("0.20")
    const outcome = desk.authorize(usd("0.50"))
    assert.isTrue(outcome._tag === "refused")
    if (outcome._tag !== "refused") return
    assert.deepStrictEqual(outcome.refusal, {
      code: "insufficient_balance",
      detail: "0.50 USD needed, 0.20 USD available",
      available: usd("0.20").toString(),
    })
  })

  it("R6.2 payment_past_due is said when the plan's renewal has failed and the balance is empty", () => {
    const desk = new Desk()
    desk.entitle({ pastDue: true })
    desk.grant("topup", usd("1"))
    assert.strictEqual(codeOf(desk.authorize(usd("1"))), "answered", "R5.4 top-up credit stays usable meanwhile")
    assert.strictEqual(codeOf(desk.authorize(usd("1"))), "payment_past_due")
  })

  it("R6.2 plan_required, account_frozen: a frozen account is told that first", () => {
    const desk = plus("20")
    desk.lapse()
    assert.strictEqual(codeOf(desk.authorize(1n)), "plan_required")
    desk.freeze("fraud")
    assert.strictEqual(codeOf(desk.authorize(1n)), "account_frozen")
  })

  it("R6.2 what is retryable is said first: renewal, then top-up, then the final reasons", () => {
    const desk = new Desk()
    desk.entitle({ pastDue: true })
    desk.mark("refill", 10_000)
    desk.mark("renewal", 5_000)
    const codes = [0, 5_000, 10_000].map((now) => codeOf(desk.at(now).authorize(1n)))
    assert.deepStrictEqual(codes, ["renewal_in_progress", "top_up_in_progress", "payment_past_due"])
  })

  it("R6.4 debt blocks new authorizations and the refusal names it", () => {
    const desk = plus("1")
    desk.charge(usd("1.25"))
    const outcome = desk.authorize(0n)
    assert.strictEqual(codeOf(outcome), "insufficient_balance")
    assert.isTrue(outcome._tag === "refused" && outcome.refusal.detail.includes("0.25 USD is owed"))
  })

  it("a refusal changes nothing", () => {
    const desk = plus("1")
    const n = desk.account.n
    desk.authorize(usd("2"))
    desk.extend(holdId(9), 1n)
    assert.strictEqual(desk.account.n, n)
  })
})

describe("partial authorization", () => {
  it("R6.2 the last 0.12 stays spendable: at least 0.05 of 0.50 gets 0.12", () => {
    const desk = plus("0.12")
    const outcome = desk.authorize(usd("0.50"), usd("0.05"))
    assert.strictEqual(fieldOf(outcome, "held"), usd("0.12").toString())
    assert.strictEqual(desk.account.available, 0n)
  })

  it("R6.2 less than the least is refused, the whole is given when it is there", () => {
    const desk = plus("0.12")
    assert.strictEqual(codeOf(desk.authorize(usd("0.50"), usd("0.13"))), "insufficient_balance")
    assert.strictEqual(fieldOf(desk.authorize(usd("0.10"), usd("0.05")), "held"), usd("0.10").toString())
  })

  it("R6.2 at least nothing is all or nothing", () => {
    assert.strictEqual(codeOf(plus("0.12").authorize(usd("0.50"), 0n)), "insufficient_balance")
  })
})

describe("extend", () => {
  it("R6.2 a hold of 1.00 extended mid-stream by 0.50 holds 1.50 and keeps its end", () => {
    const desk = plus("20")
    desk.authorize(usd("1"))
    desk.at(5 * MINUTE)
    const outcome = desk.extend(holdId(1), usd("0.50"))
    assert.deepStrictEqual(outcome, {
      _tag: "answered",
      answer: {
        holdId: holdId(1),
        held: usd("1.50").toString(),
        expiresAt: HOLD_TTL_MS,
        availableAfter: usd("18.50").toString(),
      },
    })
  })

  it("R6.2 an extension is all or nothing, and the hold stays as it was", () => {
    const desk = plus("1.20")
    desk.authorize(usd("1"))
    assert.strictEqual(codeOf(desk.extend(holdId(1), usd("0.21"))), "insufficient_balance")
    assert.deepStrictEqual([desk.account.held, desk.account.available], [usd("1"), usd("0.20")])
  })

  it("R6.2 a hold that is settled, released or expired cannot be extended", () => {
    const desk = plus("20")
    for (let i = 0; i < 3; i++) desk.authorize(usd("1"))
    desk.charge(usd("1"), { holdId: holdId(1) })
    desk.release(holdId(2))
    desk.at(HOLD_TTL_MS)
    assert.deepStrictEqual(
      [1, 2, 3, 4].map((n) => codeOf(desk.extend(holdId(n), 1n))),
      ["hold_not_open", "hold_not_open", "hold_not_open", "hold_not_open"],
    )
  })
})

describe("release", () => {
  it("R6.3 gives the whole hold back at once", () => {
    const desk = plus("20")
    desk.authorize(usd("7"))
    assert.strictEqual(fieldOf(desk.release(holdId(1)), "availableAfter"), usd("20").toString())
    assert.deepStrictEqual([desk.account.held, desk.account.holds], [0n, null])
  })

  it("releasing what is no longer open changes nothing and succeeds", () => {
    const desk = plus("20")
    desk.authorize(usd("7"))
    desk.release(holdId(1))
    const n = desk.account.n
    assert.strictEqual(codeOf(desk.release(holdId(1))), "answered")
    assert.strictEqual(codeOf(desk.release(holdId(5))), "answered")
    assert.strictEqual(desk.account.n, n)
  })

  it("R6.4 what a release frees pays what is owed before it is available", () => {
    const desk = plus("10")
    desk.authorize(usd("8"))
    desk.charge(usd("5"))
    assert.deepStrictEqual([desk.account.available, desk.account.debt], [0n, usd("3")])
    desk.release(holdId(1))
    assert.deepStrictEqual([desk.account.available, desk.account.debt], [usd("5"), 0n])
  })
})
