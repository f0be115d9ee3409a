/**
 * What pricing is asked and answers over request–reply, JSON on `pricing.request.<op>` (subject and `op` are the same
 * word), and what it publishes to the buckets `price-books` and `catalogues`. Owns shapes only; the rules are in
 * packages/pricebook. Amounts for people are USD decimal strings, amounts for programs integer strings of nano-USD;
 * instants are ISO 8601 texts in data that people write, milliseconds elsewhere.
 */
import type { CatalogueData, DataInvalid, Estimate, PriceBookData } from "@credits/pricebook"
import type { NanoText } from "./ledger.ts"

export type PricingRequest =
  | ReadModels
  | ReadPlans
  | Quote
  | ReadUsage
  | ReadTotals
  | ListVersions
  | ShowVersion
  | PublishBook
  | PublishCatalogue
  | ImportPrices
  | RebuildProjection
  | ReadRebuild
export type PricingOp = PricingRequest["op"]

/** The public price list (contract 3). `at`: default now. */
export interface ReadModels {
  readonly op: "models"
  readonly at?: number
}
/** The plan catalogue as shown to customers (contract 2). */
export interface ReadPlans {
  readonly op: "plans"
  readonly at?: number
}
/** The most a call can cost (R6.1, decision 13). Refused: `model_unknown`, `no_price_book`. */
export interface Quote {
  readonly op: "quote"
  readonly model: string
  readonly estimate: Estimate
  readonly at?: number
}
/** Usage of one account by day and model (decision 14): `[from, to)`, whole UTC days; default the last 31 days. */
export interface ReadUsage {
  readonly op: "usage"
  readonly account: string
  readonly by: UsageBy
  readonly from?: number
  readonly to?: number
}
export type UsageBy = "model" | "day" | "model,day"

/** An account's whole life and its UTC day, counted as it went: two short reads, whatever the account's age. */
export interface ReadTotals {
  readonly op: "totals"
  readonly account: string
  /** In the day that is read; default now. */
  readonly at?: number
}

export interface ListVersions {
  readonly op: "book-list" | "catalogue-list"
}
/** Without a version: the one in force at `at`, default now. */
export interface ShowVersion {
  readonly op: "book-show" | "catalogue-show"
  readonly version?: string
  readonly at?: number
}
/** Who publishes and why is kept with the version for ever. */
interface Publishing {
  /** false: only checked. */
  readonly apply: boolean
  readonly by: string
  readonly reason: string
}
/** `effectiveAt` in the data must not be in the past; `"now"` is replaced by the instant of publication. */
export interface PublishBook extends Publishing {
  readonly op: "book-publish"
  readonly book: unknown
}
export interface PublishCatalogue extends Publishing {
  readonly op: "catalogue-publish"
  readonly catalogue: unknown
}
/** Makes books from the bundled `@pydantic/genai-prices` data: the one in force now and those that begin later. */
export interface ImportPrices extends Publishing {
  readonly op: "import"
}

/**
 * Counts the usage tables anew from the ledger's entries and our own BYOK calls, beside the live ones, and compares.
 * `apply`: then puts them in their place. One at a time: while one runs, its state is the answer.
 */
export interface RebuildProjection {
  readonly op: "projection-rebuild"
  readonly apply: boolean
  /** Entries read a second at most. */
  readonly rate: number
}
export interface ReadRebuild {
  readonly op: "projection-status"
}
/** Rows are by account, model and day; totals of an account have neither model nor day. */
export interface ProjectionDifference {
  readonly account: string
  readonly model: string | null
  readonly day: string | null
  /** Which figure: `calls`, `cost` (nano-USD), … */
  readonly figure: string
  readonly live: string
  readonly rebuilt: string
}
export interface RebuildState {
  readonly name: "usage"
  /** `interrupted`: begun before a restart; asked for again it goes on where it was. */
  readonly state: "none" | "running" | "interrupted" | "done" | "failed"
  readonly apply: boolean
  /** Entries counted, of those there are. */
  readonly entries: number
  readonly total: number
  /** Why it failed. */
  readonly detail: string
  readonly comparison: {
    /** Figures that differ, and the first of them. */
    readonly differing: number
    readonly differences: ReadonlyArray<ProjectionDifference>
    /** Hex SHA-256 over all rows in the order of their keys. */
    readonly liveHash: string
    readonly rebuiltHash: string
  } | null
  /** The rebuilt tables are the live ones now. */
  readonly swapped: boolean
}

export type PricingReply<A> = { readonly ok: A } | { readonly refused: PricingRefusal }

export type PricingRefusalCode =
  | "invalid"
  | "model_unknown"
  | "no_price_book"
  | "no_catalogue"
  | "version_not_found"
  | "version_exists"
  | "effective_in_past"
  | "too_large"
  | "unknown_op"
  | "unavailable"

export interface PricingRefusal {
  readonly code: PricingRefusalCode
  readonly detail: string
  readonly field?: string
  /** Every field that is wrong, for `invalid`. */
  readonly invalid?: ReadonlyArray<DataInvalid>
}

/** USD per million tokens as decimal strings. */
export interface ModelPriceShown {
  readonly id: string
  readonly provider: string
  readonly input: string
  readonly output: string
  readonly cacheRead: string | null
  /** Cache writes that live 5 minutes; `cacheWrite1h` beside it when it has its own price. */
  readonly cacheWrite: string | null
  readonly cacheWrite1h: string | null
  /** The first long-context tier: it holds for the whole call above that many prompt tokens. */
  readonly longContext: {
    readonly aboveInputTokens: number
    readonly input: string
    readonly output: string
    readonly cacheRead: string | null
  } | null
  readonly enabled: boolean
}
export interface ModelsAnswer {
  readonly version: string
  readonly currency: "USD"
  readonly unit: "per_1m_tokens"
  readonly models: ReadonlyArray<ModelPriceShown>
}

export interface PlanShown {
  readonly id: string
  readonly name: string
  readonly rank: number
  readonly hostedModels: boolean
  readonly monthly: { readonly firstMonthUsd: string; readonly renewalUsd: string } | null
  readonly yearly: { readonly totalUsd: string; readonly monthlyEquivalentUsd: string } | null
  readonly creditsPerCycleUsd: string
  readonly features: ReadonlyArray<string>
}
export interface PlansAnswer {
  readonly catalogueVersion: string
  readonly plans: ReadonlyArray<PlanShown>
}

export interface QuoteAnswer {
  readonly amount: NanoText
  readonly model: string
  readonly bookVersion: string
}

/** `model` or `day` is null when the question does not ask for it. Hosted and BYOK calls are counted apart (R8.1). */
export interface UsageRow {
  readonly model: string | null
  /** UTC day, "2026-11-23". */
  readonly day: string | null
  /** Hosted calls charged. */
  readonly calls: number
  /** Whole prompts, cached tokens included; of hosted calls. */
  readonly inputTokens: number
  /** Reasoning included. */
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
  readonly reasoningTokens: number
  /** What was deducted for them. */
  readonly cost: NanoText
  readonly byokCalls: number
  readonly byokInputTokens: number
  readonly byokOutputTokens: number
}
export interface UsageAnswer {
  readonly items: ReadonlyArray<UsageRow>
}

/** As far as the journal has been counted: an entry of this moment may come a moment later. */
export interface TotalsAnswer {
  /** Hosted calls charged. */
  readonly calls: number
  /** Grants outside a plan's cycle: top-ups, promotions, adjustments in the customer's favour. */
  readonly recharges: number
  readonly recharged: NanoText
  /** What hosted calls of the UTC day cost. */
  readonly today: { readonly day: string; readonly cost: NanoText }
}

/** One published version; the lists are ordered by effective instant, then by publication. */
export interface VersionShown {
  readonly version: string
  readonly effectiveAt: number
  readonly publishedAt: number
  readonly by: string
  readonly reason: string
}
export interface VersionsAnswer {
  /** In force now; null before the first one. */
  readonly current: string | null
  readonly items: ReadonlyArray<VersionShown>
}
export interface BookAnswer extends VersionShown {
  readonly data: PriceBookData
}
export interface CatalogueAnswer extends VersionShown {
  readonly data: CatalogueData
}
export interface PublishAnswer {
  readonly version: string
  readonly effectiveAt: number
  /** false: a dry run, nothing was published. */
  readonly published: boolean
}
export interface ImportAnswer {
  readonly published: boolean
  readonly source: string
  readonly books: ReadonlyArray<{
    readonly version: string
    readonly effectiveAt: number
    readonly models: number
    /** Against the book that would otherwise be in force then. */
    readonly added: ReadonlyArray<string>
    readonly removed: ReadonlyArray<string>
    readonly changed: ReadonlyArray<string>
  }>
  readonly skipped: ReadonlyArray<{ readonly provider: string; readonly model: string; readonly reason: string }>
}

/**
 * Key `current` of a bucket: every version with its effective instant, in the order of `VersionsAnswer`. Which one is
 * in force is the reader's to decide by its clock (`bookAt`), so a version that begins later needs no further
 * message.
 */
export interface VersionList {
  readonly v: 1
  readonly versions: ReadonlyArray<{ readonly version: string; readonly effectiveAt: number }>
}
export const CURRENT_KEY = "current"
