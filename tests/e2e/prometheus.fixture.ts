/**
 * A strict reader of Prometheus' text format: help and type before the samples of a family, each once; labels and
 * numbers in their form; no sample twice; histograms cumulative and whole. Throws at the first line that is not so.
 */

export interface PrometheusSample {
  readonly name: string
  readonly labels: string
  readonly value: number
}
export interface PrometheusFamily {
  readonly type: string
  readonly help: string
  readonly samples: Array<PrometheusSample>
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`
const NUMBER = String.raw`(?:[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN)`
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL}(?:,${LABEL})*)?)\\})? (${NUMBER})$`)
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`)
const PARTS = ["_bucket", "_sum", "_count"]

const numberOf = (text: string): number => Number(text.replace("Inf", "Infinity"))

class Reader {
  readonly families = new Map<string, PrometheusFamily>()
  readonly #seen = new Set<string>()
  #help: readonly [name: string, text: string] | undefined
  #name = ""

  line(line: string): void {
    const help = HELP.exec(line)
    if (help !== null) return void (this.#help = [help[1]!, help[2]!])
    const type = TYPE.exec(line)
    if (type !== null) return this.#begin(type[1]!, type[2]!, line)
    const sample = SAMPLE.exec(line)
    if (sample === null) throw new Error(`no line of the format: ${line}`)
    this.#sample(sample[1]!, sample[2] ?? "", numberOf(sample[3]!), line)
  }

  #begin(name: string, type: string, line: string): void {
    if (this.families.has(name)) throw new Error(`a family twice: ${line}`)
    if (this.#help?.[0] !== name) throw new Error(`no help before: ${line}`)
    this.families.set(name, { type, help: this.#help[1], samples: [] })
    this.#name = name
  }

  #sample(name: string, labels: string, value: number, line: string): void {
    const family = this.families.get(this.#name)
    const part = name.slice(this.#name.length)
    const isOfFamily =
      name.startsWith(this.#name) && (family?.type === "histogram" ? PARTS.includes(part) : part === "")
    if (family === undefined || !isOfFamily) throw new Error(`no sample of ${this.#name}: ${line}`)
    if (this.#seen.has(`${name}{${labels}}`)) throw new Error(`a sample twice: ${line}`)
    if (family.type === "counter" && !(value >= 0)) throw new Error(`a counter below 0: ${line}`)
    this.#seen.add(`${name}{${labels}}`)
    family.samples.push({ name, labels, value })
  }
}

/** Buckets by the labels beside `le`, in their order. */
const checkHistogram = (name: string, { samples }: PrometheusFamily): void => {
  const rows = new Map<string, Array<PrometheusSample>>()
  for (const sample of samples) {
    const rest = sample.labels.replace(/,?le="[^"]*"/, "").replace(/^,/, "")
    rows.set(rest, [...(rows.get(rest) ?? []), sample])
  }
  for (const [labels, row] of rows) {
    const counts = row.filter((sample) => sample.name.endsWith("_bucket"))
    const isRising = counts.every(({ value }, i) => i === 0 || value >= counts[i - 1]!.value)
    const count = row.find((sample) => sample.name.endsWith("_count"))?.value
    const isWhole = counts.at(-1)?.labels.includes('le="+Inf"') === true && counts.at(-1)?.value === count
    if (!isRising || !isWhole || !row.some((sample) => sample.name.endsWith("_sum"))) {
      throw new Error(`${name}{${labels}} is no histogram`)
    }
  }
}

export const readPrometheus = (text: string): ReadonlyMap<string, PrometheusFamily> => {
  if (!text.endsWith("\n")) throw new Error("the last line has no end")
  const reader = new Reader()
  for (const line of text.split("\n")) if (line !== "") reader.line(line)
  for (const [name, family] of reader.families) if (family.type === "histogram") checkHistogram(name, family)
  return reader.families
}
