/** Auto top-up's process. */
import { serviceProcess } from "@credits/actor/saga"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { TopupConfig } from "./config.ts"
import { startTopup } from "./service.ts"

const settings = Effect.map(TopupConfig, (config) => config).pipe(Effect.provide(TopupConfig.layer))

serviceProcess("topup", settings, startTopup).pipe(NodeRuntime.runMain)
