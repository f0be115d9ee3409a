import { readCatalogue } from "@credits/pricebook"
import { defaultCatalogueData } from "@credits/pricebook/defaults"
import { describe, expect, it } from "vitest"
import { waysOn } from "./ways-on.ts"
import { walletOf } from "./edge.fixture.ts"

const checked = readCatalogue(defaultCatalogueData)
const catalogue = "ok" in checked ? checked.ok : null
const start = Date.parse("2026-01-01T00:00:00.000Z")
const end = Date.parse("2026-02-01T00:00:00.000Z")
const cycle = { start, end, granted: "20000000000", spent: "20000000000" }

describe("R6.2 the ways on from an empty wallet", () => {
  it("names upgrade with the credit it adds now, auto top-up and BYOK", () => {
    const half = walletOf("acc_1", { plan: "plus", cycle, asOf: (start + end) / 2 })
    const ways = waysOn(half, catalogue)
    expect(ways.map((way) => way.action)).toEqual(["upgrade", "auto_top_up", "byok"])
    // R4.3: Pro gives 120, half of Plus's 20 is not yet earned and is missing from the empty wallet.
    expect(ways[0]).toMatchObject({ plan: "pro", addsUsd: "110.00" })
  })

  it("names no upgrade on the highest plan", () => {
    const ways = waysOn(walletOf("acc_1", { plan: "max", cycle, asOf: end }), catalogue)
    expect(ways.map((way) => way.action)).toEqual(["auto_top_up", "byok"])
  })

  it("names no upgrade when the wallet or the catalogue is not known", () => {
    expect(waysOn(null, catalogue).map((way) => way.action)).toEqual(["auto_top_up", "byok"])
    expect(waysOn(walletOf("acc_1"), null).map((way) => way.action)).toEqual(["auto_top_up", "byok"])
  })
})
