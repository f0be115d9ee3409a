/** The span that an Effect fiber works for. Promises have `tracing.within` for the same. */
import { Context } from "effect"
import type { TraceContext } from "./trace-context.ts"

export const CurrentTrace = Context.Reference<TraceContext | undefined>("telemetry/CurrentTrace", {
  defaultValue: () => undefined,
})
