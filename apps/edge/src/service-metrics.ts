/**
 * What the services report of themselves, as Prometheus text. Pure: status answers in, text out. Services report plain
 * records of numbers (`detail.metrics` of their status); here those that people watch get their names and labels, and
 * the rest go out as `credits_<service>_<path>`.
 */
import type { ControlAnswer } from "@credits/contracts"

interface Watched {
  /** `:word` is any key and becomes a label of that name. */
  readonly path: ReadonlyArray<string>
  readonly name: string
}

const WATCHED: ReadonlyArray<Watched> = [
  { path: ["payments", "charges", ":kind", ":outcome"], name: "charges_total" },
  { path: ["payments", "oldestUnknownSeconds"], name: "charges_unknown_oldest_seconds" },
  { path: ["payments", "findings", ":kind"], name: "recon_findings" },
  { path: ["payments", "webhookAgeSeconds"], name: "webhook_age_seconds" },
  { path: ["topup", "capRejections"], name: "topup_cap_rejections_total" },
  { path: [":service", "deadLettersByReason", ":reason"], name: "dead_letters_total" },
  { path: [":service", "sagas", "deadLettersByReason", ":reason"], name: "dead_letters_total" },
  { path: [":service", "sagas", ":machine", "deadLettersByReason", ":reason"], name: "dead_letters_total" },
]

const HELP: Readonly<Record<string, string>> = {
  charges_total: "Charges by what for and outcome, since payments started",
  charges_unknown_oldest_seconds: "Age of the oldest charge whose outcome nobody knows",
  recon_findings: "Open differences between the card processor and our books",
  webhook_age_seconds: "Since the last genuine webhook of the card processor",
  topup_cap_rejections_total: "Top-ups that were due and that the monthly cap did not allow",
  dead_letters_total: "Dead letters written, by service and reason, since the service started",
  cycle_due_backlog_seconds: "How long the oldest due work of a service has been waiting, business time",
  credits_service_up: "1: the service answers its status",
  credits_service_ready: "1: the service says that it is ready",
  credits_service_outbox_pending: "Messages committed and not yet published",
  credits_service_open_requests: "Requests and steps under way",
  credits_service_due_work_total: "Pieces of due work run since the service started",
  credits_service_cursor: "Last message applied of each stream",
}

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

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

const sampleAt = (path: ReadonlyArray<string>, value: number): Sample => {
  for (const { path: pattern, name } of WATCHED) {
    const labels = labelsOf(pattern, path)
    if (labels !== null) return { name, labels, value }
  }
  return { name: `credits_${path.map(snake).join("_")}`, labels: {}, value }
}

/** Every number below, by its path. */
const samplesBelow = (path: ReadonlyArray<string>, value: unknown): ReadonlyArray<Sample> => {
  if (typeof value === "number") return Number.isFinite(value) ? [sampleAt(path, value)] : []
  if (typeof value !== "object" || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([key, each]) => samplesBelow([...path, key], each))
}

const samplesOf = (service: string, answer: ControlAnswer | null): ReadonlyArray<Sample> => {
  const gauge = (name: string, value: number, labels: Sample["labels"] = {}): Sample => ({
    name,
    labels: { service, ...labels },
    value,
  })
  if (answer === null) return [gauge("credits_service_up", 0)]
  const { now, nextDue } = answer
  return [
    gauge("credits_service_up", 1),
    gauge("credits_service_ready", answer.ready ? 1 : 0),
    gauge("credits_service_outbox_pending", answer.outboxPending),
    gauge("credits_service_open_requests", answer.openRequests),
    gauge("credits_service_due_work_total", answer.ran),
    gauge("cycle_due_backlog_seconds", nextDue === null ? 0 : Math.max(0, now - nextDue) / 1000),
    ...Object.entries(answer.cursors).map(([stream, cursor]) => gauge("credits_service_cursor", cursor, { stream })),
    ...samplesBelow([service], answer.detail["metrics"]),
  ]
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")

const lineOf = ({ name, labels, value }: Sample): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`
}

/** @param answers service → its status; null: it does not answer. */
export const renderServiceMetrics = (answers: ReadonlyMap<string, ControlAnswer | null>): string => {
  const families = new Map<string, Array<Sample>>()
  for (const [service, answer] of answers) {
    for (const sample of samplesOf(service, answer)) {
      const family = families.get(sample.name) ?? []
      families.set(sample.name, family)
      family.push(sample)
    }
  }
  return [...families]
    .map(([name, samples]) => {
      const help = HELP[name] === undefined ? "" : `# HELP ${name} ${HELP[name]}\n`
      const type = `# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}\n`
      return `${help}${type}${samples.map(lineOf).join("\n")}\n`
    })
    .join("")
}
