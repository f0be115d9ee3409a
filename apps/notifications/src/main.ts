/** The process of notifications. */
import { serviceProcess } from "@credits/actor/saga"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { NotificationsConfig } from "./config.ts"
import { startNotifications } from "./service.ts"

const settings = Effect.map(NotificationsConfig, (config) => config).pipe(Effect.provide(NotificationsConfig.layer))

serviceProcess("notifications", settings, startNotifications).pipe(NodeRuntime.runMain)
