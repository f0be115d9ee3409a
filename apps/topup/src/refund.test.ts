/** Goal: a top-up that support gives back takes the credit it bought with it, once, and nothing else (R5.2). */
import { assert, describe, it } from "vitest"
import { Life, on } from "./topup.fixture.ts"

const FIRST = "topup:acc_test:2026-11:1"

/** Topped up once, and turned off since: nothing more is charged. */
const toppedUp = (): Life => {
  const life = on(10_000, 0)
  life.disable()
  return life.settle()
}

const giveBack = (life: Life): void => {
  life.processor.refund(FIRST, life.now)
  life.hearPayments()
}

describe("a top-up that is given back", () => {
  it("R5.2 its credit is taken back, once however often it is told", () => {
    const life = toppedUp()
    giveBack(life)
    life.settle()
    life.hearPayments()
    life.settle()
    assert.deepStrictEqual([...life.revoked], [[`revoke:${FIRST}`, 1_000]])
    assert.deepStrictEqual([life.balanceCents, life.granted.size, life.steps], [0, 1, []])
  })

  it("R5.2 what is used up already stays used", () => {
    const life = toppedUp()
    life.balanceCents = 300
    giveBack(life)
    life.settle()
    assert.deepStrictEqual([life.balanceCents, life.revoked.get(`revoke:${FIRST}`)], [0, 300])
  })

  it("R5.2 I8 while its credit is on its way: first it comes, then it goes", () => {
    const life = on(10_000)
    life.balanceCents = 0
    life.signal("low_began")
    life.until("grant")
    life.disable()
    giveBack(life)
    assert.deepStrictEqual(
      life.steps.map(({ kind }) => kind),
      ["grant"],
    )
    life.settle()
    assert.deepStrictEqual([life.granted.size, life.revoked.get(`revoke:${FIRST}`), life.balanceCents], [1, 1_000, 0])
  })

  it("R9.3 it stays counted in its month: money was taken, whatever became of it", () => {
    const life = toppedUp()
    giveBack(life)
    life.settle()
    assert.strictEqual(life.view.spentThisMonthCents, 1_000)
  })

  it("a refund of somebody else's charge takes nothing", () => {
    const life = toppedUp()
    const charge = { ...life.processor.taken[0]!, obligation: "renewal:sub_1:3", kind: "renewal" as const }
    life.notice({ type: "payment", fact: life.processor.tell("charge_refunded", life.now, { charge }) })
    assert.deepStrictEqual(life.steps, [])
  })
})
