/** The one place the ledger reads its configuration. */
import { freeSpaceMark } from "@credits/store"
import { Config, Context, Effect, Layer, Option, Redacted, Schema } from "effect"

export class LedgerConfig extends Context.Service<
  LedgerConfig,
  {
    readonly environment: "development" | "sandbox" | "production"
    readonly dataDir: string
    /** Unset: SQLite under the data folder. */
    readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
    /** Bytes free on the volume of the data folder below which nothing new is taken in (decision 21). */
    readonly freeSpaceMark: number
    /** Every account is made from its entries at this start, whatever its snapshot says. */
    readonly isRebuilding: boolean
  }
>()("ledger/LedgerConfig") {
  static readonly layer = Layer.effect(
    LedgerConfig,
    Effect.gen(function* () {
      return LedgerConfig.of({
        environment: yield* Config.Literals(["development", "sandbox", "production"], "CREDITS_ENV").pipe(
          Config.withDefault("development" as const),
        ),
        dataDir: yield* Config.schema(Schema.NonEmptyString, "CREDITS_DATA_DIR").pipe(Config.withDefault(".data")),
        databaseUrl: yield* Config.option(Config.Redacted("CREDITS_DATABASE_URL")),
        freeSpaceMark: yield* freeSpaceMark,
        isRebuilding: yield* Config.Boolean("CREDITS_LEDGER_REBUILD").pipe(Config.withDefault(false)),
      })
    }),
  )
}
