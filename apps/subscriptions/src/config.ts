/**
 * The one place subscriptions' configuration is read. Every variable is listed with its default in the README of the
 * repository.
 */
import { Config, Context, Layer, type Option, type Redacted } from "effect"

export class SubscriptionsConfig extends Context.Service<
  SubscriptionsConfig,
  {
    readonly environment: "development" | "sandbox" | "production"
    readonly dataDir: string
    /** `postgres://…`; none: SQLite under the data folder. */
    readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
  }
>()("subscriptions/SubscriptionsConfig") {
  static readonly layer = Layer.effect(
    SubscriptionsConfig,
    Config.all({
      environment: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
        Config.withDefault("development" as const),
      ),
      dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
      databaseUrl: Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
    }),
  )
}
