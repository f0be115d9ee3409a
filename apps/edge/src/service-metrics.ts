/**
 * What the services report of themselves, as samples. Pure: status answers in, samples out. Services report plain
 * records of numbers (`detail.metrics` of their status), which `service-measures.ts` names; a number it does not know
 * goes out as `credits_<service>_<path>`.
 */
import type { ControlAnswer } from "@credits/contracts"
import { isHistogram, type HistogramData } from "@credits/telemetry"
import { type Family, prometheusText, type Labels, type Sample } from "./prometheus-text.ts"
import { MEASURES } from "./service-measures.ts"

/** Of a number without a name: the test of the running system looks for it. */
export const UNNAMED = "as the service reports it"

const gaugeOf = (name: string, help: string): Family => ({ name, type: "gauge", help })
const up = gaugeOf("credits_service_up", "1: the service answers its status")
const ready = gaugeOf("credits_service_ready", "1: the service says that it is ready")
const outbox = gaugeOf("credits_service_outbox_pending", "Messages committed and not yet published")
const open = gaugeOf("credits_service_open_requests", "Requests and steps under way")
const cursor = gaugeOf("credits_service_cursor", "Last message applied of each stream")
const gaps = gaugeOf(
  "credits_service_cursor_gaps",
  "Streams that do not fit the cursor in the database: nothing is read",
)
const due: Family = {
  name: "credits_service_due_work_total",
  type: "counter",
  help: "Pieces of due work run since the service started",
}
const backlog = gaugeOf(
  "cycle_due_backlog_seconds",
  "How long the oldest due work of a service has been waiting, business time",
)

/** "actionRequired" → "action_required"; what no name may contain is an underscore. */
const snake = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")

const labelsOf = (pattern: ReadonlyArray<string>, path: ReadonlyArray<string>): Record<string, string> | null => {
  if (pattern.length !== path.length) return null
  const labels: Record<string, string> = {}
  for (const [i, word] of pattern.entries()) {
    if (word.startsWith(":")) labels[word.slice(1)] = path[i]!
    else if (word !== path[i]) return null
  }
  return labels
}

const sampleAt = (path: ReadonlyArray<string>, value: number | HistogramData): Sample => {
  const isNumber = typeof value === "number"
  for (const { path: pattern, scale = 1, ...family } of MEASURES) {
    const labels = isNumber === (family.type !== "histogram") ? labelsOf(pattern, path) : null
    if (labels !== null) return { family, labels, value: isNumber ? value * scale : value }
  }
  const type = isNumber ? "gauge" : "histogram"
  return { family: { name: `credits_${path.map(snake).join("_")}`, type, help: UNNAMED }, labels: {}, value }
}

/** Every number below, by its path. */
const samplesBelow = (path: ReadonlyArray<string>, value: unknown): ReadonlyArray<Sample> => {
  if (typeof value === "number") return Number.isFinite(value) ? [sampleAt(path, value)] : []
  if (typeof value !== "object" || value === null || Array.isArray(value)) return []
  if (isHistogram(value)) return [sampleAt(path, value)]
  return Object.entries(value).flatMap(([key, each]) => samplesBelow([...path, key], each))
}

/** A service says `gap`, `cursor_gap`, or has machines that do. */
const gapsOf = (detail: Readonly<Record<string, unknown>>): number => {
  const { gap, cursor_gap: several, charge, method } = detail
  const below = [charge, method].filter((each) => typeof each === "object" && each !== null)
  const own = (typeof gap === "string" ? 1 : 0) + (Array.isArray(several) ? several.length : 0)
  return below.reduce((sum: number, each) => sum + gapsOf(each as Record<string, unknown>), own)
}

const samplesOf = (service: string, answer: ControlAnswer | null): ReadonlyArray<Sample> => {
  const sample = (family: Family, value: number, labels: Labels = {}): Sample => ({
    family,
    labels: { service, ...labels },
    value,
  })
  if (answer === null) return [sample(up, 0)]
  const { now, nextDue, detail } = answer
  return [
    sample(up, 1),
    sample(ready, answer.ready ? 1 : 0),
    sample(outbox, answer.outboxPending),
    sample(open, answer.openRequests),
    sample(due, answer.ran),
    sample(gaps, gapsOf(detail)),
    sample(backlog, nextDue === null ? 0 : Math.max(0, now - nextDue) / 1000),
    ...Object.entries(answer.cursors).map(([stream, at]) => sample(cursor, at, { stream })),
    ...samplesBelow([service], detail["metrics"]),
  ]
}

/** @param answers service → its status; null: it does not answer. */
export const serviceSamples = (answers: ReadonlyMap<string, ControlAnswer | null>): ReadonlyArray<Sample> =>
  [...answers].flatMap(([service, answer]) => samplesOf(service, answer))

export const renderServiceMetrics = (answers: ReadonlyMap<string, ControlAnswer | null>): string =>
  prometheusText(serviceSamples(answers))
