/** What was used and what it cost: by day as bars, by model as a table. Calls with an own key stand in it at $0.00. */
import type { Wallet } from "@credits/contracts/http"
import { useQuery } from "@tanstack/react-query"
import { scaleBand, scaleLinear } from "d3-scale"
import { usageQuery } from "../../api/queries.ts"
import { dayText } from "../../format/instant.ts"
import { precise } from "../../format/money.ts"
import { Card } from "../../ui/card.tsx"
import { ChartFrame } from "../../ui/chart-frame.tsx"
import { DataTable } from "../../ui/data-table.tsx"
import { Badge } from "../../ui/notice.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { type Bars, barsOf, linesOf, type ModelLine } from "./usage.ts"

const HEIGHT = 180
const MARGIN = { top: 10, right: 8, bottom: 24, left: 40 }
/** In the order of the series; each name stands beside its colour. */
const FILLS = ["fill-series-1", "fill-series-2", "fill-series-3", "fill-series-4", "fill-series-5", "fill-series-6"]
const SWATCHES = ["bg-series-1", "bg-series-2", "bg-series-3", "bg-series-4", "bg-series-5", "bg-series-6"]
/** Room for "Nov 26" and air: labels under every so many bars. */
const PIXELS_A_LABEL = 64

const count = new Intl.NumberFormat("en-US")

const Plot = ({ bars, width }: { readonly bars: Bars; readonly width: number }) => {
  const x = scaleBand()
    .domain(bars.days.map(({ day }) => day))
    .range([MARGIN.left, width - MARGIN.right])
    .padding(0.25)
  const top = Math.max(...bars.days.map(({ costs }) => costs.reduce((sum, cost) => sum + cost, 0)), 0.000_001)
  const y = scaleLinear()
    .domain([0, top])
    .nice(3)
    .range([HEIGHT - MARGIN.bottom, MARGIN.top])
  const every = Math.ceil(PIXELS_A_LABEL / x.step())
  const total = bars.days.filter(({ costs }) => costs.some((cost) => cost > 0)).length
  return (
    <svg
      width={width}
      height={HEIGHT}
      className="block"
      role="img"
      aria-label={`Cost by UTC day: calls on ${total} of ${bars.days.length} days`}
    >
      {y.ticks(3).map((tick) => (
        <g key={tick} transform={`translate(0 ${y(tick)})`}>
          <line x1={MARGIN.left} x2={width - MARGIN.right} className="stroke-line" />
          <text x={MARGIN.left - 8} dy="0.32em" textAnchor="end" className="fill-soft text-[11px] tabular-nums">
            ${tick}
          </text>
        </g>
      ))}
      {bars.days.map(({ day, costs, costUsd }, index) => {
        let below = 0
        return (
          <g key={day}>
            <title>{`${dayText(day)}: ${precise(costUsd)}`}</title>
            {costs.map((cost, series) => {
              const from = below
              below += cost
              return cost === 0 ? null : (
                <rect
                  key={bars.series[series]}
                  x={x(day)}
                  width={x.bandwidth()}
                  y={y(below)}
                  height={Math.max(1, y(from) - y(below))}
                  className={FILLS[series]}
                />
              )
            })}
            {index % every === 0 ? (
              <text
                x={(x(day) ?? 0) + x.bandwidth() / 2}
                y={HEIGHT - 6}
                textAnchor="middle"
                className="fill-soft text-[11px]"
              >
                {dayText(day)}
              </text>
            ) : null}
          </g>
        )
      })}
    </svg>
  )
}

const Legend = ({ series }: { readonly series: ReadonlyArray<string> }) => (
  <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-sm">
    {series.map((name, index) => (
      <li key={name} className="flex items-center gap-1.5">
        <span aria-hidden className={`size-2.5 rounded-sm ${SWATCHES[index]}`} />
        {name}
      </li>
    ))}
  </ul>
)

const Row = ({ line }: { readonly line: ModelLine }) => (
  <tr className="border-b border-line last:border-0">
    <th scope="row" className="py-2 pr-3 text-left font-normal wrap-anywhere">
      {line.model} {line.byokCalls > 0 ? <Badge tone="plain">{count.format(line.byokCalls)} BYOK</Badge> : null}
    </th>
    <td className="py-2 pr-3 text-right">{count.format(line.calls + line.byokCalls)}</td>
    <td className="py-2 pr-3 text-right max-sm:hidden">{count.format(line.tokens)}</td>
    <td className="py-2 text-right font-medium">{precise(line.costUsd)}</td>
  </tr>
)

const Models = ({ lines }: { readonly lines: ReadonlyArray<ModelLine> }) => (
  <table className="mt-4 w-full text-sm tabular-nums">
    <caption className="sr-only">Usage by model</caption>
    <thead>
      <tr className="border-b border-line text-soft">
        <th scope="col" className="py-2 text-left font-medium">
          Model
        </th>
        <th scope="col" className="py-2 pr-3 text-right font-medium">
          Calls
        </th>
        <th scope="col" className="py-2 pr-3 text-right font-medium max-sm:hidden">
          Tokens
        </th>
        <th scope="col" className="py-2 text-right font-medium">
          Cost
        </th>
      </tr>
    </thead>
    <tbody>
      {lines.map((line) => (
        <Row key={line.model} line={line} />
      ))}
    </tbody>
  </table>
)

interface Properties {
  readonly wallet: Wallet
  /** Start of what is shown: the cycle's, or thirty days ago. */
  readonly from: string
}

export const UsageCard = ({ wallet, from }: Properties) => {
  const { data, error, refetch } = useQuery(usageQuery(from))
  const bars = data === undefined ? null : barsOf(data.items, from, wallet.asOf)
  return (
    <Card title="Usage" aside={wallet.cycle === null ? "the last 30 days" : "this cycle, by UTC day"}>
      {error === null ? null : <Failed what="Usage" error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null ? <Skeleton className="h-64" /> : null}
      {data?.items.length === 0 ? (
        <p className="text-soft">
          No calls yet. What you call shows here a moment later; calls with your own provider key (BYOK) are counted and
          cost $0.00.
        </p>
      ) : null}
      {bars === null || data === undefined || data.items.length === 0 ? null : (
        <>
          {bars.series.length === 0 ? null : (
            <figure>
              <ChartFrame>{(width) => <Plot bars={bars} width={width} />}</ChartFrame>
              <Legend series={bars.series} />
              <figcaption className="sr-only">Cost by day and model</figcaption>
              <DataTable
                summary="Show days as table"
                caption="Cost by UTC day"
                head={["Day (UTC)", "Cost"]}
                rows={bars.days
                  .filter(({ costs }) => costs.some((cost) => cost > 0))
                  .map(({ day, costUsd }) => [day, precise(costUsd)])}
              />
            </figure>
          )}
          <Models lines={linesOf(data.items)} />
        </>
      )}
    </Card>
  )
}
