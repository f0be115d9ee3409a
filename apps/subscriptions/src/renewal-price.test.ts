/**
 * Goal: what a renewal costs is the price in force, and never more than the customer was told (R0.1, R0.3). Method: one
 * account's world under catalogues that change.
 */
import { assert, describe, it } from "vitest"
import { usd } from "@credits/kernel"
import { defaultCatalogue } from "@credits/pricebook/defaults"
import {
  balance,
  buy,
  catalogueFrom,
  confirm,
  DAY,
  DECEMBER,
  quoted,
  refusedWith,
  taken,
  view,
} from "./life.fixture.ts"
import { ACCOUNT, START, World } from "./world.fixture.ts"

const JANUARY = Date.UTC(2027, 0, 1)
const monthly = (renewalUsd: string) => ({ monthly: { firstMonthUsd: "16.00", renewalUsd } })

describe("what a renewal costs", () => {
  const worldWith = (version: ReturnType<typeof catalogueFrom>): World => {
    const world = new World(START, [defaultCatalogue(), version])
    buy(world, "plus")
    return world
  }

  it("R0.3 an increase that was in force when the reminder was sent applies", () => {
    const world = worldWith(catalogueFrom("v2", Date.UTC(2026, 10, 20), { plus: monthly("25.00") }))
    assert.deepStrictEqual(view(world).renewal, { at: DECEMBER, amountCents: 2500 })
    world.to(DECEMBER)
    assert.strictEqual(taken(world).at(-1), "renewal: 2500")
  })

  it("R0.3 an increase after the reminder applies to the renewal after it", () => {
    const world = worldWith(catalogueFrom("v2", Date.UTC(2026, 10, 28), { plus: monthly("25.00") }))
    assert.deepStrictEqual(view(world).renewal, { at: DECEMBER, amountCents: 2000 })
    world.to(JANUARY)
    assert.deepStrictEqual(taken(world).slice(1), ["renewal: 2000", "renewal: 2500"])
  })

  it("R0.3 a decrease applies at once, also after the reminder", () => {
    const cheaper = { ...monthly("18.00"), yearly: { totalUsd: "150.00" } }
    const world = worldWith(catalogueFrom("v2", Date.UTC(2026, 10, 30), { plus: cheaper }))
    world.to(DECEMBER)
    assert.strictEqual(taken(world).at(-1), "renewal: 1800")
  })

  it("R0.3 a reminder that an undecided upgrade held back names the price of the instant it was due at", () => {
    const world = worldWith(catalogueFrom("v2", Date.UTC(2026, 10, 28), { plus: monthly("25.00") }))
    world.to(DECEMBER - 8 * DAY)
    world.payments.plan = "unknown"
    confirm(world, quoted(world, "pro").quoteId)
    world.to(DECEMBER + 1000)
    world.payments.plan = "ok"
    world.resolve("not_executed")
    world.to(DECEMBER + 2000)
    assert.strictEqual(taken(world).at(-1), "renewal: 2000")
  })

  it("R0.3 a price that was told is the most a renewal costs, also when the plan is not sold any more", () => {
    const cheaper = { ...monthly("18.00"), yearly: { totalUsd: "150.00" } }
    const v2 = catalogueFrom("v2", Date.UTC(2026, 10, 20), { plus: cheaper })
    const v3 = catalogueFrom("v3", Date.UTC(2026, 10, 28), { plus: { monthly: null } })
    const world = new World(START, [defaultCatalogue(), v2, v3])
    buy(world, "plus")
    world.to(DECEMBER)
    assert.strictEqual(taken(world).at(-1), "renewal: 1800")
  })

  it("R0.1 a running period keeps its version; the renewal takes the one in force then", () => {
    const world = worldWith(catalogueFrom("v2", Date.UTC(2026, 10, 10), { plus: { creditsPerCycleUsd: "30.00" } }))
    world.to(Date.UTC(2026, 10, 16))
    assert.strictEqual(balance(world), usd("20"))
    assert.strictEqual(quoted(world, "pro").revoked, usd("10").toString())
    world.to(DECEMBER)
    assert.strictEqual(balance(world), usd("30"))
  })

  it("R0.1 a plan that is not sold any more goes on under the terms it was bought under", () => {
    const world = worldWith(catalogueFrom("v2", Date.UTC(2026, 10, 10), { plus: { monthly: null } }))
    refusedWith(
      world.request({
        op: "quote",
        id: "x",
        account: ACCOUNT,
        plan: "plus",
        interval: "monthly",
        wallet: world.book.wallet(world.now),
      }),
      "already_on_plan",
    )
    world.to(DECEMBER)
    assert.strictEqual(taken(world).at(-1), "renewal: 2000")
  })
})
