/**
 * Goal: our books say of a refund what the processor's say, also when the customer's bank sends it back days later.
 * Method: real parts; the sandbox refunds for good, so what the processor says of this one later is changed on its way.
 */
import { SUBJECTS, type ChargeView } from "@credits/contracts"
import { Stripe } from "stripe"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  ask,
  charge,
  chargeRequest,
  factKinds,
  okOf,
  processorOf,
  quiet,
  saveCard,
  startParts,
  startTestPayments,
  WEBHOOK_SECRET,
  type Parts,
} from "./payments.fixture.ts"

const OBLIGATION = "renewal:refunded:1"

describe("a refund that comes back", () => {
  let parts: Parts
  beforeAll(async () => {
    parts = await startParts()
  })
  afterAll(() => parts.stop())

  const hear = async (event: {
    readonly id: string
    readonly type: string
    readonly object: object
  }): Promise<string> => {
    const { object, ...named } = event
    const payload = JSON.stringify({ ...named, object: "event", created: 1, data: { object } })
    const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET })
    const text = JSON.stringify({ op: "webhook", body: Buffer.from(payload).toString("base64"), signature })
    const reply = await parts.bus.connection.request(SUBJECTS.paymentsRequest("webhook"), text, { timeout: 5_000 })
    return reply.string()
  }

  it("R5.2 R10.4 the charge is not refunded any more, and everybody hears of it once", async () => {
    const processor = processorOf(parts)
    const inner = processorOf(parts)
    let isBack = false
    processor.retrieveRefund = async (id) => {
      const called = await inner.retrieveRefund(id)
      return "ok" in called && isBack ? { ok: { ...called.ok, status: "failed" } } : called
    }
    processor.retrieveIntent = async (id) => {
      const called = await inner.retrieveIntent(id)
      return "ok" in called && isBack ? { ok: { ...called.ok, refunded: false } } : called
    }
    const payments = await startTestPayments(parts, { processor })
    try {
      await saveCard(parts.bus, "acc_one", "tok_ok")
      const { charge: view } = await charge(parts.bus, chargeRequest(OBLIGATION))
      const request = { op: "charge-refund", chargeId: view.chargeId, by: "ana", reason: "charged twice" } as const
      assert.isTrue(okOf(await ask<ChargeView>(parts.bus, request)).refunded)
      const [refund] = (await inner.stripe.refunds.list({ limit: 1 })).data
      const object = { id: refund!.id, object: "refund", payment_intent: view.processorId }
      assert.include(await hear({ id: "evt_early", type: "refund.failed", object }), "ignored")
      isBack = true
      for (const id of ["evt_1", "evt_1", "evt_2"]) await hear({ id, type: "refund.failed", object })
      await quiet(parts.bus)
      const shown = okOf(await ask<ChargeView>(parts.bus, { op: "charge-show", chargeId: view.chargeId }))
      assert.isFalse(shown.refunded)
      assert.deepEqual(await factKinds(parts.bus, OBLIGATION), [
        "charge_succeeded",
        "charge_refunded",
        "charge_refund_failed",
      ])
    } finally {
      await payments.stop()
    }
  })
})
