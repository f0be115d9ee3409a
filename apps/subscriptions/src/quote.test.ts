/**
 * Goal: a quote says exactly what will be charged, in lines that add up and words (R4.4). Method: quotes at any instant
 * after any spending, compared with what confirming them does.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { NANO_PER_CENT, usd } from "@credits/kernel"
import { balance, buy, cancel, confirm, DAY, onPlus, quote, quoted, refusedWith, spend, view } from "./life.fixture.ts"
import { ACCOUNT, START, World } from "./world.fixture.ts"

const sum = (lines: ReadonlyArray<{ readonly amount: string }>): bigint =>
  lines.reduce((total, line) => total + BigInt(line.amount), 0n)

describe("a quote", () => {
  it("R4.4 says in words when it renews, what time is credited and what credit was used beyond the kept share", () => {
    const world = onPlus()
    spend(world, "15")
    world.to(START + 15 * DAY)
    const shown = quoted(world, "pro")
    assert.deepStrictEqual(shown.lines, [
      { label: "Pro, one month", amount: usd("100").toString() },
      { label: "Unused time of Plus", amount: usd("-8").toString() },
    ])
    assert.deepStrictEqual(shown.notes, [
      "A new period starts today and renews on 2026-12-16 for 100.00 USD.",
      "Unused time of Plus: −8.00 USD.",
      "Credits already used beyond the kept share: −5.00 USD of the new credits.",
    ])
    assert.deepInclude(shown, { nextChargeAt: Date.UTC(2026, 11, 16), nextChargeCents: 10_000, quotedAt: world.now })
  })

  it("R4.4 a first purchase names the offer and the price after it", () => {
    const shown = quoted(new World(), "plus")
    assert.deepStrictEqual(shown.lines, [
      { label: "Plus, one month (first-month offer)", amount: usd("16").toString() },
    ])
    assert.include(shown.notes[0], "renews on 2026-12-01 for 20.00 USD")
    assert.deepInclude(shown, { action: "new", dueTodayCents: 1600, nextChargeCents: 2000 })
  })

  it("R4.4 an offer that changed hands, a cancel, a resume: the quote is stale and nothing is charged", () => {
    const world = onPlus()
    const { quoteId } = quoted(world, "pro")
    cancel(world)
    const charges = world.payments.charges.length
    refusedWith(confirm(world, quoteId), "quote_stale")
    assert.strictEqual(world.payments.charges.length, charges)
  })

  it("R4.4 a wallet of a clock a little behind, read as the cycle begins, is quoted at its beginning", () => {
    const world = new World()
    buy(world, "plus", "yearly")
    world.to(START + 30 * DAY)
    const wallet = { ...world.book.wallet(world.now), asOf: world.now - 3 }
    const asked = world.request({ op: "quote", id: "late", account: ACCOUNT, plan: "pro", interval: "yearly", wallet })
    assert.strictEqual((asked as { ok: { quotedAt: number } }).ok.quotedAt, world.now)
  })

  it("R4.4 five quotes are kept; an older one is not found any more", () => {
    const world = new World()
    const first = quoted(world, "plus")
    for (let i = 0; i < 5; i++) quoted(world, "pro")
    refusedWith(confirm(world, first.quoteId), "quote_not_found")
  })

  it("R4.4 a wallet that is older than the subscription is refused, so that credit lines are never stale", () => {
    const world = new World()
    const wallet = world.book.wallet(world.now)
    buy(world, "plus")
    const asked = world.request({ op: "quote", id: "old", account: ACCOUNT, plan: "pro", interval: "monthly", wallet })
    assert.strictEqual((asked as { refused: { code: string } }).refused.code, "wallet_stale")
  })

  it("R4.4 lines add up to what is due, and confirming charges exactly that and leaves exactly what was said", () => {
    const offerings = fc.constantFrom(
      ["pro", "monthly"] as const,
      ["max", "monthly"] as const,
      ["plus", "yearly"] as const,
      ["pro", "yearly"] as const,
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 30 * DAY - 1 }),
        fc.bigInt({ min: 0n, max: usd("20") }),
        offerings,
        fc.integer({ min: 0, max: 599_999 }),
        (after, spent, [plan, interval], thinking) => {
          const world = onPlus()
          world.to(START + after)
          world.book.spend(spent, world.now)
          const shown = quoted(world, plan, interval)
          assert.strictEqual(sum(shown.lines), BigInt(shown.dueTodayCents) * NANO_PER_CENT)
          world.to(Math.min(START + 30 * DAY - 1, world.now + thinking))
          assert.deepStrictEqual(confirm(world, shown.quoteId), { ok: { status: "done" } })
          assert.strictEqual(world.payments.last().amountCents, shown.dueTodayCents)
          assert.strictEqual(balance(world).toString(), shown.availableAfter)
          assert.strictEqual(view(world).currentPeriodEnd, shown.nextChargeAt)
          assert.strictEqual(quote(world, plan, interval).hasOwnProperty("refused"), true)
        },
      ),
      { numRuns: 60 },
    )
  })
})
