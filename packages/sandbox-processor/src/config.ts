/** The one place the sandbox processor's environment is read. Production is refused: nobody pays with play money. */
import { Config, Context, Data, Effect, Layer, Option, Redacted, Schema } from "effect"
import type { WebhookTarget } from "./webhook.ts"

/** Why it does not start. */
export class SandboxRefused extends Data.TaggedError("SandboxRefused")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

const environment = Config.all({
  mode: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
    Config.withDefault("development" as const),
  ),
  port: Config.Int("CREDITS_SANDBOX_PORT").pipe(Config.withDefault(8788)),
  // Its control calls need no key: another address is for a private network of containers.
  host: Config.String("CREDITS_SANDBOX_HOST").pipe(Config.withDefault("127.0.0.1")),
  dataDir: Config.schema(Schema.NonEmptyString, "CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
  webhookUrl: Config.option(Config.URL("CREDITS_SANDBOX_WEBHOOK_URL")),
  webhookEvents: Config.option(Config.schema(Schema.NonEmptyString, "CREDITS_SANDBOX_WEBHOOK_EVENTS")),
  webhookSecret: Config.option(Config.Redacted("CREDITS_STRIPE_WEBHOOK_SECRET")),
  rateLimit: Config.option(Config.Int("CREDITS_SANDBOX_RATE_LIMIT")),
  natsUrl: Config.option(Config.String("CREDITS_NATS_URL")),
})

export class SandboxConfig extends Context.Service<
  SandboxConfig,
  {
    /** 0: any free port. */
    readonly port: number
    readonly host: string
    readonly dataDir: string
    readonly webhook: WebhookTarget | null
    /** Requests a second; undefined: no limit. */
    readonly rateLimit: number | undefined
    /** There is a bus: its business clock is followed. */
    readonly followsBus: boolean
  }
>()("sandbox-processor/SandboxConfig") {
  static readonly layer = Layer.effect(
    SandboxConfig,
    Effect.gen(function* () {
      const env = yield* environment
      const { mode, port, host, dataDir, webhookUrl, webhookEvents, webhookSecret, rateLimit, natsUrl } = env
      if (mode === "production") {
        return yield* new SandboxRefused({ reason: "CREDITS_ENV=production: the sandbox processor takes play money" })
      }
      if (Option.isSome(webhookUrl) && Option.isNone(webhookSecret)) {
        const reason = "CREDITS_SANDBOX_WEBHOOK_URL needs CREDITS_STRIPE_WEBHOOK_SECRET to sign with"
        return yield* new SandboxRefused({ reason })
      }
      const webhook =
        Option.isSome(webhookUrl) && Option.isSome(webhookSecret)
          ? {
              url: webhookUrl.value.href,
              secret: Redacted.value(webhookSecret.value),
              events: Option.getOrUndefined(webhookEvents)?.split(","),
            }
          : null
      const followsBus = Option.isSome(natsUrl)
      return { port, host, dataDir, webhook, rateLimit: Option.getOrUndefined(rateLimit), followsBus }
    }),
  )
}
