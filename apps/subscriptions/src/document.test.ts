/**
 * Goal: the text form is what it always was. Method: documents with amounts at any depth, against `JSON` with a
 * callback for every value, which is the definition in one line and too slow to run.
 */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { decodeState, encodeState } from "./document.ts"
import type { State } from "./subscription.ts"

const AMOUNTS = ["paidValue", "price", "creditsPerCycle", "topUpThreshold", "topUpAmount", "credited", "takenBack"]

const referenceText = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part))
const referenceState = (text: string): unknown =>
  JSON.parse(text, (key, part: unknown) => (AMOUNTS.includes(key) && typeof part === "string" ? BigInt(part) : part))

const fields = fc.letrec<{ readonly value: unknown; readonly fields: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("fields"), { maxLength: 3 }),
    fc.array(fc.string(), { maxLength: 3 }),
    tie("fields"),
  ),
  fields: fc
    .tuple(
      fc.dictionary(fc.constantFrom("id", "reason", "detail", "kind", "terms", "quotes", "view"), tie("value")),
      fc.dictionary(fc.constantFrom(...AMOUNTS), fc.oneof(fc.bigInt(), fc.constant(null))),
      fc.boolean(),
    )
    .map(([others, amounts, areFirst]) => (areFirst ? { ...amounts, ...others } : { ...others, ...amounts })),
}))

describe("the text form of a document", () => {
  it("is JSON with amounts as decimal strings, fields in their order", () => {
    fc.assert(
      fc.property(fields.fields, (state) => assert.strictEqual(encodeState(state as State), referenceText(state))),
    )
  })

  it("reads amounts by their field and nothing else as one", () => {
    fc.assert(
      fc.property(fields.fields, (state) => {
        const text = referenceText(state)
        assert.deepEqual(decodeState(text) as unknown, referenceState(text))
        assert.strictEqual(encodeState(decodeState(text)), text)
      }),
    )
  })

  it("leaves the document that it writes as it was", () => {
    const state = { work: [{ price: 1n, terms: { price: 2n } }], paid: ["a"] }
    encodeState(state as unknown as State)
    assert.deepEqual(state, { work: [{ price: 1n, terms: { price: 2n } }], paid: ["a"] })
  })
})
