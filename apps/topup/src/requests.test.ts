/** Goal: at the border a request is understood whole or refused naming what is wrong (R9.3, contract preamble). */
import { assert, describe, it } from "vitest"
import { decodeRequest } from "./requests.ts"

const enable = {
  op: "enable",
  id: "r1",
  account: "acc_test",
  monthlyCapCents: 5_000,
  consent: { textVersion: "v1", source: "web" },
}

const asked = (request: Readonly<Record<string, unknown>>) =>
  decodeRequest(String(request["op"]), JSON.stringify(request))

/** The field a refusal names, "accepted" when there is none. */
const named = (request: Readonly<Record<string, unknown>>): string | undefined => {
  const decoded = asked(request)
  if ("request" in decoded) return "accepted"
  assert.strictEqual(decoded.refused.code, "invalid")
  return decoded.refused.field
}

describe("a request", () => {
  it("R9.3 a cap is whole cents from 5.00 to 10,000.00", () => {
    for (const cents of [500, 501, 1_000_000]) {
      assert.strictEqual(named({ ...enable, monthlyCapCents: cents }), "accepted")
    }
    for (const cents of [0, -500, 499, 1_000_001, 1e18, 1_000.5, Number.MAX_VALUE, "5000", null]) {
      assert.strictEqual(named({ ...enable, monthlyCapCents: cents }), "monthlyCapCents", String(cents))
    }
  })

  it("R9.1 a consent names its text and where it was given", () => {
    assert.strictEqual(named({ ...enable, consent: undefined }), "consent")
    assert.strictEqual(named({ ...enable, consent: { textVersion: "v1" } }), "consent.source")
    assert.strictEqual(named({ ...enable, consent: { textVersion: "", source: "web" } }), "consent.textVersion")
    assert.strictEqual(named({ ...enable, consent: { textVersion: "v1", source: "a\nb" } }), "consent.source")
  })

  it("names the field that is wrong, unknown ones too", () => {
    assert.strictEqual(named({ ...enable, surprise: 1 }), "surprise")
    assert.strictEqual(named({ ...enable, account: "acc_" }), "account")
    assert.strictEqual(named({ ...enable, id: "a b" }), "id")
    assert.strictEqual(named({ op: "show" }), "account")
    assert.strictEqual(named({ op: "disable", id: "r", account: "acc_test" }), "source")
    assert.strictEqual(named({ op: "suspend", id: "r", account: "acc_test", by: "ann" }), "reason")
    assert.strictEqual(named({ op: "suspend", id: "r", account: "acc_test", by: "ann", reason: "x\u0000" }), "reason")
  })

  it("is one that there is, of the operation its subject names", () => {
    for (const [op, text, code] of [
      ["steal", "{}", "unknown_op"],
      ["constructor", "{}", "unknown_op"],
      ["show", JSON.stringify(enable), "invalid"],
      ["show", "{", "invalid"],
      ["show", "[]", "invalid"],
    ] as const) {
      assert.nestedPropertyVal(decodeRequest(op, text), "refused.code", code)
    }
    assert.isTrue("request" in decodeRequest("consents", `{"op":"consents","account":"acc_test"}`))
  })
})
