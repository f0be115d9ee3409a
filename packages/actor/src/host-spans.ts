/**
 * Traced requests of a host: the span from a request's arrival to its answer, and those the worker measured. Everything
 * here is for the few that carry a trace; the others cost one comparison.
 */
import { HEADERS } from "@credits/contracts"
import { tracing, traceparentOf, type ExporterMetrics, type Span, type SpanRecord } from "@credits/telemetry"

/** The operation of a request's text, which only the worker decodes. */
const OP = /"op":"([a-z]{1,20})"/

/** A request of an owner that died is never answered: the oldest are forgotten. */
const OPEN_MAX = 1_024

/** What is looked at of a message. */
interface Arrived {
  readonly subject: string
  readonly headers?: { readonly get: (name: string) => string } | undefined
  readonly string: () => string
}

export class HostSpans {
  readonly #service: string
  readonly #open = new Map<string, Span>()

  constructor(service: string) {
    this.#service = service
  }

  /** `traceparent` for the worker; undefined: it is not traced. */
  received(msg: Arrived, reply: string, partition: number): string | undefined {
    if (!tracing.isOn) return undefined
    const header = msg.headers?.get(HEADERS.trace)
    if (header === undefined || header === "") return undefined
    const op = OP.exec(msg.string())?.[1] ?? "request"
    const span = tracing.child(header, {
      name: `${this.#service} ${op}`,
      kind: "server",
      attributes: {
        "messaging.system": "nats",
        "messaging.destination.name": msg.subject,
        "messaging.destination.partition.id": String(partition),
        "credits.op": op,
      },
    })
    if (span === undefined) return undefined
    if (this.#open.size >= OPEN_MAX) this.#open.delete(this.#open.keys().next().value!)
    this.#open.set(reply, span)
    return traceparentOf(span.context)
  }

  answered(replies: ReadonlyArray<string>, texts: ReadonlyArray<string>): void {
    if (this.#open.size === 0) return
    for (let i = 0; i < replies.length; i++) {
      const span = this.#open.get(replies[i]!)
      if (span === undefined) continue
      this.#open.delete(replies[i]!)
      const code = /^\{"refused":\{"code":"(\w+)"/.exec(texts[i]!)?.[1]
      span.set({ "credits.outcome": code ?? "ok" })
      span.end()
    }
  }

  /** For the status; nothing while this process does not trace. */
  get metrics(): { readonly tracing?: ExporterMetrics } {
    const { metrics } = tracing
    return metrics === undefined ? {} : { tracing: metrics }
  }

  /** Their partitions are somebody else's now, who may answer. */
  lost(): void {
    for (const span of this.#open.values()) span.end("the partition was lost")
    this.#open.clear()
  }

  measured(spans: ReadonlyArray<SpanRecord>): void {
    for (const span of spans) tracing.record(span)
  }

  /** What a tick message says of the traces behind its figures: account → `traceparent`. */
  ticked(subject: string, traces: ReadonlyArray<readonly [account: string, trace: string]>): Record<string, string> {
    const told: Record<string, string> = {}
    for (const [account, trace] of traces) {
      const attributes = {
        "messaging.system": "nats",
        "messaging.operation.type": "send",
        "messaging.destination.name": subject,
        "credits.account_id": account,
      }
      const span = tracing.child(trace, { name: `${this.#service} tick`, kind: "producer", attributes })
      if (span === undefined) continue
      span.end()
      told[account] = traceparentOf(span.context)
    }
    return told
  }
}
