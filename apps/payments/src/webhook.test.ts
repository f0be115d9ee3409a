/**
 * A webhook is believed only with a signature of now, under the secret in use or the one before it (field notes A7).
 */
import * as fc from "fast-check"
import { Stripe } from "stripe"
import { assert, describe, it } from "vitest"
import { checkWebhook, WEBHOOK_BYTES_MAX } from "./webhook.ts"

const NOW = Date.UTC(2027, 0, 1)
const SECRETS = ["whsec_new", "whsec_old"]
const EVENT = JSON.stringify({ id: "evt_1", object: "event", type: "payment_intent.succeeded", data: { object: {} } })

const sign = (payload: string, secret: string, atMs = NOW): string =>
  Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Math.floor(atMs / 1_000) })

const check = (payload: string, signature: string) => checkWebhook(Buffer.from(payload), signature, SECRETS, NOW)
const codeOf = (payload: string, signature: string): string => {
  const checked = check(payload, signature)
  return "refused" in checked ? checked.refused : "taken"
}

describe("webhook", () => {
  it("is taken under the secret in use, and during a rotation under the one before", () => {
    for (const secret of SECRETS) assert.equal(codeOf(EVENT, sign(EVENT, secret)), "taken")
    assert.equal(codeOf(EVENT, sign(EVENT, "whsec_of_somebody")), "signature_invalid")
  })

  it("with one byte changed is forged", () => {
    const signature = sign(EVENT, "whsec_new")
    fc.assert(
      fc.property(fc.nat({ max: EVENT.length - 1 }), fc.integer({ min: 32, max: 126 }), (at, code) => {
        const changed = EVENT.slice(0, at) + String.fromCodePoint(code) + EVENT.slice(at + 1)
        if (changed !== EVENT) assert.equal(codeOf(changed, signature), "signature_invalid")
      }),
    )
  })

  it("is taken only near its time: five minutes late, and no more from the future", () => {
    assert.equal(codeOf(EVENT, sign(EVENT, "whsec_new", NOW - 299_000)), "taken")
    assert.equal(codeOf(EVENT, sign(EVENT, "whsec_new", NOW - 301_000)), "signature_invalid")
    assert.equal(codeOf(EVENT, sign(EVENT, "whsec_new", NOW + 299_000)), "taken")
    // The SDK itself would take this one.
    assert.equal(codeOf(EVENT, sign(EVENT, "whsec_new", NOW + 100_000_000)), "signature_invalid")
  })

  it("with a header of any kind never throws", () => {
    fc.assert(
      fc.property(fc.string(), (signature) => {
        assert.include(["signature_invalid", "invalid"], codeOf(EVENT, signature))
      }),
    )
    for (const signature of ["", "t=", "t=x,v1=y", "t=-5,v1=", `t=${NOW / 1_000},v1=`, "v1=only", "t=1,t=2"]) {
      assert.equal(codeOf(EVENT, signature), "signature_invalid")
    }
  })

  it("genuine but no event is refused", () => {
    for (const body of ["{}", "[]", "null", "not json", '{"id":"evt_1"}']) {
      assert.equal(codeOf(body, sign(body, "whsec_new")), "invalid")
    }
  })

  it("larger than 256 KiB is not even looked at", () => {
    const body = "x".repeat(WEBHOOK_BYTES_MAX + 1)
    assert.equal(codeOf(body, sign(body, "whsec_new")), "invalid")
  })
})
