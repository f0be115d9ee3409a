/**
 * Goal: an event that the processor sends while it answers our own call costs no further question. Method: real parts;
 * the call's answer is held back until the event of it has come.
 */
import { SUBJECTS } from "@credits/contracts"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  charge,
  chargeRequest,
  eventually,
  processorOf,
  quiet,
  saveCard,
  startParts,
  startTestPayments,
  type Parts,
} from "./payments.fixture.ts"

describe("events of our own calls", () => {
  let parts: Parts
  beforeAll(async () => {
    parts = await startParts({ webhooks: true })
  })
  afterAll(() => parts.stop())

  it("A7 what our own call is about to say is waited for, not asked about", async () => {
    let arrived = 0
    const listening = parts.bus.connection.subscribe(SUBJECTS.paymentsRequest("webhook"), {
      callback: (_error, message) => {
        const { body } = JSON.parse(message.string()) as { body: string }
        const { type } = JSON.parse(Buffer.from(body, "base64").toString()) as { type: string }
        if (type === "payment_intent.succeeded") arrived++
      },
    })
    const processor = processorOf(parts)
    const inner = processorOf(parts)
    let retrieved = 0
    processor.confirmIntent = async (...call) => {
      const before = arrived
      const answer = await inner.confirmIntent(...call)
      await eventually(() => (arrived > before ? true : undefined), "the event of the confirmation")
      return answer
    }
    processor.retrieveIntent = (...call) => {
      retrieved++
      return inner.retrieveIntent(...call)
    }
    const payments = await startTestPayments(parts, { processor })
    try {
      await saveCard(parts.bus, "acc_one", "tok_ok")
      for (let i = 1; i <= 5; i++) {
        const { charge: view } = await charge(parts.bus, chargeRequest(`renewal:own:${i}`))
        assert.equal(view.status, "succeeded")
      }
      await parts.sandbox.webhooksDrained()
      await quiet(parts.bus)
      assert.equal(arrived, 5)
      assert.equal(retrieved, 0)
    } finally {
      listening.unsubscribe()
      await payments.stop()
    }
  })
})
