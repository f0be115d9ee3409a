/**
 * The bus as the services expect it: a server new enough and durable enough, streams of a backup restored, streams and
 * buckets as the contracts say. For the supervisor on one machine and for the keeper of a cluster.
 */
import { type BusHandle, closeBus, connectBus, provisionStreams, requireDurable } from "@credits/bus"
import { Effect, type Scope } from "effect"
import { isVersionEnough, NATS_VERSION_MIN } from "./nats-server.ts"
import { attempt, StartRefused } from "./refusal.ts"
import { restorePending } from "./restore.ts"

const COPIES_IN_A_CLUSTER = 3

export interface ProvisioningOptions {
  readonly url: string
  /** nkey seed of the user `dev`. */
  readonly seed: string | undefined
  /** The server's own HTTP monitoring, when it is known. Who names none has a cluster. */
  readonly monitorUrl: string | undefined
  readonly environment: string
  /** Copies of each stream that is made; undefined: what the environment needs. */
  readonly replicas: number | undefined
  /** How long a first connection may take; undefined: it is waited for. */
  readonly connectMs: number | undefined
  /** Where a backup's streams may lie ready. */
  readonly restoreDir: string
  readonly say: (line: string) => void
}

/** Connected as the provisioner for the life of the scope. */
export const provisioned = (options: ProvisioningOptions): Effect.Effect<BusHandle, StartRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const { url, seed, monitorUrl } = options
    const handle = yield* Effect.acquireRelease(
      attempt(() => connectBus({ servers: url, seed, name: "dev", firstConnectMs: options.connectMs })),
      (opened) => Effect.promise(() => closeBus(opened)),
    )
    const version = handle.connection.info?.version ?? "unknown"
    if (!isVersionEnough(version)) {
      const reason = `the NATS server at ${url} is version ${version}, older than ${NATS_VERSION_MIN}`
      return yield* new StartRefused({ reason, next: "upgrade it, or unset CREDITS_NATS_URL to start an embedded one" })
    }
    const isProduction = options.environment === "production"
    const replicas = options.replicas ?? (isProduction && monitorUrl === undefined ? COPIES_IN_A_CLUSTER : 1)
    yield* attempt(() => restorePending(handle, options.restoreDir, replicas, options.say))
    yield* attempt(() => provisionStreams(handle, { replicas }))
    if (isProduction) yield* attempt(() => requireDurable(handle, monitorUrl))
    return handle
  })
