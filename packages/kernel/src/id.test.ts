/** Goal: ids are opaque, sort by time, carry what they promise, and nothing else passes for one. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { accountOfHold, isAccountId, isCallerId, makeHoldId, makeId, ulid } from "./id.ts"

const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 })
const instants = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

/** The 128 bits an id was made of, read back digit by digit. */
const valueOf = (id: string): bigint =>
  id.split("").reduce((sum, digit) => sum * 32n + BigInt(ALPHABET.indexOf(digit)), 0n)

describe("ids", () => {
  it("the body is 26 characters of Crockford base 32 in lower case", () => {
    assert.strictEqual(ulid(0, new Uint8Array(10)), "00000000000000000000000000")
    assert.strictEqual(ulid(2 ** 48 - 1, new Uint8Array(10).fill(255)), "7zzzzzzzzzzzzzzzzzzzzzzzzz")
    // The example of the ULID specification.
    assert.strictEqual(ulid(1_469_918_176_385, new Uint8Array(10)).slice(0, 10), "01aryz6s41")
  })

  it("all 48 bits of time and all 80 bits of randomness are in it", () => {
    const property = fc.property(instants, bytes, (now, random) => {
      const tail = [...random].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
      const id = ulid(now, random)
      assert.match(id, /^[0-7][0-9a-hjkmnp-tv-z]{25}$/)
      assert.strictEqual(valueOf(id), (BigInt(now) << 80n) | tail)
    })
    fc.assert(property)
  })

  it("a later id sorts after an earlier one, whatever the randomness", () => {
    const property = fc.property(instants, instants, bytes, bytes, (a, b, x, y) => {
      fc.pre(a < b)
      assert.isTrue(makeId("lot", a, x) < makeId("lot", b, y))
    })
    fc.assert(property)
  })

  it("a prefix says what it is an id of", () => {
    assert.strictEqual(makeId("evt", 0, new Uint8Array(10)), "evt_00000000000000000000000000")
  })
})

describe("hold ids", () => {
  it("carry their account, so that extend and release need no look-up", () => {
    const accounts = fc.stringMatching(/^[0-9A-Za-z]{1,40}$/).map((body) => `acc_${body}`)
    const property = fc.property(accounts, instants, bytes, (account, now, random) => {
      const hold = makeHoldId(account, now, random)
      assert.strictEqual(accountOfHold(hold), account)
      assert.isTrue(isCallerId(hold))
    })
    fc.assert(property)
  })

  it("other texts are no hold ids", () => {
    const whole = makeHoldId("acc_1", 0, new Uint8Array(10))
    const bad = ["", "hold_", whole.slice(0, -1), ` ${whole}`, `${whole}\n`, `${whole}-`, whole.replace("hold", "lot")]
    assert.deepStrictEqual(
      bad.filter((text) => accountOfHold(text) !== null),
      [],
    )
    assert.strictEqual(accountOfHold(`hold_${"0".repeat(26)}${"a".repeat(41)}`), null)
  })
})

describe("ids that come in from outside", () => {
  it("an account id is acc_ and 1 to 40 letters or digits", () => {
    assert.isTrue(["acc_1", `acc_${"Z".repeat(40)}`].every(isAccountId))
    const bad = [
      "acc_",
      `acc_${"a".repeat(41)}`,
      "acc_a-b",
      "acc_ä",
      "ACC_a",
      "acc_a\n",
      "acc_a.b",
      "acc_*",
      null,
      7,
      {},
    ]
    assert.deepStrictEqual(bad.filter(isAccountId), [])
  })

  it("a caller's id is 1 to 128 printable ASCII characters that JSON writes as they are", () => {
    assert.isTrue(["1", "evt:2026-11-23/abc_DEF.~!#$%&'()*+,;<=>?@[]^`{|}", "x".repeat(128)].every(isCallerId))
    const bad = ["", "a b", 'a"b', "a\\b", "a\u0000b", "a\u007Fb", "é", "x".repeat(129), "a\n", undefined, 1, ["a"]]
    assert.deepStrictEqual(bad.filter(isCallerId), [])
    const property = fc.property(fc.string({ minLength: 1, maxLength: 20, unit: "binary-ascii" }), (text) => {
      if (isCallerId(text)) assert.strictEqual(JSON.stringify(text), `"${text}"`)
    })
    fc.assert(property, { numRuns: 1_000 })
  })
})
