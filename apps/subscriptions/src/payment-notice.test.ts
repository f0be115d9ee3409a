/** Goal: of everything payments tells, only what concerns a subscription reaches it (R5.2). */
import type { PaymentFact } from "@credits/contracts"
import { assert, describe, it } from "vitest"
import { buy } from "./life.fixture.ts"
import { noticeOf } from "./payment-notice.ts"
import { ACCOUNT, World } from "./world.fixture.ts"

describe("what payments tells", () => {
  const world = new World()
  buy(world, "plus")
  const charge = world.payments.last()
  const topup = { ...charge, kind: "topup" as const }
  const fact = (part: Partial<PaymentFact>): PaymentFact => ({
    v: 1,
    id: "f1",
    kind: "charge_succeeded",
    account: ACCOUNT,
    at: 0,
    charge,
    method: null,
    ...part,
  })

  it("charges of subscriptions are heard, those of auto top-up are its own", () => {
    assert.strictEqual(noticeOf(fact({}))?.type, "charge")
    assert.strictEqual(noticeOf(fact({ kind: "charge_refunded" }))?.type, "refunded")
    assert.isNull(noticeOf(fact({ charge: topup })))
    assert.isNull(noticeOf(fact({ kind: "charge_refunded", charge: topup })))
  })

  it("R5.2 a dispute opens a case whatever the charge was for", () => {
    assert.strictEqual(noticeOf(fact({ kind: "charge_disputed", charge: topup }))?.type, "disputed")
  })

  it("R5.2 a refund that failed opens a case whatever the charge was for", () => {
    const notice = noticeOf(fact({ kind: "charge_refund_failed", charge: topup }))
    assert.strictEqual(notice?.type, "refund_failed")
    world.decide({ type: "notice", notice: notice! })
    assert.strictEqual(world.rows[0]?.chargeId, charge.chargeId)
  })

  it("R5.4 a saved card is heard; a removed, blocked or expiring one changes nothing here", () => {
    assert.strictEqual(noticeOf(fact({ kind: "method_saved", charge: null }))?.type, "method_saved")
    for (const kind of ["method_removed", "method_blocked", "method_expiring"] as const) {
      assert.isNull(noticeOf(fact({ kind, charge: null })))
    }
  })
})
