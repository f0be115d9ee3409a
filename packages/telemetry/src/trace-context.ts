/**
 * W3C trace context as text and as ids: what crosses a process in `traceparent`. Pure but for the randomness of new
 * ids.
 */
import { randomBytes } from "node:crypto"

/** A span that was sampled. What is not sampled has no context: nothing is carried and nothing computed for it. */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
}

export interface IncomingTrace extends TraceContext {
  readonly isSampled: boolean
}

/** Version 00, and later ones as far as 00 reads them. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/
const NO_TRACE = "0".repeat(32)
const NO_SPAN = "0".repeat(16)
const SAMPLED = 1

/** Undefined for anything that is no valid `traceparent`. */
export const parseTraceparent = (text: unknown): IncomingTrace | undefined => {
  if (typeof text !== "string" || text.length < 55 || text.length > 128) return undefined
  const match = TRACEPARENT.exec(text)
  if (match === null) return undefined
  const [, traceId, spanId, flags] = match as unknown as [string, string, string, string]
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 }
}

/** The context of a `traceparent` that says "sampled"; undefined for any other text. */
export const sampledContext = (text: unknown): TraceContext | undefined => {
  const incoming = parseTraceparent(text)
  return incoming?.isSampled === true ? { traceId: incoming.traceId, spanId: incoming.spanId } : undefined
}

export const traceparentOf = ({ traceId, spanId }: TraceContext): string => `00-${traceId}-${spanId}-01`

/** A new span of the same trace. */
export const childContext = ({ traceId }: TraceContext): TraceContext => ({
  traceId,
  spanId: randomBytes(8).toString("hex"),
})

export const rootContext = (): TraceContext => childContext({ traceId: randomBytes(16).toString("hex"), spanId: "" })
