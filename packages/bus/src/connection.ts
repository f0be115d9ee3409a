/**
 * One connection of one service to NATS, as plain promises (workers, tests, load drivers) and as the Effect service
 * `Bus`. Owns how we connect: for ever, with the service's own nkey and its own inbox prefix (decision 20).
 */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type ConnectionOptions, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node"
import { Config, Context, Effect, Layer, Option, Redacted } from "effect"
import { countBuffersWithHeap } from "./collector.ts"
import { requireDurableFor } from "./durability.ts"
import { type BusError, clientErrorOf } from "./errors.ts"
import { guardCallbacks } from "./guard.ts"
import { watchLink } from "./link.ts"

export interface BusHandle {
  readonly connection: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
}

export interface ConnectBusOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string
  /** nkey seed (`SU…`) of the service; absent only against a server without users (tests, load drivers). */
  readonly seed?: string | Redacted.Redacted<string> | undefined
  /** Shown in the server's connection list. */
  readonly name: string
  /** The one inbox prefix the service's user may subscribe to; default `_INBOX_<name>`. */
  readonly inboxPrefix?: string | undefined
  /** Fail after this many milliseconds without a first connection; default: wait for ever. */
  readonly firstConnectMs?: number | undefined
}

/** The inbox prefix of a service: nobody else may subscribe to it, so answers cannot be overheard. */
export const inboxPrefixOf = (service: string): string => `_INBOX_${service.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`

/**
 * A connection is "slow" for JetStream calls after this; a server with `sync_interval: always` may stall for a while.
 */
const JETSTREAM_TIMEOUT_MS = 10_000

/** @throws BusUnavailable when `firstConnectMs` passes; BusRefused for a wrong or missing nkey. */
export const connectBus = async (options: ConnectBusOptions): Promise<BusHandle> => {
  const seed = Redacted.isRedacted(options.seed) ? Redacted.value(options.seed) : options.seed
  const settings: ConnectionOptions = {
    servers: options.servers.split(",").map((server) => server.trim()),
    name: options.name,
    inboxPrefix: options.inboxPrefix ?? inboxPrefixOf(options.name),
    // The client gives up after 10 attempts by default and then closes for good; a service waits for its server.
    maxReconnectAttempts: -1,
    waitOnFirstConnect: options.firstConnectMs === undefined,
    reconnectTimeWait: 100,
    reconnectJitter: 100,
    pingInterval: 10_000,
    maxPingOut: 3,
    // One stack trace per request costs 2.5 µs; the callers name their subject in the error instead.
    noAsyncTraces: true,
    ...(seed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) }),
    ...(options.firstConnectMs === undefined ? {} : { timeout: options.firstConnectMs }),
  }
  try {
    const connection = await connect(settings)
    guardCallbacks(connection)
    watchLink(connection)
    const jsm = await jetstreamManager(connection, { checkAPI: false, timeout: JETSTREAM_TIMEOUT_MS })
    return { connection, js: jetstream(connection, { timeout: JETSTREAM_TIMEOUT_MS }), jsm }
  } catch (cause) {
    throw clientErrorOf(`connection of ${options.name}`, cause)
  }
}

/** Sends what is buffered, then closes. Never throws: a closed or broken connection is closed already. */
export const closeBus = async (bus: BusHandle): Promise<void> => {
  if (bus.connection.isClosed()) return
  const drained = bus.connection.drain().catch(() => bus.connection.close())
  // A drain waits for a server that may be gone.
  const giveUp = new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())
  await Promise.race([drained, giveUp])
  if (!bus.connection.isClosed()) await bus.connection.close().catch(() => undefined)
}

export const BusConfig = Config.all({
  servers: Config.String("CREDITS_NATS_URL").pipe(Config.withDefault("nats://127.0.0.1:4222")),
  seed: Config.option(Config.Redacted("CREDITS_NATS_SEED")),
  environment: Config.String("CREDITS_ENV").pipe(Config.withDefault("development")),
  monitorUrl: Config.option(Config.String("CREDITS_NATS_MONITOR_URL")),
})

/** The connection of this process. `yield* Bus` gives `{ connection, js, jsm }`; closing the layer drains it. */
export class Bus extends Context.Service<Bus, BusHandle>()("bus/Bus") {
  /**
   * From CREDITS_NATS_URL and CREDITS_NATS_SEED; `service` is the name of the nkey user and of its inbox prefix. In
   * production a server that would lose acknowledged messages is refused (decision 1).
   */
  static readonly layer = (service: string) =>
    Layer.effect(
      Bus,
      Effect.gen(function* () {
        countBuffersWithHeap()
        const config = yield* BusConfig
        const bus = yield* scopedBus({
          servers: config.servers,
          seed: Option.getOrUndefined(config.seed),
          name: service,
        })
        if (config.environment !== "production") return bus
        yield* Effect.tryPromise({
          try: () => requireDurableFor(service, bus, Option.getOrUndefined(config.monitorUrl)),
          catch: (cause): BusError => clientErrorOf(`streams of ${service}`, cause),
        })
        return bus
      }),
    )

  /** From plain options: tests and the command line. */
  static readonly layerFrom = (options: ConnectBusOptions) => Layer.effect(Bus, scopedBus(options))
}

const scopedBus = (options: ConnectBusOptions) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => connectBus(options),
      catch: (cause): BusError => clientErrorOf(`connection of ${options.name}`, cause),
    }),
    (bus) => Effect.promise(() => closeBus(bus)),
  )
