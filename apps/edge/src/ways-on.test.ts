import { readCatalogue } from "@credits/pricebook"
import { defaultCatalogueData } from "@credits/pricebook/defaults"
import { describe, expect, it } from "vitest"
import { waysOn } from "./ways-on.ts"

const checked = readCatalogue(defaultCatalogueData)
const catalogue = "ok" in checked ? checked.ok : null
const upgrade = { plan: "pro", interval: "monthly", addsNano: "110000000000" } as const

describe("R6.2 the ways on from an empty wallet", () => {
  it("names upgrade with the credit it adds now, auto top-up and BYOK", () => {
    const ways = waysOn(upgrade, catalogue)
    expect(ways.map((way) => way.action)).toEqual(["upgrade", "auto_top_up", "byok"])
    expect(ways[0]).toEqual({
      action: "upgrade",
      detail: "Upgrade to Pro, monthly: 110.00 USD of credit now.",
      plan: "pro",
      addsUsd: "110.00",
    })
  })

  it("names no upgrade when none adds credit now", () => {
    expect(waysOn(null, catalogue).map((way) => way.action)).toEqual(["auto_top_up", "byok"])
  })

  it("names an upgrade by its id while no catalogue is known", () => {
    expect(waysOn(upgrade, null)[0]?.detail).toContain("Upgrade to pro")
  })
})
