/**
 * Configuration of the edge: the one place its environment is read. Development and sandbox run on defaults; production
 * refuses to start while something it needs is missing, and says which variables.
 */
import { freeSpaceMark } from "@credits/store"
import { Config, Context, Data, Effect, Layer, Option, type Redacted } from "effect"

export type Mode = "development" | "sandbox" | "production"

/** Where access tokens come from in production: an issuer whose public keys are fetched. */
export interface TokenIssuer {
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: URL
}

/** Services with work that falls due, or that act on it: an advance of the clock waits for each (decision 16). */
export const CLOCK_OWNERS = ["ledger", "pricing", "payments", "subscriptions", "topup", "notifications"] as const
export type ClockOwner = (typeof CLOCK_OWNERS)[number]

export interface EdgeSettings {
  readonly mode: Mode
  readonly host: string
  /** 0: any free port (tests). */
  readonly port: number
  readonly dataDir: string
  readonly databaseUrl: Redacted.Redacted<string> | undefined
  /** Bytes free on the volume of the data folder below which usage is not taken (decision 21). */
  readonly freeSpaceMark: number
  /** Undefined outside production: the edge signs and checks its own tokens. */
  readonly tokenIssuer: TokenIssuer | undefined
  /** The sandbox's card processor, for its book; never in production. */
  readonly processorUrl: URL | undefined
  /** Which of them run in this system (`CREDITS_CLOCK_OWNERS`); one that does not answer stops an advance. */
  readonly clockOwners: ReadonlyArray<ClockOwner>
  /** Where a customer asks for what only support does (R4.1). */
  readonly supportUrl: string | undefined
}

/** Production lacks settings; the process must not start half open. */
export class ConfigMissing extends Data.TaggedError("ConfigMissing")<{ readonly names: ReadonlyArray<string> }> {
  override get message(): string {
    return `CREDITS_ENV=production needs ${this.names.join(", ")}: set what is missing and start again`
  }
}

/** Production takes no defaults for these. */
const PRODUCTION_REQUIRED = [
  "CREDITS_JWT_ISSUER",
  "CREDITS_JWT_AUDIENCE",
  "CREDITS_JWKS_URL",
  "CREDITS_NATS_URL",
  "CREDITS_NATS_SEED",
] as const

const environment = Config.all({
  mode: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
    Config.withDefault("development" as const),
  ),
  host: Config.option(Config.String("CREDITS_HTTP_HOST")),
  port: Config.Int("CREDITS_HTTP_PORT").pipe(Config.withDefault(8787)),
  dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
  databaseUrl: Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
  freeSpaceMark,
  issuer: Config.option(Config.String("CREDITS_JWT_ISSUER")),
  audience: Config.option(Config.String("CREDITS_JWT_AUDIENCE")),
  jwksUrl: Config.option(Config.URL("CREDITS_JWKS_URL")),
  natsUrl: Config.option(Config.String("CREDITS_NATS_URL")),
  processorUrl: Config.option(Config.URL("CREDITS_STRIPE_API_BASE")),
  supportUrl: Config.option(Config.URL("CREDITS_SUPPORT_URL")),
  clockOwners: Config.String("CREDITS_CLOCK_OWNERS").pipe(Config.withDefault(CLOCK_OWNERS.join(","))),
  natsSeed: Config.option(Config.Redacted("CREDITS_NATS_SEED")),
})

export const readSettings = Effect.gen(function* () {
  const env = yield* environment
  const given: Record<(typeof PRODUCTION_REQUIRED)[number], Option.Option<unknown>> = {
    CREDITS_JWT_ISSUER: env.issuer,
    CREDITS_JWT_AUDIENCE: env.audience,
    CREDITS_JWKS_URL: env.jwksUrl,
    CREDITS_NATS_URL: env.natsUrl,
    CREDITS_NATS_SEED: env.natsSeed,
  }
  const missing = PRODUCTION_REQUIRED.filter((name) => Option.isNone(given[name]))
  if (env.mode === "production" && missing.length > 0) return yield* new ConfigMissing({ names: missing })
  const settings: EdgeSettings = {
    mode: env.mode,
    // Open sign-in must not be reachable from the network unless someone asks for it.
    host: Option.getOrElse(env.host, () => (env.mode === "production" ? "0.0.0.0" : "127.0.0.1")),
    port: env.port,
    dataDir: env.dataDir,
    databaseUrl: Option.getOrUndefined(env.databaseUrl),
    freeSpaceMark: env.freeSpaceMark,
    tokenIssuer:
      env.mode === "production"
        ? {
            issuer: Option.getOrThrow(env.issuer),
            audience: Option.getOrThrow(env.audience),
            jwksUrl: Option.getOrThrow(env.jwksUrl),
          }
        : undefined,
    processorUrl: env.mode === "production" ? undefined : Option.getOrUndefined(env.processorUrl),
    clockOwners: CLOCK_OWNERS.filter((owner) => env.clockOwners.split(",").includes(owner)),
    supportUrl: Option.getOrUndefined(Option.map(env.supportUrl, (url) => url.href)),
  }
  return settings
})

export class EdgeConfig extends Context.Service<EdgeConfig, EdgeSettings>()("edge/EdgeConfig") {
  static readonly layer = Layer.effect(EdgeConfig, readSettings)
}
