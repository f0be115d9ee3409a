/** Goal: R1.1 money on the pages is exact, never more than there is, and never zero when it is something. */
import * as fc from "fast-check"
import { formatUsd, parseUsd } from "@credits/kernel"
import { describe, expect, it } from "vitest"
import { headline, precise, price, signed } from "./money.ts"

describe("R1.1 amounts as people read them", () => {
  it("a headline has two decimals, cut and never rounded up", () => {
    expect(headline("12.345678901")).toBe("$12.34")
    expect(headline("12.349999999")).toBe("$12.34")
    expect(headline("1234567.00")).toBe("$1,234,567.00")
    expect(headline("0.00")).toBe("$0.00")
  })

  it("a positive amount is never shown as zero", () => {
    expect(headline("0.009")).toBe("< $0.01")
    expect(precise("0.000000001")).toBe("< $0.000001")
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 15n }), (nano) => {
        expect(headline(formatUsd(nano))).not.toBe("$0.00")
        expect(precise(formatUsd(nano))).not.toBe("$0.00")
      }),
    )
  })

  it("what is shown is at most what is there, and less than a cent (a micro-dollar) below it", () => {
    const shownNano = (text: string) => (text.startsWith("<") ? 0n : parseUsd(text.replaceAll(/[$,]/g, ""))!)
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (nano) => {
        const text = formatUsd(nano)
        expect(shownNano(headline(text)) <= nano && nano - shownNano(headline(text)) < 10_000_000n).toBe(true)
        expect(shownNano(precise(text)) <= nano && nano - shownNano(precise(text)) < 1_000n).toBe(true)
      }),
    )
  })

  it("a statement line has its sign, a price no needless cents", () => {
    expect(signed("-0.0123")).toBe("−$0.0123")
    expect(signed("20.00")).toBe("+$20.00")
    expect(signed("0.00")).toBe("$0.00")
    expect(signed("-0.0000001")).toBe("−< $0.000001")
    expect(price("16.00")).toBe("$16")
    expect(price("16.50")).toBe("$16.50")
  })

  it("a text that is no amount is a defect, not a zero", () => {
    expect(() => headline("NaN")).toThrow(RangeError)
    expect(() => headline("1e3")).toThrow(RangeError)
  })
})
