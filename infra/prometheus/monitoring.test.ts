/**
 * Goal: the files that operators copy are right. Method: they are parsed; every alert names a page that exists and says
 * what such a page must say; promtool checks and runs the rules' own tests where it is installed. That every metric
 * named in them exists is found out on a running system (tests/e2e/observability.test.ts).
 */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { alertsOf, dashboard, rules } from "./files.ts"

const here = import.meta.dirname
const repository = join(here, "../..")
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0

describe("alerts", () => {
  it.each(alertsOf(rules).map((alert) => [alert.alert, alert] as const))(
    "%s says how bad it is, in a sentence, and names a page that exists",
    (_name, { labels, annotations }) => {
      expect(["page", "ticket"]).toContain(labels.severity)
      expect(annotations.summary).toMatch(/\S/)
      expect(existsSync(join(repository, annotations.runbook))).toBe(true)
    },
  )

  it("page only for money, for what cannot be spent or seen, and for what will soon be so", () => {
    const pages = alertsOf(rules).flatMap(({ alert, labels }) => (labels.severity === "page" ? [alert] : []))
    expect(pages).toEqual([
      "LedgerImbalance",
      "ReconMissingMoney",
      "ChargeOutcomeUnknown",
      "WebhookSilence",
      "AuthorizeBudgetBurnsFast",
      "AuthorizeBudgetBurns",
      "StreamLag",
      "OutboxStuck",
      "CursorGap",
      "DeadLettersGrow",
      "NothingIsSeen",
      "IntakeStopped",
      "DiskFillsUp",
    ])
  })
})

describe("runbooks", () => {
  const folder = join(repository, "docs/operations/runbooks")
  it.each(readdirSync(folder))("%s has symptom, query, safe action and verification", (name) => {
    const text = readFileSync(join(folder, name), "utf8")
    for (const part of ["**Symptom.**", "**Query.**", "**Safe action", "**Verify.**"]) expect(text).toContain(part)
  })
})

describe("Grafana's files", () => {
  it("load the dashboard from the data source they set up", () => {
    const read = (path: string): unknown => parse(readFileSync(join(here, "../grafana/provisioning", path), "utf8"))
    const { datasources } = read("datasources/prometheus.yaml") as { datasources: ReadonlyArray<{ uid: string }> }
    const { providers } = read("dashboards/credits.yaml") as { providers: ReadonlyArray<{ type: string }> }
    expect(providers.map(({ type }) => type)).toEqual(["file"])
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ datasource }) => datasource.uid))
    expect(new Set(asked)).toEqual(new Set(datasources.map(({ uid }) => uid)))
    const ids = dashboard.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe.runIf(hasPromtool)("promtool", () => {
  const promtool = (...args: ReadonlyArray<string>): string =>
    execFileSync("promtool", [...args], { cwd: here, encoding: "utf8", stdio: "pipe" })
  it("takes the configuration and the rules", () => {
    expect(promtool("check", "config", "prometheus.yml")).toContain("is valid prometheus config")
    expect(promtool("check", "rules", "rules.yml")).toContain("rules found")
  })
  it("runs the rules' own tests", () => void promtool("test", "rules", "rules.test.yml"))
})
