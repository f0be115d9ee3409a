/** The plan catalogue: the shipped one is R0's table, and publishing refuses what R0.2 forbids. */
import { formatUsd, parseInstant } from "@credits/kernel"
import { describe, expect, it } from "vitest"
import { defaultCatalogue, defaultCatalogueData } from "./defaults.ts"
import { catalogueAt, readCatalogue, type CatalogueData, type PlanData } from "./index.ts"

const changed = (plan: string, change: Partial<PlanData> | Record<string, unknown>): unknown => ({
  ...defaultCatalogueData,
  plans: defaultCatalogueData.plans.map((one) => (one.id === plan ? { ...one, ...change } : one)),
})
const refusals = (data: unknown): ReadonlyArray<string> => {
  const checked = readCatalogue(data)
  return "ok" in checked ? [] : checked.invalid.map((one) => `${one.code} ${one.field}`)
}

describe("the catalogue", () => {
  it("R0 the shipped catalogue is the table of the product rules", () => {
    const rows = defaultCatalogue().plans.map((plan) => [
      plan.name,
      plan.rank,
      plan.hostedModels,
      plan.monthly && formatUsd(plan.monthly.firstMonth),
      plan.monthly && formatUsd(plan.monthly.renewal),
      plan.yearly && formatUsd(plan.yearly.total),
      plan.yearly && formatUsd(plan.yearly.monthlyEquivalent),
      formatUsd(plan.creditsPerCycle),
    ])
    expect(rows).toEqual([
      ["Free", 0, false, null, null, null, null, "0.00"],
      ["Plus", 1, true, "16.00", "20.00", "168.00", "14.00", "20.00"],
      ["Pro", 2, true, "70.00", "100.00", "720.00", "60.00", "120.00"],
      ["Max", 3, true, "120.00", "200.00", "1176.00", "98.00", "300.00"],
    ])
  })

  it("R9.2 the shipped auto top-up policies are 5/10, 15/25 and 30/50", () => {
    const policies = defaultCatalogue().plans.map((plan) => {
      const policy = plan.autoTopUp
      return policy && [formatUsd(policy.threshold), formatUsd(policy.amount)]
    })
    expect(policies).toEqual([null, ["5.00", "10.00"], ["15.00", "25.00"], ["30.00", "50.00"]])
  })

  it("R0.2 what it forbids is refused with the field's name", () => {
    const monthly = (renewalUsd: string, firstMonthUsd = "1.00") => ({ monthly: { firstMonthUsd, renewalUsd } })
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [changed("pro", { rank: 1 }), "rank_repeats plans[2].rank"],
      [changed("plus", monthly("-20.00")), "price_negative plans[1].monthly.renewalUsd"],
      [changed("plus", monthly("20.00", "16.001")), "price_sub_cent plans[1].monthly.firstMonthUsd"],
      [changed("plus", { creditsPerCycleUsd: "20.0000001" }), "price_sub_cent plans[1].creditsPerCycleUsd"],
      [changed("plus", { yearly: { totalUsd: "240.00" } }), "yearly_not_cheaper plans[1].yearly.totalUsd"],
      [changed("pro", monthly("20.00")), "rank_not_dearer plans[2].monthly.renewalUsd"],
      [changed("pro", { yearly: { totalUsd: "168.00" } }), "rank_not_dearer plans[2].yearly.totalUsd"],
      [changed("max", { creditsPerCycleUsd: "120.00" }), "rank_not_richer plans[3].creditsPerCycleUsd"],
      [changed("plus", { id: "pro" }), "plan_repeats plans[2].id"],
      [changed("free", { hostedModels: true }), "free_missing plans"],
      [changed("plus", { discount: 1 }), "unknown_field plans[1].discount"],
      [
        changed("plus", { monthly: { firstMonthUsd: 16, renewalUsd: "20.00" } }),
        "invalid_field plans[1].monthly.firstMonthUsd",
      ],
    ]
    for (const [data, expected] of cases) expect(refusals(data)).toContain(expected)
    expect(refusals(defaultCatalogueData)).toEqual([])
    // A cent below twelve renewals is cheaper per month.
    expect(refusals(changed("plus", { yearly: { totalUsd: "239.99" } }))).toEqual([])
  })

  it("R0.1 the version in force at an instant is the last that had begun", () => {
    const versions = [
      ["2026-1", "2026-01-01T00:00:00.000Z"],
      ["2026-2", "2026-06-01T00:00:00.000Z"],
    ].map(([version, effectiveAt]) => {
      const checked = readCatalogue({ ...defaultCatalogueData, version, effectiveAt } as CatalogueData)
      if ("invalid" in checked) throw new Error("refused")
      return checked.ok
    })
    const at = (text: string): string | undefined => catalogueAt(versions, parseInstant(text)!)?.version
    expect(at("2025-12-31T23:59:59.999Z")).toBeUndefined()
    expect(at("2026-05-31T23:59:59.999Z")).toBe("2026-1")
    expect(at("2026-06-01T00:00:00.000Z")).toBe("2026-2")
  })
})
