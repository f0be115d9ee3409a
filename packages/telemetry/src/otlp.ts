/** Spans as OTLP/HTTP JSON (opentelemetry-proto 1.x, `ExportTraceServiceRequest`). Pure. */
import type { Attributes, SpanKind, SpanRecord } from "./span.ts"

const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }
const ERROR = 2

type Value = { readonly stringValue: string } | { readonly boolValue: boolean } | NumberValue
/** 64-bit integers are text in OTLP's JSON. */
type NumberValue = { readonly intValue: string } | { readonly doubleValue: number }

const valueOf = (value: Attributes[string]): Value => {
  if (typeof value === "string") return { stringValue: value }
  if (typeof value === "boolean") return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

const attributesOf = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }))

/** Microseconds are what the clock has; a double has no room for nanoseconds since 1970. */
const nanosOf = (ms: number): string => `${Math.round(ms * 1_000)}000`

const spanOf = ({ context, parent, name, kind, startMs, endMs, attributes, links, error }: SpanRecord) => ({
  traceId: context.traceId,
  spanId: context.spanId,
  ...(parent !== undefined && { parentSpanId: parent }),
  name,
  kind: KINDS[kind],
  startTimeUnixNano: nanosOf(startMs),
  endTimeUnixNano: nanosOf(Math.max(startMs, endMs)),
  attributes: attributesOf(attributes),
  links: links.map(({ traceId, spanId }) => ({ traceId, spanId })),
  status: error === undefined ? {} : { code: ERROR, message: error },
})

/** The body of one `POST /v1/traces`. */
export const otlpBody = (resource: Attributes, spans: ReadonlyArray<SpanRecord>): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "open-design-credits" }, spans: spans.map(spanOf) }],
      },
    ],
  })
