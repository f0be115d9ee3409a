/**
 * Configuration of the gateway: the one place its environment is read. Development and sandbox run on defaults with the
 * built-in provider; production names its providers and how it reaches the system, or does not start.
 */
import { readFileSync } from "node:fs"
import { Config, Context, Data, Effect, Layer, Option, Redacted } from "effect"
import { type Provider, readProviders, simulatedProviders } from "./provider.ts"

/** How the system is reached: on its bus as the user `gateway`, or over HTTP with a gateway's key. */
export type Reach =
  | { readonly servers: string; readonly seed: Redacted.Redacted<string> | undefined }
  | { readonly url: string; readonly key: Redacted.Redacted<string> }

export interface GatewaySettings {
  readonly mode: "development" | "sandbox" | "production"
  readonly host: string
  /** 0: any free port (tests). */
  readonly port: number
  /** Spool and journal are in `gateway/` of it. */
  readonly dataDir: string
  readonly reach: Reach
  readonly providers: ReadonlyArray<Provider>
  /** By provider name; "" for one that takes none. */
  readonly providerKeys: ReadonlyMap<string, Redacted.Redacted<string>>
}

export class ConfigMissing extends Data.TaggedError("ConfigMissing")<{ readonly names: ReadonlyArray<string> }> {
  override get message(): string {
    return `the gateway needs ${this.names.join(", ")}: set what is missing and start again`
  }
}

/** A setting that cannot be meant. */
export class ConfigWrong extends Data.TaggedError("ConfigWrong")<{ readonly name: string; readonly detail: string }> {
  override get message(): string {
    return `${this.name}: ${this.detail}`
  }
}

const environment = Config.all({
  mode: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
    Config.withDefault("development" as const),
  ),
  host: Config.option(Config.String("CREDITS_GATEWAY_HOST")),
  port: Config.Int("CREDITS_GATEWAY_PORT").pipe(Config.withDefault(8790)),
  dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
  natsUrl: Config.String("CREDITS_NATS_URL").pipe(Config.withDefault("")),
  natsSeed: Config.option(Config.Redacted("CREDITS_NATS_SEED")),
  url: Config.String("CREDITS_GATEWAY_URL").pipe(Config.withDefault("")),
  key: Config.option(Config.Redacted("CREDITS_GATEWAY_KEY")),
  providers: Config.String("CREDITS_GATEWAY_PROVIDERS").pipe(Config.withDefault("")),
})

const providersOf = (file: string): Effect.Effect<ReadonlyArray<Provider>, ConfigWrong> => {
  const name = "CREDITS_GATEWAY_PROVIDERS"
  return Effect.flatMap(
    Effect.try({
      try: () => JSON.parse(readFileSync(file, "utf8")) as unknown,
      catch: (cause) => new ConfigWrong({ name, detail: cause instanceof Error ? cause.message : String(cause) }),
    }),
    (value) => {
      const read = readProviders(value)
      return "invalid" in read ? new ConfigWrong({ name, detail: read.invalid }) : Effect.succeed(read)
    },
  )
}

/** Every key that the providers file names is there, or the gateway does not start. */
const keysOf = Effect.fnUntraced(function* (providers: ReadonlyArray<Provider>) {
  const keys = new Map<string, Redacted.Redacted<string>>()
  const missing: Array<string> = []
  for (const { name, keyFrom } of providers) {
    if (keyFrom === "") {
      keys.set(name, Redacted.make(""))
      continue
    }
    const key = Option.getOrUndefined(yield* Config.option(Config.Redacted(keyFrom)))
    if (key === undefined) missing.push(keyFrom)
    else keys.set(name, key)
  }
  return missing.length > 0 ? yield* new ConfigMissing({ names: missing }) : keys
})

export const readSettings = Effect.gen(function* () {
  const env = yield* environment
  const isProduction = env.mode === "production"
  const overHttp = env.url !== ""
  const missing = [
    ...(overHttp && Option.isNone(env.key) ? ["CREDITS_GATEWAY_KEY"] : []),
    ...(isProduction && !overHttp && env.natsUrl === "" ? ["CREDITS_NATS_URL or CREDITS_GATEWAY_URL"] : []),
    ...(isProduction && !overHttp && Option.isNone(env.natsSeed) ? ["CREDITS_NATS_SEED"] : []),
    ...(isProduction && env.providers === "" ? ["CREDITS_GATEWAY_PROVIDERS"] : []),
  ]
  if (missing.length > 0) return yield* new ConfigMissing({ names: missing })
  const providers = env.providers === "" ? simulatedProviders : yield* providersOf(env.providers)
  if (isProduction && providers.some(({ kind }) => kind === "simulated")) {
    const detail = "production has no simulated provider"
    return yield* new ConfigWrong({ name: "CREDITS_GATEWAY_PROVIDERS", detail })
  }
  const settings: GatewaySettings = {
    mode: env.mode,
    host: Option.getOrElse(env.host, () => (isProduction ? "0.0.0.0" : "127.0.0.1")),
    port: env.port,
    dataDir: env.dataDir,
    reach: overHttp
      ? { url: env.url, key: Option.getOrThrow(env.key) }
      : {
          servers: env.natsUrl === "" ? "nats://127.0.0.1:4222" : env.natsUrl,
          seed: Option.getOrUndefined(env.natsSeed),
        },
    providers,
    providerKeys: yield* keysOf(providers),
  }
  return settings
})

export class GatewayConfig extends Context.Service<GatewayConfig, GatewaySettings>()("gateway/GatewayConfig") {
  static readonly layer = Layer.effect(GatewayConfig, readSettings)
}
