/**
 * The one place where tracing and logging read their configuration. OpenTelemetry's own variables are understood too,
 * ours go first.
 */
import { Config, Effect, Option, Redacted } from "effect"
import type { TracingOptions } from "./tracing.ts"

const TRACES = "/v1/traces"
/** Of production; who develops wants to see every trace. */
const RATIO = 0.01

const text = (name: string) =>
  Config.option(Config.String(name)).pipe(
    Config.map((value) => (Option.isSome(value) && value.value.trim() !== "" ? value.value.trim() : undefined)),
  )

/** "authorization=Basic abc,x-tenant=1", as OpenTelemetry writes them. */
const headersOf = (pairs: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    pairs.split(",").flatMap((pair) => {
      const at = pair.indexOf("=")
      return at <= 0 ? [] : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]]
    }),
  )

const environment = Config.all({
  ours: text("CREDITS_OTLP_URL"),
  standard: text("OTEL_EXPORTER_OTLP_ENDPOINT"),
  headers: Config.option(Config.Redacted("OTEL_EXPORTER_OTLP_HEADERS")),
  ratio: Config.option(Config.Number("CREDITS_TRACE_RATIO")),
  mode: Config.String("CREDITS_ENV").pipe(Config.withDefault("development")),
})

/** Undefined: no collector is named, so nothing is traced. */
export const tracingOptions = (service: string) =>
  Effect.map(environment, ({ ours, standard, headers, ratio, mode }): TracingOptions | undefined => {
    const base = (ours ?? standard)?.replace(/\/+$/, "")
    if (base === undefined) return undefined
    const share = Option.getOrElse(ratio, () => (mode === "development" ? 1 : RATIO))
    return {
      url: base.endsWith(TRACES) ? base : base + TRACES,
      headers: Option.match(headers, { onNone: () => ({}), onSome: (pairs) => headersOf(Redacted.value(pairs)) }),
      resource: {
        "service.name": service,
        "service.namespace": "open-design-credits",
        "service.instance.id": `${service}-${process.pid}`,
        "deployment.environment.name": mode,
      },
      ratio: Math.min(1, Math.max(0, share)),
    }
  })
