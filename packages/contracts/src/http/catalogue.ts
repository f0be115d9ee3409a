/** What anyone may read: plans and model prices. No credential. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Unavailable } from "./problem.ts"
import { Usd } from "./scalars.ts"

export const Plan = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  rank: Schema.Int,
  hostedModels: Schema.Boolean,
  monthly: Schema.NullOr(Schema.Struct({ firstMonthUsd: Usd, renewalUsd: Usd })),
  yearly: Schema.NullOr(Schema.Struct({ totalUsd: Usd, monthlyEquivalentUsd: Usd })),
  creditsPerCycleUsd: Usd,
  features: Schema.Array(Schema.String),
}).annotate({ identifier: "Plan" })
export type Plan = typeof Plan.Type

export const Plans = Schema.Struct({ catalogueVersion: Schema.String, plans: Schema.Array(Plan) }).annotate({
  identifier: "Plans",
})
export type Plans = typeof Plans.Type

/** USD per million tokens. */
export const ModelPrice = Schema.Struct({
  id: Schema.String,
  provider: Schema.String,
  input: Usd,
  output: Usd,
  cacheRead: Schema.NullOr(Usd),
  /** Cache writes that live 5 minutes. */
  cacheWrite: Schema.NullOr(Usd),
  /** Cache writes that live an hour, where they have a price of their own. */
  cacheWrite1h: Schema.NullOr(Usd),
  longContext: Schema.NullOr(
    Schema.Struct({
      aboveInputTokens: Schema.Int,
      input: Usd,
      output: Usd,
      cacheRead: Schema.NullOr(Usd),
    }),
  ),
  enabled: Schema.Boolean,
}).annotate({ identifier: "ModelPrice" })

export const ModelPrices = Schema.Struct({
  version: Schema.String,
  currency: Schema.Literal("USD"),
  unit: Schema.Literal("per_1m_tokens"),
  models: Schema.Array(ModelPrice),
}).annotate({ identifier: "ModelPrices" })
export type ModelPrices = typeof ModelPrices.Type

export class CatalogueGroup extends HttpApiGroup.make("catalogue")
  .add(
    HttpApiEndpoint.get("plans", "/plans", { success: Plans, error: Unavailable }).annotate(
      OpenApi.Summary,
      "The plan catalogue in force",
    ),
    HttpApiEndpoint.get("modelPrices", "/public/model-prices", { success: ModelPrices, error: Unavailable }).annotate(
      OpenApi.Summary,
      "The price book in force, USD per million tokens",
    ),
  )
  .prefix("/api/v1") {}
