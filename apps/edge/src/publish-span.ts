/**
 * The span of publishing usage: below its request, linked with the traces that events bring of their own (each goes on
 * with its event, not with the request).
 */
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { sampledContext, tracing, type Span, type TraceContext } from "@credits/telemetry"
import { Effect } from "effect"

/** A collector has no use for hundreds of links. */
const LINKS_MAX = 32

const traceOf = (event: unknown): TraceContext | undefined =>
  typeof event === "object" && event !== null
    ? sampledContext((event as { readonly traceparent?: unknown }).traceparent)
    : undefined

export const publishSpan = (trace: TraceContext | undefined, payload: unknown): Span | undefined => {
  if (trace === undefined) return undefined
  const events: ReadonlyArray<unknown> = Array.isArray(payload) ? payload : [payload]
  return tracing.child(trace, {
    name: "publish usage",
    kind: "producer",
    links: events.slice(0, LINKS_MAX).flatMap((event) => traceOf(event) ?? []),
    attributes: {
      "messaging.system": "nats",
      "messaging.operation.type": "send",
      "messaging.destination.name": SUBJECTS.usage,
      "credits.stream": STREAMS.usage.name,
      "messaging.batch.message_count": events.length,
    },
  })
}

export const endPublishSpan = (span: Span | undefined, exit: "Success" | "Failure"): Effect.Effect<void> =>
  span === undefined ? Effect.void : Effect.sync(() => span.end(exit === "Success" ? undefined : "not stored"))
