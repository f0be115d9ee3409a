/**
 * The monitoring files as data, for tests: rules, alerts, the dashboard, and the names of metrics that their
 * expressions use.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}
interface Recording {
  readonly record: string
  readonly expr: string
}
interface Rules {
  readonly groups: ReadonlyArray<{ readonly name: string; readonly rules: ReadonlyArray<Alert | Recording> }>
}
interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly id: number
    readonly targets?: ReadonlyArray<{ readonly expr: string; readonly datasource: { readonly uid: string } }>
  }>
}

const read = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8")

export const rules = parse(read("rules.yml")) as Rules
export const dashboard = JSON.parse(read("../grafana/dashboards/credits.json")) as Dashboard

export const alertsOf = ({ groups }: Rules): ReadonlyArray<Alert> =>
  groups.flatMap((group) => group.rules.flatMap((rule) => ("alert" in rule ? [rule] : [])))

const recorded = new Set(
  rules.groups.flatMap((group) => group.rules.flatMap((rule) => ("record" in rule ? [rule.record] : []))),
)

/** Words of PromQL, and names of labels, are no metrics. */
const NOT_METRICS = new Set(
  (
    "sum max min min_over_time rate increase histogram_quantile predict_linear " +
    "by or and on unless offset vector absent time up"
  ).split(" "),
)

/** Names of metrics in an expression: what is left without texts, label lists, durations and words of the language. */
const namesIn = (expr: string): ReadonlyArray<string> =>
  [
    ...expr
      .replaceAll(/"[^"]*"/g, "")
      .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, "")
      .replaceAll(/\b(?:by|on|without)\s*\([^)]*\)/g, "")
      .replaceAll(/\b\d[\w.]*/g, "")
      .replaceAll(/\boffset\s+\w+/g, "")
      .matchAll(/[a-zA-Z_:][\w:]*/g),
  ]
    .map(([name]) => name)
    .filter((name) => !NOT_METRICS.has(name))

/** Every metric that a rule, an alert or a panel asks for and that nobody records from others. */
export const metricsUsed: ReadonlySet<string> = new Set(
  [
    ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ]
    .flatMap(namesIn)
    .filter((name) => !recorded.has(name)),
)
