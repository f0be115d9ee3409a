/**
 * What a plan is sold for, as one subscription needs it: the part of a catalogue version that a running period keeps
 * (R0.1). Pure. Owns picking it from a catalogue; which version holds when is the catalogue's own.
 */
import type { Interval } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { catalogueAt, type Catalogue, type Plan } from "@credits/pricebook"

/** The plan of an account without one; never sold. */
export const FREE = "free"

export interface PlanTerms {
  readonly plan: string
  readonly name: string
  readonly rank: number
  readonly hostedModels: boolean
  readonly interval: Interval
  /** Catalogue version these terms are of. */
  readonly version: string
  readonly creditsPerCycle: Nano
  /** Of one paid period at its full price: a month, or the year. */
  readonly price: Nano
  /** Policy of auto top-up (R9.2), null: none. */
  readonly topUpThreshold: Nano | null
  readonly topUpAmount: Nano | null
}

/** What may be asked for: a plan by the month or by the year. */
export interface Offering {
  readonly plan: string
  readonly interval: Interval
}

export const planOf = (catalogue: Catalogue, id: string): Plan | null =>
  catalogue.plans.find((plan) => plan.id === id) ?? null

/** Null: the plan is unknown to this version, or not sold by this interval. */
export const termsOf = (catalogue: Catalogue, offering: Offering): PlanTerms | null => {
  const plan = planOf(catalogue, offering.plan)
  const price = offering.interval === "monthly" ? plan?.monthly?.renewal : plan?.yearly?.total
  if (plan === null || price === undefined) return null
  return {
    plan: plan.id,
    name: plan.name,
    rank: plan.rank,
    hostedModels: plan.hostedModels,
    interval: offering.interval,
    version: catalogue.version,
    creditsPerCycle: plan.creditsPerCycle,
    price,
    topUpThreshold: plan.autoTopUp?.threshold ?? null,
    topUpAmount: plan.autoTopUp?.amount ?? null,
  }
}

/** Terms in force at an instant (R0.1). */
export const termsAt = (catalogues: ReadonlyArray<Catalogue>, offering: Offering, at: Instant): PlanTerms | null => {
  const catalogue = catalogueAt(catalogues, at)
  return catalogue === null ? null : termsOf(catalogue, offering)
}

/** "Plus, monthly": how charges, quotes and mails call it. */
export const nameOf = (terms: PlanTerms): string => `${terms.name}, ${terms.interval}`
