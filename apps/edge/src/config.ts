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

/** Signing people in at the issuer of the tokens, with the edge as the client (production). */
export interface OidcClient {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted<string>
  /** Where browsers reach this server. */
  readonly publicUrl: URL
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
  /** Undefined: nobody is signed in here; in production that is a deployment for programs only. */
  readonly oidc: OidcClient | undefined
  /** Where browsers reach this server; undefined: wherever they ask. */
  readonly publicUrl: URL | undefined
  /** Exact origins whose pages may use the API with the browser's cookie. */
  readonly allowedOrigins: ReadonlyArray<string>
  /** How many proxies in front write `X-Forwarded-For`; 0: it is not believed. */
  readonly trustedProxies: number
  /** The sandbox's card processor, for its book; never in production. */
  readonly processorUrl: URL | undefined
  /** HTTP monitoring of nats-server: JetStream's figures and how far services are behind; undefined: none of these. */
  readonly natsMonitorUrl: URL | undefined
  /** Which of them run in this system (`CREDITS_CLOCK_OWNERS`); one that does not answer stops an advance. */
  readonly clockOwners: ReadonlyArray<ClockOwner>
  /** Where a customer asks for what only support does (R4.1). */
  readonly supportUrl: string | undefined
  /** How long it serves on after it was asked to stop and says that it is not ready; 0 to 300. */
  readonly drainSeconds: number
}

/** Production lacks settings; the process must not start half open. */
export class ConfigMissing extends Data.TaggedError("ConfigMissing")<{ readonly names: ReadonlyArray<string> }> {
  override get message(): string {
    return `CREDITS_ENV=production needs ${this.names.join(", ")}: set what is missing and start again`
  }
}

/** A setting that cannot be meant. */
export class ConfigWrong extends Data.TaggedError("ConfigWrong")<{ readonly name: string; readonly detail: string }> {
  override get message(): string {
    return `${this.name} ${this.detail}`
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

/** Once people sign in here, all of them are needed; with neither of the first two nobody does. */
const SIGN_IN_REQUIRED = ["CREDITS_OIDC_CLIENT_ID", "CREDITS_OIDC_CLIENT_SECRET", "CREDITS_PUBLIC_URL"] as const

/** Longer, and whoever asked it to stop kills it. */
const DRAIN_SECONDS_MAX = 300

type RequiredName = (typeof PRODUCTION_REQUIRED)[number] | (typeof SIGN_IN_REQUIRED)[number]

export const isLoopback = ({ hostname }: URL): boolean => ["localhost", "127.0.0.1", "[::1]"].includes(hostname)

/** "https://open-design.ai, https://www.open-design.ai": exact origins, never a pattern. */
const originsOf = (text: string): Effect.Effect<ReadonlyArray<string>, ConfigWrong> => {
  const origins = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))
  const wrong = origins.find((origin) => !/^https?:\/\//.test(origin) || URL.parse(origin)?.origin !== origin)
  return wrong === undefined
    ? Effect.succeed(origins)
    : new ConfigWrong({
        name: "CREDITS_ALLOWED_ORIGINS",
        detail: `must be exact origins such as https://open-design.ai, with commas; ${JSON.stringify(wrong)} is none`,
      })
}

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
  oidcClientId: Config.option(Config.String("CREDITS_OIDC_CLIENT_ID")),
  oidcClientSecret: Config.option(Config.Redacted("CREDITS_OIDC_CLIENT_SECRET")),
  publicUrl: Config.option(Config.URL("CREDITS_PUBLIC_URL")),
  allowedOrigins: Config.String("CREDITS_ALLOWED_ORIGINS").pipe(Config.withDefault("")),
  trustedProxies: Config.Int("CREDITS_TRUST_PROXY").pipe(Config.withDefault(0)),
  natsUrl: Config.option(Config.String("CREDITS_NATS_URL")),
  natsMonitorUrl: Config.option(Config.URL("CREDITS_NATS_MONITOR_URL")),
  processorUrl: Config.option(Config.URL("CREDITS_STRIPE_API_BASE")),
  supportUrl: Config.option(Config.URL("CREDITS_SUPPORT_URL")),
  drainSeconds: Config.Int("CREDITS_DRAIN_SECONDS").pipe(Config.withDefault(0)),
  clockOwners: Config.String("CREDITS_CLOCK_OWNERS").pipe(Config.withDefault(CLOCK_OWNERS.join(","))),
  natsSeed: Config.option(Config.Redacted("CREDITS_NATS_SEED")),
})

export const readSettings = Effect.gen(function* () {
  const env = yield* environment
  const given: Record<RequiredName, Option.Option<unknown>> = {
    CREDITS_JWT_ISSUER: env.issuer,
    CREDITS_JWT_AUDIENCE: env.audience,
    CREDITS_JWKS_URL: env.jwksUrl,
    CREDITS_NATS_URL: env.natsUrl,
    CREDITS_NATS_SEED: env.natsSeed,
    CREDITS_OIDC_CLIENT_ID: env.oidcClientId,
    CREDITS_OIDC_CLIENT_SECRET: env.oidcClientSecret,
    CREDITS_PUBLIC_URL: env.publicUrl,
  }
  const signsIn = env.mode === "production" && (Option.isSome(env.oidcClientId) || Option.isSome(env.oidcClientSecret))
  const required = [...PRODUCTION_REQUIRED, ...(signsIn ? SIGN_IN_REQUIRED : [])]
  const missing = required.filter((name) => Option.isNone(given[name]))
  if (env.mode === "production" && missing.length > 0) return yield* new ConfigMissing({ names: missing })
  const publicUrl = Option.getOrUndefined(env.publicUrl)
  if (signsIn && publicUrl!.protocol !== "https:" && !isLoopback(publicUrl!)) {
    return yield* new ConfigWrong({ name: "CREDITS_PUBLIC_URL", detail: "must begin with https://" })
  }
  if (env.trustedProxies < 0) {
    return yield* new ConfigWrong({ name: "CREDITS_TRUST_PROXY", detail: "must be how many proxies there are" })
  }
  if (env.drainSeconds < 0 || env.drainSeconds > DRAIN_SECONDS_MAX) {
    return yield* new ConfigWrong({ name: "CREDITS_DRAIN_SECONDS", detail: `must be 0 to ${DRAIN_SECONDS_MAX}` })
  }
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
    oidc: signsIn
      ? {
          clientId: Option.getOrThrow(env.oidcClientId),
          clientSecret: Option.getOrThrow(env.oidcClientSecret),
          publicUrl: publicUrl!,
        }
      : undefined,
    publicUrl,
    allowedOrigins: yield* originsOf(env.allowedOrigins),
    trustedProxies: env.trustedProxies,
    processorUrl: env.mode === "production" ? undefined : Option.getOrUndefined(env.processorUrl),
    natsMonitorUrl: Option.getOrUndefined(env.natsMonitorUrl),
    clockOwners: CLOCK_OWNERS.filter((owner) => env.clockOwners.split(",").includes(owner)),
    supportUrl: Option.getOrUndefined(Option.map(env.supportUrl, (url) => url.href)),
    drainSeconds: env.drainSeconds,
  }
  return settings
})

export class EdgeConfig extends Context.Service<EdgeConfig, EdgeSettings>()("edge/EdgeConfig") {
  static readonly layer = Layer.effect(EdgeConfig, readSettings)
}
