/** Prometheus' text format (0.0.4): families with their help and type, each name once. Pure. */
import type { HistogramData } from "@credits/telemetry"

export type Labels = Readonly<Record<string, string>>

export interface Family {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly help: string
}

export interface Sample {
  readonly family: Family
  readonly labels: Labels
  readonly value: number | HistogramData
}

const labelText = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
const helpText = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const line = (name: string, labels: Labels, value: number): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${labelText(text)}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`
}

const histogramLines = (name: string, labels: Labels, { le, counts, sum }: HistogramData): ReadonlyArray<string> => {
  let count = 0
  const buckets = le.map((bound, i) => {
    count += counts[i] ?? 0
    return line(`${name}_bucket`, { ...labels, le: String(bound) }, count)
  })
  count += counts[le.length] ?? 0
  const inf = line(`${name}_bucket`, { ...labels, le: "+Inf" }, count)
  return [...buckets, inf, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count)]
}

const linesOf = ({ family, labels, value }: Sample): ReadonlyArray<string> =>
  typeof value === "number" ? [line(family.name, labels, value)] : histogramLines(family.name, labels, value)

/** Families in the order in which they first appear. */
export const prometheusText = (samples: ReadonlyArray<Sample>): string => {
  const families = new Map<string, Array<Sample>>()
  for (const sample of samples) {
    const family = families.get(sample.family.name)
    if (family === undefined) families.set(sample.family.name, [sample])
    else family.push(sample)
  }
  return [...families.values()]
    .map((of) => {
      const { name, help, type } = of[0]!.family
      return `# HELP ${name} ${helpText(help)}\n# TYPE ${name} ${type}\n${of.flatMap(linesOf).join("\n")}\n`
    })
    .join("")
}
