/** Goal: whoever leaves the bank's page open and buys something else pays once (R5.2, R10.1). */
import { assert, describe, it } from "vitest"
import { confirm, onPlus, quote, quoted, refusedWith, taken, told, view } from "./life.fixture.ts"
import { machine } from "./machine.ts"
import type { World } from "./world.fixture.ts"

const MINUTE = 60_000

/** Plus, and an upgrade to Pro at the bank's page for longer than payments waits for it. */
const leftAtTheBank = (): { readonly world: World; readonly obligation: string } => {
  const world = onPlus()
  world.payments.plan = "action"
  refusedWith(confirm(world, quoted(world, "pro").quoteId), "payment_action_required")
  world.to(world.now + 15 * MINUTE)
  world.payments.plan = "ok"
  return { world, obligation: world.payments.last().obligation }
}

describe("an upgrade that was not authenticated in time", () => {
  it("R5.2 R10.1 is closed at payments before anything else can be bought: it is never paid beside another", () => {
    const { world, obligation } = leftAtTheBank()
    const expired = world.payments.decide(world.payments.last(), "expired", world.now)
    world.runDue()
    world.decide({ type: "notice", notice: { type: "charge", charge: expired } })
    assert.deepStrictEqual(
      machine.steps(world.state).map((step) => step.kind),
      ["close"],
    )
    refusedWith(quote(world, "max"), "payment_being_confirmed")
    world.settle()
    assert.isTrue(world.payments.closed.has(obligation))
    assert.deepInclude(view(world), { plan: "plus", status: "active", pendingPayment: null })
    confirm(world, quoted(world, "max").quoteId)
    assert.deepStrictEqual(taken(world), ["first: 1600", "upgrade: 18400"])
    assert.strictEqual(told(world).filter((kind) => kind === "payment_failed").length, 1)
    assert.deepStrictEqual(world.rows, [])
  })

  it("R4.5 R10.2 authenticated while it is being closed: it is bought, and nothing else", () => {
    const { world } = leftAtTheBank()
    const expired = world.payments.decide(world.payments.last(), "expired", world.now)
    world.decide({ type: "notice", notice: { type: "charge", charge: expired } })
    world.payments.decide(expired, "ok", world.now)
    world.settle()
    assert.deepInclude(view(world), { plan: "pro", status: "active" })
    assert.deepStrictEqual(taken(world), ["first: 1600", "upgrade: 8400"])
    assert.notInclude(told(world), "payment_failed")
  })

  it("R4.6 R10.2 the processor does not say that it is canceled: undecided until it does", () => {
    const { world } = leftAtTheBank()
    const expired = world.payments.decide(world.payments.last(), "expired", world.now)
    world.decide({ type: "notice", notice: { type: "charge", charge: expired } })
    const [step] = machine.steps(world.state)
    world.decide({ type: "outcome", step: step!.id, outcome: { kind: "closed", status: "pending" } })
    refusedWith(quote(world, "max"), "payment_being_confirmed")
    world.tell({ ...expired, status: "canceled", decline: null })
    assert.strictEqual(told(world).at(-1), "payment_failed")
    assert.strictEqual(quoted(world, "max").action, "upgrade")
  })

  it("R4.4 a decline that the bank has spoken closes nothing: the same quote may be confirmed again", () => {
    const world = onPlus()
    world.payments.plan = "action"
    const { quoteId } = quoted(world, "pro")
    confirm(world, quoteId)
    world.resolve("soft")
    assert.strictEqual(world.payments.closed.size, 0)
    world.payments.plan = "ok"
    confirm(world, quoteId)
    assert.strictEqual(view(world).plan, "pro")
  })
})
