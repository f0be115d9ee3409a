/**
 * What the bench found: rows for people, figures for programs, and the bounds the system promises. Owns the printing.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import type { LatencySummary } from "@credits/testkit"
import type { Cpu } from "./processes.ts"

export interface Bound {
  readonly name: string
  readonly measured: number
  readonly compare: "at least" | "at most"
  readonly bound: number
  readonly unit: string
}

export const isMet = ({ measured, compare, bound }: Bound): boolean =>
  compare === "at least" ? measured >= bound : measured <= bound

interface Row {
  readonly name: string
  readonly rate: string
  readonly latency: string
  readonly note: string
}

export const count = (value: number): string => Math.round(value).toLocaleString("en-US")
export const perSecond = (value: number): string => `${count(value)}/s`
export const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`
export const latencyOf = ({ p50, p90, p99, p999, max }: LatencySummary): string =>
  `p50 ${ms(p50)} · p90 ${ms(p90)} · p99 ${ms(p99)} · p99.9 ${ms(p999)} · max ${ms(max)}`
export const cores = (cpu: Cpu): string =>
  Object.entries(cpu)
    .map(([name, share]) => `${name} ${share.toFixed(2)}`)
    .join(" · ")

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8" }).trim()
  } catch {
    return "unknown"
  }
}

export const machine = () => ({
  processor: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  node: process.version,
  loadAverage: Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]),
  commit: commit(),
})

export class Report {
  readonly #groups = new Map<string, Array<Row>>()
  readonly #bounds: Array<Bound> = []
  readonly #figures: Record<string, unknown> = {}

  /** Progress, on stderr. */
  say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  row(scenario: string, name: string, rate: string, latency = "", note = ""): void {
    const rows = this.#groups.get(scenario) ?? []
    rows.push({ name, rate, latency, note })
    this.#groups.set(scenario, rows)
    this.say(`  ${name.padEnd(46)} ${rate.padStart(14)}  ${latency}${note === "" ? "" : `  ${note}`}`)
  }

  figure(name: string, value: unknown): void {
    this.#figures[name] = value
  }

  bound(name: string, measured: number, compare: Bound["compare"], bound: number, unit: string): void {
    this.#bounds.push({ name, measured, compare, bound, unit })
  }

  get bounds(): ReadonlyArray<Bound> {
    return this.#bounds
  }

  /** The table, on stdout. */
  print(): void {
    const lines: Array<string> = []
    for (const [scenario, rows] of this.#groups) {
      lines.push("", scenario)
      const width = Math.max(...rows.map((row) => row.name.length))
      for (const row of rows) {
        const latency = row.latency === "" ? "" : `  ${row.latency}`
        lines.push(`  ${row.name.padEnd(width)}  ${row.rate.padStart(14)}${latency}`)
        if (row.note !== "") lines.push(`  ${" ".repeat(width)}  ${" ".repeat(14)}  ${row.note}`)
      }
    }
    if (this.#bounds.length > 0) lines.push("", "What it must reach")
    const width = Math.max(0, ...this.#bounds.map((bound) => bound.name.length))
    for (const bound of this.#bounds) {
      const measured = `${Number(bound.measured.toPrecision(4)).toLocaleString("en-US")} ${bound.unit}`
      const wanted = `${bound.compare} ${bound.bound.toLocaleString("en-US")} ${bound.unit}`
      lines.push(`  ${isMet(bound) ? "met   " : "MISSED"} ${bound.name.padEnd(width)}  ${measured}  (${wanted})`)
    }
    process.stdout.write(`${lines.join("\n")}\n`)
  }

  toJson(more: Record<string, unknown>): string {
    const bounds = this.#bounds.map((bound) => ({ ...bound, met: isMet(bound) }))
    return JSON.stringify({ ...more, figures: this.#figures, bounds }, null, 2)
  }
}
