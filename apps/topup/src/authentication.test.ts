/** Goal: a top-up that its bank wants the customer for can never be paid beside the cap (R9.3, I7). */
import { assert, describe, it } from "vitest"
import { on } from "./topup.fixture.ts"

const FIRST = "topup:acc_test:2026-11:1"

describe("a top-up that waits for the customer", () => {
  it("R9.3 what waits for the customer's authentication can never be paid beside the cap", () => {
    const life = on(1_000)
    life.balanceCents = 0
    life.processor.fates.push("action")
    life.signal("low_began")
    life.until("close")
    assert.deepInclude(life.view, { state: "suspended", pendingCents: 1_000 })
    life.saveCard("f2")
    life.settle()
    assert.deepStrictEqual([life.view.spentThisMonthCents, life.processor.awaiting], [1_000, []])
  })

  it("R9.3 authenticated before it could be canceled, it is the top-up there was room for", () => {
    const life = on(1_000)
    life.balanceCents = 0
    life.processor.fates.push("action")
    life.signal("low_began")
    life.until("close")
    life.processor.succeedAfterAll(FIRST, life.now)
    life.saveCard("f2")
    life.settle()
    assert.deepStrictEqual([life.processor.taken.length, life.balanceCents], [1, 1_000])
  })

  it("R9.3 it counts against the cap until it is canceled, and an old word of it changes nothing", () => {
    const life = on(1_000)
    life.balanceCents = 0
    life.processor.fates.push("action")
    life.signal("low_began")
    const close = life.until("close")
    life.hearPayments()
    assert.deepStrictEqual(
      life.steps.map(({ id }) => id),
      [close.id],
    )
    assert.deepInclude(life.view, { pendingCents: 1_000, remainingCents: 0 })
    life.settle()
    assert.deepInclude(life.view, { pendingCents: 0, remainingCents: 1_000, state: "suspended" })
    assert.deepStrictEqual(life.tale, ["enabled", "suspended"])
  })
})
