/** Goal: money is exact both ways and nothing that is no amount becomes one (R1.1). */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import {
  divideHalfUp,
  formatUsd,
  NANO_AMOUNT_MAX,
  NANO_PER_CENT,
  NANO_PER_CREDIT,
  NANO_PER_USD,
  parseNano,
  parseUsd,
  usd,
} from "./money.ts"

const amounts = fc.bigInt({ min: -NANO_AMOUNT_MAX, max: NANO_AMOUNT_MAX })

describe("USD text", () => {
  it("R1.1 is shown exactly, with two decimals at least and no zeros beyond them", () => {
    const shown = [12_340_000_000n, 12_340_000_001n, 1n, 0n, -1n, 100n, -20_500_000_000n, NANO_AMOUNT_MAX].map(
      formatUsd,
    )
    assert.deepStrictEqual(shown, [
      "12.34",
      "12.340000001",
      "0.000000001",
      "0.00",
      "-0.000000001",
      "0.0000001",
      "-20.50",
      "1000000.00",
    ])
  })

  it("R1.1 is read exactly: 0.1 and 0.2 make 0.3", () => {
    assert.strictEqual(usd("0.1") + usd("0.2"), usd("0.3"))
    assert.strictEqual(usd("0.000000001"), 1n)
    assert.strictEqual(usd("20"), 20n * NANO_PER_USD)
    assert.strictEqual(usd("-1.5"), -1_500_000_000n)
  })

  it("R1.1 what is shown is read back as the same amount, and once read is shown the same", () => {
    const property = fc.property(amounts, (nano) => {
      const text = formatUsd(nano)
      assert.strictEqual(parseUsd(text), nano)
      assert.match(text, /^-?\d+\.\d{2,9}$/)
      assert.isFalse(/\.\d\d\d*0$/.test(text) && !/\.\d0$/.test(text), `${text} ends in a needless zero`)
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it("R1.1 agrees with decimal arithmetic done on the digits", () => {
    const parts = fc.tuple(fc.boolean(), fc.nat({ max: 999_999 }), fc.stringMatching(/^[0-9]{0,9}$/))
    const property = fc.property(parts, ([negative, whole, fraction]) => {
      const text = `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`
      const digits = BigInt(`${whole}${fraction.padEnd(9, "0")}`)
      assert.strictEqual(parseUsd(text), negative ? -digits : digits)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  it("what is no USD amount is refused, not guessed", () => {
    const bad = [
      "",
      " ",
      "1.",
      ".5",
      "+1",
      "1e3",
      "1,000",
      "0x10",
      "1.0000000001",
      "NaN",
      "Infinity",
      "--1",
      "1 ",
      "١",
      "1\n",
    ]
    assert.deepStrictEqual(
      bad.filter((text) => parseUsd(text) !== null),
      [],
    )
    assert.strictEqual(parseUsd("1234567890123"), null)
    assert.throws(() => usd("1e3"), RangeError, "1e3")
  })
})

describe("nano text", () => {
  it("R1.1 any 64-bit amount is read back from its own text", () => {
    const property = fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (nano) => {
      assert.strictEqual(parseNano(nano.toString()), nano)
    })
    fc.assert(property)
  })

  it("what is no integer text is refused", () => {
    const bad = ["", "1.0", "1e9", "+1", " 1", "1n", "0b1", "99999999999999999999", "1\n"]
    assert.deepStrictEqual(
      bad.filter((text) => parseNano(text) !== null),
      [],
    )
  })
})

describe("units", () => {
  it("R1.1 a cent is 10,000,000 nano-USD, a client credit a ten-thousandth of a dollar", () => {
    assert.strictEqual(NANO_PER_CENT * 100n, NANO_PER_USD)
    assert.strictEqual(NANO_PER_CREDIT * 10_000n, NANO_PER_USD)
  })
})

describe("divideHalfUp", () => {
  it("R7.3 rounds a half up and everything else to the nearest", () => {
    const table = [
      [0n, 3n, 0n],
      [1n, 2n, 1n],
      [1n, 3n, 0n],
      [2n, 3n, 1n],
      [5n, 2n, 3n],
      [7n, 7n, 1n],
    ] as const
    for (const [numerator, denominator, quotient] of table) {
      assert.strictEqual(divideHalfUp(numerator, denominator), quotient, `${numerator}/${denominator}`)
    }
  })

  it("R7.3 is never more than a half away from the exact quotient, and exactly a half only upwards", () => {
    const pairs = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 24n }), fc.bigInt({ min: 1n, max: 10n ** 12n }))
    const property = fc.property(pairs, ([numerator, denominator]) => {
      const twiceOff = 2n * (divideHalfUp(numerator, denominator) * denominator - numerator)
      assert.isTrue(twiceOff > -denominator && twiceOff <= denominator)
    })
    fc.assert(property, { numRuns: 1_000 })
  })
})
