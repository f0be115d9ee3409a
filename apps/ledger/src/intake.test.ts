/** Goal: of a message of charges each counts or is set aside by itself, with its reason (decision 5, R6.5). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { encodeCharges, type Charge, type ChargeTuple } from "@credits/contracts"
import { isBad, type BadCommand } from "@credits/actor"
import { NANO_AMOUNT_MAX, partitionOf } from "@credits/kernel"
import { decodeCharges } from "./intake.ts"

const ACCOUNT = "acc_test"
const PARTITION = partitionOf(ACCOUNT)
const GOOD: ChargeTuple = ["evt-1", ACCOUNT, 1_000, "250", "", "h", "openai|gpt|b|1|1|0|0|0|0|0|1|ok|r"]

const bytes = (text: string) => new TextEncoder().encode(text)
const message = (charges: ReadonlyArray<unknown>) => bytes(JSON.stringify({ v: 1, charges }))
const list = (payload: Uint8Array): ReadonlyArray<Charge | BadCommand> => {
  const charges = decodeCharges(payload, PARTITION)
  if ("bad" in charges) throw new Error(`whole message refused: ${charges.detail}`)
  return charges
}
const reasonOf = (charge: unknown): string => {
  const [first] = list(message([charge]))
  return first !== undefined && isBad(first) ? `${first.bad}: ${first.detail}` : "good"
}

describe("a message of charges", () => {
  it("gives each charge as it was sent", () => {
    assert.deepStrictEqual(list(bytes(encodeCharges([GOOD]))), [
      { id: "evt-1", account: ACCOUNT, occurredAt: 1_000, cost: 250n, holdId: "", hash: "h", usage: GOOD[6] },
    ])
  })

  it("R6.6 of a traced message the charges are the same, and those that are traced say so", () => {
    const [first, second] = [GOOD, ["evt-2", ...GOOD.slice(1)]]
    const trace = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
    const traced = (traces: unknown) => list(bytes(JSON.stringify({ v: 1, charges: [first, second], traces })))
    const plain = list(message([first, second]))
    assert.deepStrictEqual(traced({ 1: trace }), [plain[0]!, { ...plain[1]!, trace } as Charge])
    for (const nonsense of [null, 7, "x", [], { 1: 7 }, { 9: trace }]) {
      assert.deepStrictEqual(traced(nonsense), plain)
    }
  })

  it("the good charges of a message count although others in it are bad", () => {
    const charges = list(message([GOOD, null, [...GOOD.slice(0, 3), "-1", "", "h", ""], GOOD, "x"]))
    assert.deepStrictEqual(
      charges.map((charge) => isBad(charge)),
      [false, true, true, false, true],
    )
  })

  it("a bad charge is set aside naming its field and with its whole text", () => {
    const at = (index: number, value: unknown) => GOOD.map((field, i) => (i === index ? value : field))
    const table: ReadonlyArray<readonly [start: string, charge: unknown]> = [
      ["malformed", GOOD.slice(1)],
      ["malformed", [...GOOD, 1]],
      ["malformed", {}],
      ["invalid_field: id", at(0, "")],
      ["invalid_field: id", at(0, "a\u0000b")],
      ["invalid_field: id", at(0, 'a"b')],
      ["invalid_field: account", at(1, "acc_ü")],
      ["invalid_field: account", at(1, "acc_1")],
      ["invalid_field: occurredAt", at(2, "1000")],
      ["invalid_field: occurredAt", at(2, 1.5)],
      ["invalid_field: occurredAt", at(2, 1e300)],
      ["invalid_field: cost", at(3, 250)],
      ["invalid_field: cost", at(3, "-1")],
      ["invalid_field: cost", at(3, "2.5")],
      ["invalid_field: cost", at(3, (NANO_AMOUNT_MAX + 1n).toString())],
      ["invalid_field: holdId", at(4, "a b")],
      ["invalid_field: hash", at(5, 'h"')],
      ["invalid_field: usage", at(6, "x".repeat(1_025))],
      ["invalid_field: usage", at(6, "a\\b")],
    ]
    for (const [start, charge] of table) {
      assert.isTrue(reasonOf(charge).startsWith(start), `${JSON.stringify(charge)}: ${reasonOf(charge)}`)
      const [first] = list(message([charge]))
      assert.isTrue(first !== undefined && isBad(first) && first.payload === JSON.stringify(charge))
    }
  })

  it("R6.3 a cost of nothing and the largest cost are charges", () => {
    for (const cost of ["0", NANO_AMOUNT_MAX.toString()]) assert.strictEqual(reasonOf(GOOD.with(3, cost)), "good")
  })

  it("a message that cannot be read at all is one bad command with its reason and its bytes", () => {
    const whole = (payload: Uint8Array) => {
      const answer = decodeCharges(payload, PARTITION)
      return "bad" in answer ? answer : null
    }
    for (const text of ["", "{", "null", "[]", '{"v":2,"charges":[]}', '{"v":1}', '{"v":1,"charges":{}}']) {
      assert.deepInclude(whole(bytes(text)), { bad: "malformed", payload: text }, text)
    }
    assert.strictEqual(whole(new Uint8Array([0xff, 0x00]))?.payload, "base64:/wA=")
  })

  it("whatever the bytes, the answer is charges and reasons, never an exception", () => {
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map(bytes),
      fc.array(fc.jsonValue(), { maxLength: 4 }).map(message),
      fc
        .tuple(fc.nat({ max: 6 }), fc.jsonValue())
        .map(([i, value]) => message([GOOD.map((f, j) => (i === j ? value : f))])),
    )
    const property = fc.property(payloads, (payload) => {
      const answer = decodeCharges(payload, PARTITION)
      if ("bad" in answer) return
      for (const charge of answer) if (!isBad(charge)) assert.isTrue(charge.cost >= 0n && charge.account === ACCOUNT)
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it("a text is judged alike in a message of plain ASCII, which is read a quicker way, and in any other", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.constantFrom(126, 128, 129, 1_024, 1_025).map((length) => "x".repeat(length)),
    )
    const charges = fc
      .tuple(fc.constantFrom(0, 1, 3, 4, 5, 6), text)
      .map(([i, value]) => GOOD.map((field, j) => (i === j ? value : field)))
    const property = fc.property(charges, (charge) => {
      const other = bytes(JSON.stringify({ v: 1, note: "ü", charges: [charge] }))
      assert.deepStrictEqual(list(message([charge])), list(other))
    })
    fc.assert(property, { numRuns: 3_000 })
  })
})
