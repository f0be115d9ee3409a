/**
 * Questions of a traced request as spans of it. A request without a trace costs one look at its fiber; what a span is
 * to say is made only for the others.
 */
import { CurrentTrace, traceparentOf, tracing, type Span, type SpanOptions } from "@credits/telemetry"
import { Effect } from "effect"

const failed = (error: unknown): string => (error instanceof Error ? error.name : "error")

/** @param run is given the `traceparent` to send with the question, and the span to tell more to */
export const asked = <A>(
  about: () => SpanOptions,
  run: (trace: string | undefined, span: Span | undefined) => Promise<A>,
): Effect.Effect<A> =>
  Effect.withFiber((fiber) => {
    const trace = fiber.getRef(CurrentTrace)
    if (trace === undefined) return Effect.promise(() => run(undefined, undefined))
    const span = tracing.child(trace, about())
    if (span === undefined) return Effect.promise(() => run(undefined, undefined))
    return Effect.promise(async () => {
      try {
        const answer = await run(traceparentOf(span.context), span)
        span.end()
        return answer
      } catch (error) {
        span.end(failed(error))
        throw error
      }
    })
  })

/** A question over the bus. */
export const questionSpan = (
  service: string,
  subject: string,
  request: { readonly op: string; readonly account?: string | undefined },
): SpanOptions => ({
  name: `ask ${service} ${request.op}`,
  kind: "client",
  attributes: {
    "messaging.system": "nats",
    "messaging.operation.type": "send",
    "messaging.destination.name": subject,
    "credits.op": request.op,
    ...(request.account !== undefined && { "credits.account_id": request.account }),
  },
})
