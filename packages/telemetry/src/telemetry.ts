/**
 * What every process of ours has: log lines on stdout, and its spans on the way to a collector if one is named. Ends
 * with what is queued sent, within a bound.
 */
import { Cause, Effect, Layer, Logger, References } from "effect"
import { tracingOptions } from "./config.ts"
import { CurrentTrace } from "./current-trace.ts"
import { logLine } from "./log-line.ts"
import { tracing } from "./tracing.ts"

const loggerOf = (service: string): Logger.Logger<unknown, void> =>
  Logger.make(({ date, logLevel, message, cause, fiber }) => {
    const line = logLine({
      at: date,
      level: logLevel,
      service,
      told: Array.isArray(message) ? message : [message],
      fields: fiber.getRef(References.CurrentLogAnnotations),
      cause: cause.reasons.length > 0 ? Cause.pretty(cause) : undefined,
      trace: fiber.getRef(CurrentTrace) ?? tracing.current(),
    })
    process.stdout.write(`${line}\n`)
  })

const tracingLayer = (service: string) =>
  Layer.effectDiscard(
    Effect.acquireRelease(
      Effect.map(tracingOptions(service), (options) => {
        if (options !== undefined) tracing.start(options)
      }),
      () => Effect.promise(() => tracing.stop()),
    ),
  )

/** @param service as traces and log lines name it */
export const telemetryLayer = (service: string) => Layer.merge(Logger.layer([loggerOf(service)]), tracingLayer(service))
