/** Subscriptions' process. */
import { serviceProcess } from "@credits/actor/saga"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { SubscriptionsConfig } from "./config.ts"
import { startSubscriptions } from "./service.ts"

const settings = Effect.map(SubscriptionsConfig, (config) => config).pipe(Effect.provide(SubscriptionsConfig.layer))

serviceProcess("subscriptions", settings, startSubscriptions).pipe(NodeRuntime.runMain)
