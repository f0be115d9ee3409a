/**
 * The one place payments' configuration is read. Every variable is listed with its default in the README of the
 * repository. Outside production everything has a default that points at the sandbox processor; production refuses to
 * take play money.
 */
import { Config, Context, Effect, Layer, Option, Redacted, Schema } from "effect"

/** Why payments does not start: the variable and what is wrong with it. */
export class PaymentsConfigRefused extends Schema.TaggedError<PaymentsConfigRefused>()("PaymentsConfigRefused", {
  variable: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.variable}: ${this.problem}`
  }
}

/** Where the sandbox processor listens by default. */
const SANDBOX_BASE = "http://127.0.0.1:8788"
const SANDBOX_SECRET_KEY = "sk_test_sandbox"
const SANDBOX_PUBLISHABLE_KEY = "pk_test_sandbox"
const SANDBOX_WEBHOOK_SECRET = "whsec_sandbox"
/** Below the processor's 25 a second and endpoint (field notes A3). */
const CHARGES_PER_SECOND = 20

const variables = Config.all({
  environment: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
    Config.withDefault("development" as const),
  ),
  dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
  databaseUrl: Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
  secretKey: Config.option(Config.Redacted("CREDITS_STRIPE_SECRET_KEY")),
  publishableKey: Config.option(Config.String("CREDITS_STRIPE_PUBLISHABLE_KEY")),
  // Two during a rotation, separated by a comma: the new one first.
  webhookSecret: Config.option(Config.Redacted("CREDITS_STRIPE_WEBHOOK_SECRET")),
  apiBase: Config.option(Config.URL("CREDITS_STRIPE_API_BASE")),
  chargesPerSecond: Config.Int("CREDITS_CHARGES_PER_SECOND").pipe(Config.withDefault(CHARGES_PER_SECOND)),
})

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$/

const refuse = (variable: string, problem: string) => Effect.fail(new PaymentsConfigRefused({ variable, problem }))

const isBlank = (value: Option.Option<string | Redacted.Redacted<string>>): boolean =>
  Option.isNone(value) || (Redacted.isRedacted(value.value) ? Redacted.value(value.value) : value.value).trim() === ""

type Variables = Config.Success<typeof variables>

/** What production must have, and must not have. */
const checkProduction = (given: Variables): Effect.Effect<void, PaymentsConfigRefused> => {
  if (given.environment !== "production") return Effect.void
  if (isBlank(given.secretKey)) return refuse("CREDITS_STRIPE_SECRET_KEY", "is required in production")
  if (isBlank(given.publishableKey)) return refuse("CREDITS_STRIPE_PUBLISHABLE_KEY", "is required in production")
  if (isBlank(given.webhookSecret)) return refuse("CREDITS_STRIPE_WEBHOOK_SECRET", "is required in production")
  const key = Option.map(given.secretKey, Redacted.value)
  if (Option.isSome(key) && /^.k_test_/.test(key.value)) {
    return refuse("CREDITS_STRIPE_SECRET_KEY", "is a test key: production takes real money")
  }
  const base = Option.getOrUndefined(given.apiBase)
  if (base !== undefined && (base.protocol !== "https:" || LOOPBACK.test(base.hostname))) {
    return refuse("CREDITS_STRIPE_API_BASE", "is no processor for production; leave it unset")
  }
  return Effect.void
}

const checkRate = ({ chargesPerSecond }: Variables): Effect.Effect<void, PaymentsConfigRefused> =>
  chargesPerSecond >= 0 && chargesPerSecond <= 10_000
    ? Effect.void
    : refuse("CREDITS_CHARGES_PER_SECOND", "must lie between 0 (no limit) and 10,000")

export class PaymentsConfig extends Context.Service<
  PaymentsConfig,
  {
    readonly environment: "development" | "sandbox" | "production"
    readonly dataDir: string
    /** `postgres://…`; none: SQLite under the data folder. */
    readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
    readonly secretKey: Redacted.Redacted<string>
    readonly publishableKey: string
    /** The one in use first. */
    readonly webhookSecrets: ReadonlyArray<Redacted.Redacted<string>>
    /** undefined: Stripe's own. */
    readonly apiBase: URL | undefined
    /** 0: no limit. */
    readonly chargesPerSecond: number
  }
>()("payments/PaymentsConfig") {
  static readonly layer = Layer.effect(
    PaymentsConfig,
    Effect.gen(function* () {
      const given = yield* variables
      yield* checkProduction(given)
      yield* checkRate(given)
      const isProduction = given.environment === "production"
      const secrets = Option.match(given.webhookSecret, {
        onNone: () => SANDBOX_WEBHOOK_SECRET,
        onSome: Redacted.value,
      })
      return {
        environment: given.environment,
        dataDir: given.dataDir,
        databaseUrl: given.databaseUrl,
        secretKey: Option.getOrElse(given.secretKey, () => Redacted.make(SANDBOX_SECRET_KEY)),
        publishableKey: Option.getOrElse(given.publishableKey, () => SANDBOX_PUBLISHABLE_KEY),
        webhookSecrets: secrets.split(",").map((secret) => Redacted.make(secret.trim())),
        apiBase: Option.getOrUndefined(given.apiBase) ?? (isProduction ? undefined : new URL(SANDBOX_BASE)),
        chargesPerSecond: given.chargesPerSecond,
      }
    }),
  )
}
