/**
 * What `npm start` can be told by the environment, with defaults a laptop can run. Nothing else in this app reads it.
 */
import { join, resolve } from "node:path"
import { Config, Option, Redacted } from "effect"
import { isService, type ServiceName, SERVICES } from "./service.ts"

export interface DevConfig {
  readonly environment: "development" | "sandbox" | "production"
  /** Absolute. Everything the system keeps, and one system at a time. */
  readonly dataDir: string
  /** 0: any free port. */
  readonly httpPort: number
  readonly httpHost: string
  /** Where the model gateway listens; another free port when it is taken. */
  readonly gatewayPort: number
  readonly gatewayHost: string
  /** The model gateway's providers file; "": none, and then production starts no gateway. */
  readonly gatewayProviders: string
  /** Program to run as embedded nats-server. */
  readonly natsServer: string
  /** Set: use this server and start none. */
  readonly natsUrl: string | undefined
  /** An external server's HTTP monitoring: where it says whether it syncs every write (decision 1). */
  readonly natsMonitorUrl: string | undefined
  /** Copies of each stream; undefined: three in a production that names no monitoring, else one. */
  readonly natsReplicas: number | undefined
  /** For an external server: the seed of every service that has none of its own under `<data>/nats/`. */
  readonly natsSeed: string | undefined
  /** Set: the card processor is there, and none is started. */
  readonly processorUrl: string | undefined
  readonly services: ReadonlyArray<ServiceName>
  /** `json`: every line is one object, for whatever collects them. */
  readonly log: "text" | "json"
  /** Folder with `<service>/dist/main.js`. */
  readonly appsDir: string
}

/** An empty variable is one that nobody set: whoever starts us may have no other way to say so. */
const setOrUndefined = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.String(name)).pipe(
    Config.map((given) => (Option.isSome(given) && given.value !== "" ? given.value : undefined)),
  )

export const devConfig: Config.Config<DevConfig> = Config.all({
  environment: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
    Config.withDefault("development" as const),
  ),
  dataDir: Config.String("CREDITS_DATA_DIR").pipe(
    Config.withDefault(".data"),
    Config.map((folder) => resolve(folder)),
  ),
  httpPort: Config.Int("CREDITS_HTTP_PORT").pipe(Config.withDefault(8787)),
  httpHost: Config.String("CREDITS_HTTP_HOST").pipe(Config.withDefault("127.0.0.1")),
  gatewayPort: Config.Int("CREDITS_GATEWAY_PORT").pipe(Config.withDefault(8790)),
  gatewayHost: Config.String("CREDITS_GATEWAY_HOST").pipe(Config.withDefault("127.0.0.1")),
  gatewayProviders: Config.String("CREDITS_GATEWAY_PROVIDERS").pipe(
    Config.withDefault(""),
    Config.map((file) => (file === "" ? "" : resolve(file))),
  ),
  natsServer: Config.String("CREDITS_NATS_SERVER").pipe(Config.withDefault("nats-server")),
  natsUrl: setOrUndefined("CREDITS_NATS_URL"),
  natsMonitorUrl: setOrUndefined("CREDITS_NATS_MONITOR_URL"),
  natsReplicas: Config.option(Config.Int("CREDITS_NATS_REPLICAS")).pipe(Config.map(Option.getOrUndefined)),
  natsSeed: Config.option(Config.Redacted("CREDITS_NATS_SEED")).pipe(
    Config.map((seed) => (Option.isSome(seed) ? Redacted.value(seed.value) : undefined)),
  ),
  processorUrl: setOrUndefined("CREDITS_STRIPE_API_BASE"),
  log: Config.Literals(["text", "json"], "CREDITS_LOG").pipe(Config.withDefault("text" as const)),
  // For tests of one part: a comma-separated list; `npm start` runs all.
  services: Config.String("CREDITS_DEV_SERVICES").pipe(
    Config.withDefault(SERVICES.join(",")),
    Config.map((list) =>
      list
        .split(",")
        .map((name) => name.trim())
        .filter(isService),
    ),
  ),
  appsDir: Config.String("CREDITS_DEV_APPS").pipe(
    Config.withDefault(join(import.meta.dirname, "../..")),
    Config.map((folder) => resolve(folder)),
  ),
})
