/** The one place auto top-up reads its configuration. */
import { Config, Context, Layer, Option, Redacted } from "effect"

export class TopupConfig extends Context.Service<
  TopupConfig,
  {
    readonly environment: "development" | "sandbox" | "production"
    readonly dataDir: string
    /** `postgres://…`; none: SQLite under the data folder. */
    readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
  }
>()("topup/TopupConfig") {
  static readonly layer = Layer.effect(
    TopupConfig,
    Config.all({
      environment: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
        Config.withDefault("development" as const),
      ),
      dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
      databaseUrl: Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
    }),
  )
}
