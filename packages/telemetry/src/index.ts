/** @credits/telemetry: traces and log lines of a process. */
export * from "./trace-context.ts"
export { Span, spanClock, type Attributes, type SpanOptions, type SpanRecord } from "./span.ts"
export { tracing, type Trust } from "./tracing.ts"
export { SPANS_QUEUED_MAX, type ExporterMetrics } from "./exporter.ts"
export { telemetryLayer } from "./telemetry.ts"
export { CurrentTrace } from "./current-trace.ts"
export { Histogram, isHistogram, type HistogramData } from "./histogram.ts"
export { logLine, withoutSecrets } from "./log-line.ts"
