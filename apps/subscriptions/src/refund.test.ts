/** Goal: money that is given back while another payment or its credit is on the way loses neither (R4.6, R5.2). */
import { usd } from "@credits/kernel"
import { assert, describe, it } from "vitest"
import {
  balance,
  buy,
  confirm,
  confirmLater,
  DECEMBER,
  MIDDLE,
  onPlus,
  quote,
  quoted,
  refusedWith,
  told,
  view,
} from "./life.fixture.ts"
import { machine } from "./machine.ts"
import { World } from "./world.fixture.ts"

const refund = (world: World, obligation: string): void => {
  const charge = world.payments.charges.find((one) => one.obligation.startsWith(obligation))!
  world.decide({ type: "notice", notice: { type: "refunded", charge: { ...charge, refunded: true } } })
}

/** Plus, half used up in time, and an upgrade to Pro whose payment nobody knows of. */
const undecidedUpgrade = (): World => {
  const world = onPlus()
  world.to(MIDDLE)
  world.payments.plan = "unknown"
  confirm(world, quoted(world, "pro").quoteId)
  return world
}

describe("a refund", () => {
  it("R5.2 takes back the credit it granted: the period nobody pays for ends, and its lot is gone", () => {
    const world = new World()
    buy(world, "plus", "yearly")
    refund(world, "first:")
    world.settle()
    assert.strictEqual(view(world).status, "free")
    assert.strictEqual(world.book.revoked, usd("20"))
    refund(world, "first:")
    assert.strictEqual(told(world).filter((kind) => kind === "ended").length, 1)
  })

  it("R5.2 while its credit is on its way to the ledger: it is taken back as soon as it is there", () => {
    const world = new World()
    confirmLater(world, quoted(world, "plus").quoteId)
    for (const kind of ["method", "charge"]) {
      const step = machine.steps(world.state).find((one) => one.kind === kind)!
      world.decide({ type: "outcome", step: step.id, outcome: world.perform(step) })
    }
    refund(world, "first:")
    world.settle()
    assert.strictEqual(view(world).status, "free")
    assert.deepStrictEqual([balance(world), world.book.revoked], [0n, usd("20")])
    assert.deepStrictEqual(told(world), ["started", "ended"])
  })

  it("R5.2 R5.4 of a period that is over: what is owed for the next is not dropped while it can still be paid", () => {
    const world = onPlus()
    world.payments.plan = "action"
    world.to(DECEMBER + 60_000)
    refund(world, "first:")
    world.settle()
    assert.strictEqual(view(world).status, "past_due")
    world.resolve("ok")
    assert.deepInclude(view(world), { status: "active", currentPeriodStart: DECEMBER })
    assert.deepStrictEqual(world.rows, [])
  })

  it("R5.2 of an earlier charge touches nothing that runs now", () => {
    const world = onPlus()
    world.to(DECEMBER)
    refund(world, "first:")
    world.settle()
    assert.deepInclude(view(world), { status: "active" })
    assert.strictEqual(balance(world), usd("20"))
  })
})

describe("a refund while an upgrade is undecided", () => {
  it("R4.6 R5.2 waits for it: nothing else can be bought meanwhile", () => {
    const world = undecidedUpgrade()
    refund(world, "first:")
    world.settle()
    assert.deepInclude(view(world), { plan: "plus", status: "active" })
    refusedWith(quote(world, "max"), "payment_being_confirmed")
  })

  it("R5.2 the upgrade is not paid: the subscription ends, and the credit goes", () => {
    const world = undecidedUpgrade()
    refund(world, "first:")
    world.resolve("not_executed")
    assert.deepInclude(view(world), { status: "free" })
    assert.strictEqual(balance(world), 0n)
    assert.deepStrictEqual(told(world).slice(-2), ["payment_failed", "ended"])
    assert.deepStrictEqual(world.rows, [])
  })

  it("R5.2 the upgrade is paid: it runs, the credit that was given back goes, and a person looks at it", () => {
    const world = undecidedUpgrade()
    refund(world, "first:")
    world.resolve("ok")
    assert.deepInclude(view(world), { plan: "pro", status: "active" })
    assert.strictEqual(balance(world), usd("120"))
    assert.strictEqual(world.rows[0]?.chargeId, world.payments.last().chargeId)
    world.to(Date.UTC(2026, 11, 17))
    assert.deepInclude(view(world), { plan: "pro", status: "active" })
  })
})

describe("a refund while the ledger does not answer", () => {
  it("R5.2 until the paid year is over: no other year is charged", () => {
    const world = new World()
    buy(world, "plus", "yearly")
    world.to(Date.UTC(2027, 9, 1) - 1)
    world.now += 1
    world.decide({ type: "due" })
    refund(world, "first:")
    world.now = Date.UTC(2027, 10, 1)
    while ((machine.nextDue(world.state) ?? Number.POSITIVE_INFINITY) <= world.now) world.decide({ type: "due" })
    assert.deepStrictEqual(
      machine.steps(world.state).map((step) => step.kind),
      ["ledger"],
    )
    assert.deepInclude(view(world), { status: "free" })
  })
})
