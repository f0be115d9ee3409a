/**
 * Prices and plans as the public sees them (contract sections 2 and 3). Pure: shapes only, the numbers are the
 * data's.
 */
import type { ModelsAnswer, PlansAnswer } from "@credits/contracts"
import { formatUsd } from "@credits/kernel"
import type { Catalogue, PriceBook } from "@credits/pricebook"

/** Every model once, by its id; disabled ones are marked, not hidden. */
export const modelsAnswer = (book: PriceBook): ModelsAnswer => ({
  version: book.version,
  currency: "USD",
  unit: "per_1m_tokens",
  models: book.data.models.map((model) => {
    const tier = model.longContext?.[0]
    return {
      id: model.id,
      provider: model.provider,
      input: model.input,
      output: model.output,
      cacheRead: model.cacheRead ?? null,
      cacheWrite: model.cacheWrite5m ?? null,
      cacheWrite1h: model.cacheWrite1h ?? null,
      longContext:
        tier === undefined
          ? null
          : {
              aboveInputTokens: tier.aboveInputTokens,
              input: tier.input,
              output: tier.output,
              cacheRead: tier.cacheRead ?? null,
            },
      enabled: model.enabled,
    }
  }),
})

/** By rank, the free plan first. */
export const plansAnswer = (catalogue: Catalogue): PlansAnswer => ({
  catalogueVersion: catalogue.version,
  plans: catalogue.plans.map((plan) => ({
    id: plan.id,
    name: plan.name,
    rank: plan.rank,
    hostedModels: plan.hostedModels,
    monthly: plan.monthly && {
      firstMonthUsd: formatUsd(plan.monthly.firstMonth),
      renewalUsd: formatUsd(plan.monthly.renewal),
    },
    yearly: plan.yearly && {
      totalUsd: formatUsd(plan.yearly.total),
      monthlyEquivalentUsd: formatUsd(plan.yearly.monthlyEquivalent),
    },
    creditsPerCycleUsd: formatUsd(plan.creditsPerCycle),
    features: plan.features,
  })),
})
