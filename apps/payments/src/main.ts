/** Payments' process: its configuration names the card processor. */
import { serviceProcess, type ServiceParts } from "@credits/actor/saga"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Redacted } from "effect"
import { PaymentsConfig } from "./config.ts"
import { Processor } from "./processor.ts"
import type { Tables } from "./schema.ts"
import { startPayments, type RunningPayments } from "./service.ts"

const settings = Effect.map(PaymentsConfig, (config) => config).pipe(Effect.provide(PaymentsConfig.layer))

const start = (parts: ServiceParts<Tables>, config: PaymentsConfig["Service"]): Promise<RunningPayments> => {
  const { secretKey, apiBase, publishableKey, chargesPerSecond } = config
  parts.report("info", `payments charges at ${apiBase?.href ?? "Stripe"}`)
  const processor = new Processor({ secretKey: Redacted.value(secretKey), apiBase })
  const webhookSecrets = config.webhookSecrets.map(Redacted.value)
  return startPayments({ ...parts, processor, publishableKey, webhookSecrets, chargesPerSecond })
}

serviceProcess("payments", settings, start).pipe(NodeRuntime.runMain)
