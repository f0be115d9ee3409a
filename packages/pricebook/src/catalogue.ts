/**
 * The plan catalogue (R0): versioned, immutable data with an effective instant.
 * Owns its data shape, validation (R0.2) and which version is in force. Knows nothing of subscriptions.
 */
import { NANO_PER_CENT, parseUsd, type Instant, type Nano } from "@credits/kernel"
import { versionAt } from "./book.ts"
import { Findings, VERSION, VERSION_RULE, type Checked } from "./invalid.ts"

/** Amounts are decimal USD strings of whole cents. */
export interface PlanData {
  readonly id: string
  readonly name: string
  readonly rank: number
  readonly hostedModels: boolean
  /** null: not sold by the month. */
  readonly monthly: { readonly firstMonthUsd: string; readonly renewalUsd: string } | null
  readonly yearly: { readonly totalUsd: string } | null
  readonly creditsPerCycleUsd: string
  /** Policy of auto top-up (R9.2); null: none. */
  readonly autoTopUp: { readonly thresholdUsd: string; readonly amountUsd: string } | null
  readonly features: ReadonlyArray<string>
}
export interface CatalogueData {
  readonly version: string
  readonly effectiveAt: string
  readonly plans: ReadonlyArray<PlanData>
}

export interface Plan {
  readonly id: string
  readonly name: string
  readonly rank: number
  readonly hostedModels: boolean
  readonly monthly: { readonly firstMonth: Nano; readonly renewal: Nano } | null
  /** `monthlyEquivalent`: the twelfth part, shown only, rounded up to the cent (never shown cheaper than it is). */
  readonly yearly: { readonly total: Nano; readonly monthlyEquivalent: Nano } | null
  readonly creditsPerCycle: Nano
  readonly autoTopUp: { readonly threshold: Nano; readonly amount: Nano } | null
  readonly features: ReadonlyArray<string>
}
export interface Catalogue {
  readonly version: string
  readonly effectiveAt: Instant
  /** By rank, ascending. */
  readonly plans: ReadonlyArray<Plan>
  readonly data: CatalogueData
}

export const PLANS_MAX = 50

const CATALOGUE = new Set(["version", "effectiveAt", "plans"])
const PLAN = new Set([
  "id",
  "name",
  "rank",
  "hostedModels",
  "monthly",
  "yearly",
  "creditsPerCycleUsd",
  "autoTopUp",
  "features",
])
const PLAN_ID = /^[a-z][a-z0-9_-]{0,39}$/

/** USD of whole cents, ≥ 0 (R0.2). */
const readPrice = (found: Findings, value: unknown, path: string): Nano => {
  const nano = typeof value === "string" ? parseUsd(value) : null
  if (nano === null) found.add("invalid_field", path, `${path} must be a decimal USD string`)
  else if (nano < 0n) found.add("price_negative", path, `${path} must not be negative (R0.2)`)
  else if (nano % NANO_PER_CENT !== 0n) found.add("price_sub_cent", path, `${path} must be whole cents (R0.2)`)
  return nano ?? 0n
}

const readPair = <K extends string>(
  found: Findings,
  value: unknown,
  fields: ReadonlyArray<K>,
  path: string,
): Record<K, Nano> | null => {
  if (value === null) return null
  const data = found.record(value, new Set<string>(fields), path)
  if (data === null) return null
  const pair = fields.map((field) => [field, readPrice(found, data[field], `${path}.${field}`)])
  return Object.fromEntries(pair) as Record<K, Nano>
}

const readPlan = (found: Findings, item: unknown, path: string): Plan | null => {
  const data = found.record(item, PLAN, path)
  if (data === null) return null
  const monthly = readPair(found, data.monthly, ["firstMonthUsd", "renewalUsd"], `${path}.monthly`)
  const yearly = readPair(found, data.yearly, ["totalUsd"], `${path}.yearly`)
  const autoTopUp = readPair(found, data.autoTopUp, ["thresholdUsd", "amountUsd"], `${path}.autoTopUp`)
  const twelveCents = 12n * NANO_PER_CENT
  return {
    id: found.text(data.id, PLAN_ID, `${path}.id`, "a lower-case word of at most 40 characters"),
    name: found.text(data.name, /^[^\0]{1,60}$/, `${path}.name`, "1–60 characters"),
    rank: found.count(data.rank, 0, 1000, `${path}.rank`),
    hostedModels: found.flag(data.hostedModels, `${path}.hostedModels`),
    monthly: monthly && { firstMonth: monthly.firstMonthUsd, renewal: monthly.renewalUsd },
    yearly: yearly && {
      total: yearly.totalUsd,
      monthlyEquivalent: ((yearly.totalUsd + twelveCents - 1n) / twelveCents) * NANO_PER_CENT,
    },
    creditsPerCycle: readPrice(found, data.creditsPerCycleUsd, `${path}.creditsPerCycleUsd`),
    autoTopUp: autoTopUp && { threshold: autoTopUp.thresholdUsd, amount: autoTopUp.amountUsd },
    features: found
      .array(data.features, 50, `${path}.features`)
      .map((feature, i) => found.text(feature, /^[^\0]{1,200}$/, `${path}.features[${i}]`, "1–200 characters")),
  }
}

/** What one plan must keep by itself: a yearly plan is cheaper per month than its monthly renewal (R0.2). */
const checkPlan = (found: Findings, plan: Plan, path: string): void => {
  if (plan.yearly !== null && plan.monthly !== null && plan.yearly.total >= plan.monthly.renewal * 12n) {
    const detail = `${plan.id}: a year must cost less than twelve monthly renewals (R0.2)`
    found.add("yearly_not_cheaper", `${path}.yearly.totalUsd`, detail)
  }
}

/** A higher rank is dearer, in every interval both are sold in, and richer in credits (R0.2). */
const checkOrder = (found: Findings, lower: Plan, higher: Plan, path: string): void => {
  const dearer = (a: Nano | undefined, b: Nano | undefined): boolean => a === undefined || b === undefined || b > a
  if (!dearer(lower.monthly?.renewal ?? 0n, higher.monthly?.renewal)) {
    const detail = `${higher.id} has a higher rank than ${lower.id} and must be dearer (R0.2)`
    found.add("rank_not_dearer", `${path}.monthly.renewalUsd`, detail)
  }
  if (!dearer(lower.yearly?.total ?? 0n, higher.yearly?.total)) {
    const detail = `${higher.id} has a higher rank than ${lower.id} and must be dearer by the year (R0.2)`
    found.add("rank_not_dearer", `${path}.yearly.totalUsd`, detail)
  }
  if (higher.creditsPerCycle <= lower.creditsPerCycle) {
    const detail = `${higher.id} has a higher rank than ${lower.id} and must be richer in credits (R0.2)`
    found.add("rank_not_richer", `${path}.creditsPerCycleUsd`, detail)
  }
}

const checkRanks = (found: Findings, plans: ReadonlyArray<Plan>): void => {
  const byRank = plans.map((plan, i) => ({ plan, path: `plans[${i}]` })).sort((a, b) => a.plan.rank - b.plan.rank)
  const ids = new Set<string>()
  byRank.forEach(({ plan, path }, i) => {
    if (ids.has(plan.id)) found.add("plan_repeats", `${path}.id`, `plan ${plan.id} is listed twice`)
    ids.add(plan.id)
    checkPlan(found, plan, path)
    const lower = byRank[i - 1]?.plan
    if (lower === undefined) return
    if (lower.rank === plan.rank) {
      found.add("rank_repeats", `${path}.rank`, `rank ${plan.rank} is taken by ${lower.id} (R0.2)`)
    } else {
      checkOrder(found, lower, plan, path)
    }
  })
  const first = byRank[0]?.plan
  if (first === undefined || first.monthly !== null || first.yearly !== null || first.hostedModels) {
    found.add("free_missing", "plans", "the lowest rank must be the free plan: not sold, without hosted models (R1.8)")
  }
}

/**
 * Reads a catalogue from data. Refusal codes: `invalid_field`, `unknown_field`, `price_negative`, `price_sub_cent`,
 * `plan_repeats`, `rank_repeats`, `yearly_not_cheaper`, `rank_not_dearer`, `rank_not_richer`, `free_missing`.
 */
export const readCatalogue = (value: unknown): Checked<Catalogue> => {
  const found = new Findings()
  const data = found.record(value, CATALOGUE, "")
  if (data === null) return { invalid: found.list }
  const version = found.text(data.version, VERSION, "version", VERSION_RULE)
  const effectiveAt = found.instant(data.effectiveAt, "effectiveAt")
  const plans = found
    .array(data.plans, PLANS_MAX, "plans")
    .flatMap((item, i) => readPlan(found, item, `plans[${i}]`) ?? [])
  if (found.list.length === 0) checkRanks(found, plans)
  if (found.list.length > 0) return { invalid: found.list }
  const byRank = plans.toSorted((a, b) => a.rank - b.rank)
  return { ok: { version, effectiveAt, plans: byRank, data: value as CatalogueData } }
}

/** The catalogue in force at an instant (R0.1). */
export const catalogueAt = (catalogues: ReadonlyArray<Catalogue>, at: Instant): Catalogue | null =>
  versionAt(catalogues, at)
