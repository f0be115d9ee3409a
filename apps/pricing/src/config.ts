/**
 * The one place pricing's configuration is read. Every variable is listed with its default in the README of the
 * repository.
 */
import { freeSpaceMark } from "@credits/store"
import { Config, Context, Layer, Option, Redacted } from "effect"

export class PricingConfig extends Context.Service<
  PricingConfig,
  {
    readonly environment: "development" | "sandbox" | "production"
    readonly dataDir: string
    /** `postgres://…`; none: SQLite under the data folder. */
    readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
    /** Bytes free on the volume of the data folder below which no further usage is rated (decision 21). */
    readonly freeSpaceMark: number
    /** Files that replace the shipped catalogue and price book at the first start ever. */
    readonly catalogueFile: Option.Option<string>
    readonly priceBookFile: Option.Option<string>
  }
>()("pricing/PricingConfig") {
  static readonly layer = Layer.effect(
    PricingConfig,
    Config.all({
      environment: Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
        Config.withDefault("development" as const),
      ),
      dataDir: Config.String("CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
      databaseUrl: Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
      freeSpaceMark,
      catalogueFile: Config.option(Config.String("CREDITS_CATALOGUE")),
      priceBookFile: Config.option(Config.String("CREDITS_PRICE_BOOK")),
    }),
  )
}
