/**
 * The spans of a rated batch: one of the batch, in a trace of its own, and one of each traced event below the event's,
 * linked both ways. Nothing is done for a batch without traced events.
 */
import { childContext, sampledContext, spanClock, traceparentOf, tracing, type Attributes } from "@credits/telemetry"
import { STREAMS } from "@credits/contracts"
import type { RatedBatch, TracedEvent } from "./rating.ts"

/** For `Rating`: a span below the event's, if this process traces. */
export const newTrace = (parent: string): string | undefined => {
  const context = tracing.isOn ? sampledContext(parent) : undefined
  return context === undefined ? undefined : traceparentOf(childContext(context))
}

/** Messaging and GenAI semantic conventions where they fit. */
const attributesOf = ({ id, account, provider, model, mode, seq }: TracedEvent): Attributes => ({
  "messaging.system": "nats",
  "messaging.operation.type": "process",
  "messaging.destination.name": STREAMS.usage.name,
  "messaging.message.id": id,
  "gen_ai.provider.name": provider,
  "gen_ai.request.model": model,
  "credits.account_id": account,
  "credits.usage.mode": mode,
  "credits.stream.seq": seq,
})

/** The charges are stored and the cursor is committed. */
export const recordBatch = ({ traced, events, charges }: RatedBatch, startMs: number): void => {
  if (traced.length === 0) return
  const attributes = { "credits.batch.events": events, "credits.batch.messages": charges.length }
  const batch = tracing.batch({ name: "pricing batch", kind: "internal", startMs, attributes })
  if (batch === undefined) return
  const endMs = spanClock()
  for (const event of traced) {
    const [context, parent] = [sampledContext(event.trace)!, sampledContext(event.parent)!]
    const links = [batch.context]
    const about = { name: "pricing rate", kind: "consumer", startMs, endMs, attributes: attributesOf(event) } as const
    tracing.record({ context, parent: parent.spanId, links, ...about })
    batch.link(context)
  }
  batch.end()
}
