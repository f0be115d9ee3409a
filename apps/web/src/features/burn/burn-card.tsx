/** The burn chart of the cycle: credit left as an area, where it leads dashed, the reset marked; the same as table. */
import type { Wallet } from "@credits/contracts/http"
import { useQuery } from "@tanstack/react-query"
import { scaleLinear, scaleTime } from "d3-scale"
import { area, line } from "d3-shape"
import { usageQuery } from "../../api/queries.ts"
import { localText } from "../../format/instant.ts"
import { Card } from "../../ui/card.tsx"
import { ChartFrame } from "../../ui/chart-frame.tsx"
import { DataTable } from "../../ui/data-table.tsx"
import { Failed, Skeleton } from "../../ui/waiting.tsx"
import { type Burn, type BurnPoint, burnOf } from "./burn.ts"

const HEIGHT = 220
/** Room for "Nov 26" and air. */
const PIXELS_A_TICK = 110
const MARGIN = { top: 12, right: 8, bottom: 24, left: 40 }

const dollars = (value: number): string => (value > 0 && value < 0.01 ? "< $0.01" : `$${value.toFixed(2)}`)
const day = (at: number): string => localText(new Date(at).toISOString(), "short")

/** What the chart says, in one sentence. */
const takeaway = ({ projection, end, points }: Burn): string => {
  const left = points.at(-1)!.left
  if (left <= 0) return `This cycle's plan credits are used up; the next ones come on ${day(end)}.`
  if (projection === null) return `${dollars(left)} left until the reset on ${day(end)}; too early to tell the pace.`
  const [, last] = projection
  return last.left > 0
    ? `At this pace about ${dollars(last.left)} is left at the reset on ${day(end)}; it does not roll over.`
    : `At this pace the plan credits last until ${day(last.at)}; they reset on ${day(end)}.`
}

const Plot = ({ burn, width }: { readonly burn: Burn; readonly width: number }) => {
  const x = scaleTime()
    .domain([burn.start, burn.end])
    .range([MARGIN.left, width - MARGIN.right])
  const y = scaleLinear()
    .domain([0, burn.granted])
    .range([HEIGHT - MARGIN.bottom, MARGIN.top])
  const surface = area<BurnPoint>(
    ({ at }) => x(at),
    y(0),
    ({ left }) => y(left),
  )
  const edge = line<BurnPoint>(
    ({ at }) => x(at),
    ({ left }) => y(left),
  )
  return (
    <svg width={width} height={HEIGHT} className="block" role="img" aria-label={takeaway(burn)}>
      {y.ticks(4).map((tick) => (
        <g key={tick} transform={`translate(0 ${y(tick)})`}>
          <line x1={MARGIN.left} x2={width - MARGIN.right} className="stroke-line" />
          <text x={MARGIN.left - 8} dy="0.32em" textAnchor="end" className="fill-soft text-[11px] tabular-nums">
            ${tick}
          </text>
        </g>
      ))}
      {x.ticks(Math.max(2, Math.round(width / PIXELS_A_TICK))).map((tick) => (
        <text
          key={tick.getTime()}
          x={x(tick)}
          y={HEIGHT - 6}
          textAnchor="middle"
          className="fill-soft text-[11px] tabular-nums"
        >
          {day(tick.getTime())}
        </text>
      ))}
      <path d={surface(burn.points) ?? ""} className="fill-credit-soft" />
      <path d={edge(burn.points) ?? ""} className="fill-none stroke-credit" strokeWidth="2" />
      {burn.projection === null ? null : (
        <path
          d={edge(burn.projection) ?? ""}
          className="fill-none stroke-credit"
          strokeWidth="2"
          strokeDasharray="5 5"
        />
      )}
      <circle cx={x(burn.now)} cy={y(burn.points.at(-1)!.left)} r="4" className="fill-credit" />
      <g transform={`translate(${x(burn.end)} 0)`}>
        <line y1={MARGIN.top} y2={HEIGHT - MARGIN.bottom} className="stroke-strong" strokeDasharray="2 3" />
        <text x="-6" y={MARGIN.top + 10} textAnchor="end" className="fill-soft text-[11px]">
          reset
        </text>
      </g>
    </svg>
  )
}

export const BurnCard = ({ wallet }: { readonly wallet: Wallet }) => {
  const cycleStart = wallet.cycle?.start ?? wallet.asOf
  const { data, error, refetch } = useQuery(usageQuery(cycleStart))
  if (wallet.cycle === null) return null
  const burn = data === undefined ? null : burnOf(wallet, data.items)
  if (data !== undefined && burn === null) return null
  return (
    <Card title="This cycle's plan credits">
      {error === null ? null : <Failed what="The chart" error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null ? <Skeleton className="h-56" /> : null}
      {burn === null ? null : (
        <figure>
          <ChartFrame>{(width) => <Plot burn={burn} width={width} />}</ChartFrame>
          <figcaption className="mt-2 text-sm text-soft">{takeaway(burn)}</figcaption>
          <DataTable
            summary="Show as table"
            caption="Plan credits left"
            head={["Until", "Left"]}
            rows={burn.points.map(({ at, left }) => [localText(new Date(at).toISOString(), "minute"), dollars(left)])}
          />
        </figure>
      )}
    </Card>
  )
}
