/**
 * What the services report of themselves, as Prometheus text. Pure: status answers in, text out. Each service names its
 * own numbers in `detail.metrics` of its status (`ServiceMetrics` in the contracts): a key that is a sample already
 * (`charges_total{outcome="succeeded"}`) goes out as it is, other numbers under `credits_<service>_<path>`.
 */
import type { ControlAnswer } from "@credits/contracts"

/** A sample as Prometheus reads it; anything else that looks like one is left out rather than breaking the page. */
const SAMPLE = /^([a-z_][a-z0-9_]*)(\{[a-z_][a-z0-9_]*="[^"\\\n]*"(?:,[a-z_][a-z0-9_]*="[^"\\\n]*")*\})?$/

/** Metrics people watch and alert on; the others explain themselves by their path. */
const HELP: Readonly<Record<string, string>> = {
  charges_total: "Charges decided since the service started, by outcome",
  charges_unknown_oldest_seconds: "Age of the oldest charge whose outcome nobody knows",
  topup_cap_rejections_total: "Top-ups not made because the monthly cap leaves too little",
  cycle_due_backlog_seconds: "How long the oldest due work of a service has been waiting",
  credits_service_up: "1: the service answers its status",
  credits_service_ready: "1: the service says that it is ready",
  credits_service_outbox_pending: "Messages committed and not yet published",
  credits_service_open_requests: "Requests and steps under way",
  credits_service_due_work_total: "Pieces of due work run since the service started",
  credits_service_cursor: "Last message applied of each stream",
}

const snake = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")

type Samples = Array<readonly [sample: string, value: number]>

/** Every number below, by its path. Depth is bounded by what services report: records of records. */
const collect = (prefix: string, value: unknown, into: Samples): void => {
  if (typeof value !== "object" || value === null) return
  for (const [key, each] of Object.entries(value)) {
    if (typeof each === "object") collect(`${prefix}_${snake(key)}`, each, into)
    else if (typeof each !== "number" || !Number.isFinite(each)) continue
    else if (SAMPLE.test(key) && /_total$|_seconds$|[{]/.test(key)) into.push([key, each])
    else into.push([`${prefix}_${snake(key)}`, each])
  }
}

const label = (value: string): string => value.replaceAll(/["\\\n]/g, "_")

const samplesOf = (service: string, answer: ControlAnswer | null): Samples => {
  const labels = `{service="${label(service)}"}`
  if (answer === null) return [[`credits_service_up${labels}`, 0]]
  const samples: Samples = [
    [`credits_service_up${labels}`, 1],
    [`credits_service_ready${labels}`, answer.ready ? 1 : 0],
    [`credits_service_outbox_pending${labels}`, answer.outboxPending],
    [`credits_service_open_requests${labels}`, answer.openRequests],
    [`credits_service_due_work_total${labels}`, answer.ran],
    ...Object.entries(answer.cursors).map(
      ([stream, cursor]) =>
        [`credits_service_cursor{service="${label(service)}",stream="${label(stream)}"}`, cursor] as const,
    ),
  ]
  collect(`credits_${snake(service)}`, answer.detail["metrics"], samples)
  return samples
}

/** @param answers service → its status; null: it does not answer. */
export const renderServiceMetrics = (answers: ReadonlyMap<string, ControlAnswer | null>): string => {
  const families = new Map<string, Array<string>>()
  for (const [service, answer] of answers) {
    for (const [sample, value] of samplesOf(service, answer)) {
      const name = SAMPLE.exec(sample)?.[1]
      if (name === undefined) continue
      const lines = families.get(name) ?? []
      families.set(name, lines)
      lines.push(`${sample} ${value}`)
    }
  }
  return [...families]
    .map(([name, lines]) => {
      const help = HELP[name] === undefined ? "" : `# HELP ${name} ${HELP[name]}\n`
      return `${help}# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}\n${lines.join("\n")}\n`
    })
    .join("")
}
