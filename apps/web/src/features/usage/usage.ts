/** Usage rows of the API as series for the chart and lines for the table. Pure. */
import type { UsageRow } from "@credits/contracts/http"
import { formatUsd } from "@credits/kernel"
import { chartDollars, nanoOf } from "../../format/money.ts"

/** More models than this are one series "others": the palette and the eye end there. */
const SERIES_MAX = 5
export const OTHERS = "others"
const DAY_MS = 86_400_000
/** As many bars as a month has days, and a day at each end. */
const DAYS_MAX = 33

export interface ModelLine {
  readonly model: string
  readonly calls: number
  readonly byokCalls: number
  readonly tokens: number
  readonly costUsd: string
}

/** One line a model, the dearest first. */
export const linesOf = (rows: ReadonlyArray<UsageRow>): ReadonlyArray<ModelLine> => {
  const models = Map.groupBy(rows, (row) => row.model ?? "unknown")
  return [...models.entries()]
    .map(([model, of]) => ({
      model,
      calls: of.reduce((sum, row) => sum + row.calls, 0),
      byokCalls: of.reduce((sum, row) => sum + row.byokCalls, 0),
      tokens: of.reduce(
        (sum, row) => sum + row.inputTokens + row.outputTokens + row.byokInputTokens + row.byokOutputTokens,
        0,
      ),
      cost: of.reduce((sum, row) => sum + nanoOf(row.costUsd), 0n),
    }))
    .toSorted((a, b) => (a.cost === b.cost ? b.byokCalls - a.byokCalls : a.cost < b.cost ? 1 : -1))
    .map(({ cost, ...line }) => ({ ...line, costUsd: formatUsd(cost) }))
}

export interface DayBar {
  /** UTC day. */
  readonly day: string
  /** Dollars by series, in the order of the series; zero where it has none. */
  readonly costs: ReadonlyArray<number>
  readonly costUsd: string
}

export interface Bars {
  /** Models, the dearest first, then "others" when there are more than fit. */
  readonly series: ReadonlyArray<string>
  readonly days: ReadonlyArray<DayBar>
}

/** Every UTC day from `from` to `to`, also those without a call. */
export const barsOf = (rows: ReadonlyArray<UsageRow>, from: string, to: string): Bars => {
  const dear = linesOf(rows)
    .filter((line) => nanoOf(line.costUsd) > 0n)
    .map((line) => line.model)
  const series = dear.length > SERIES_MAX ? [...dear.slice(0, SERIES_MAX), OTHERS] : dear
  const last = Date.parse(`${to.slice(0, 10)}T00:00:00Z`)
  const first = Math.max(Date.parse(`${from.slice(0, 10)}T00:00:00Z`), last - (DAYS_MAX - 1) * DAY_MS)
  const byDay = Map.groupBy(rows, (row) => row.day ?? "")
  const days: Array<DayBar> = []
  for (let at = first; at <= last; at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10)
    const of = byDay.get(day) ?? []
    const costs = series.map((name) =>
      of
        .filter((row) => (series.includes(row.model ?? "unknown") ? row.model === name : name === OTHERS))
        .reduce((sum, row) => sum + chartDollars(nanoOf(row.costUsd)), 0),
    )
    days.push({ day, costs, costUsd: formatUsd(of.reduce((sum, row) => sum + nanoOf(row.costUsd), 0n)) })
  }
  return { series, days }
}
