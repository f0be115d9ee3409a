/** Metrics of a process that serves its own `/metrics`: what two such processes would say in the same words. */
import { type Context, Metric } from "effect"
import { tracing } from "./tracing.ts"

export const counter = (name: string, description: string): Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true })

/** A counter of a figure that somebody else counts, from 0 on. */
export const following = (metric: Metric.Counter<number>, context: Context.Context<never>) => {
  let before = 0
  return (now: number): void => {
    metric.updateUnsafe(now - before, context)
    before = now
  }
}

/** Tagged metrics are made once: making one costs five times the update. */
export const tagged = <Input>(metric: Metric.Metric<Input, unknown>) => {
  const made = new Map<string, Metric.Metric<Input, unknown>>()
  return (attributes: Record<string, string>): Metric.Metric<Input, unknown> => {
    const key = Object.values(attributes).join("|")
    let found = made.get(key)
    if (found === undefined) {
      found = metric.pipe(Metric.withAttributes(attributes)) as Metric.Metric<Input, unknown>
      made.set(key, found)
    }
    return found
  }
}

const memory = Metric.gauge("process_resident_memory_bytes", { description: "Resident memory" })
const cpu = counter("process_cpu_seconds_total", "User and system CPU time")
const started = Metric.gauge("process_start_time_seconds", { description: "When this process started, Unix time" })

/** Figures of the process and of its exporter, read when it is called. `name` begins those of the exporter. */
export const processFigures = (name: string, context: Context.Context<never>): (() => void) => {
  const cpuOf = following(cpu, context)
  const exported = following(counter(`${name}_trace_spans_exported_total`, "Spans a collector has taken"), context)
  const dropped = following(counter(`${name}_trace_spans_dropped_total`, "Spans dropped for want of room"), context)
  return () => {
    memory.updateUnsafe(process.memoryUsage.rss(), context)
    const { user, system } = process.cpuUsage()
    cpuOf((user + system) / 1e6)
    started.updateUnsafe(performance.timeOrigin / 1_000, context)
    const { spansExported = 0, spansDropped = 0 } = tracing.metrics ?? {}
    exported(spansExported)
    dropped(spansDropped)
  }
}
