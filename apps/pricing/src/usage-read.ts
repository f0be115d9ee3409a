/**
 * Reading usage back: one account, whole UTC days, by model, day or both (decision 14).
 * The rollup is keyed by day first, so a read looks at each day for the account: 31 short seeks, not a scan.
 */
import { NO_USAGE, type UsageSums } from "./rollup.ts"
import type { TotalsAnswer, UsageBy, UsageRow } from "@credits/contracts"
import { dayOf, type Instant } from "@credits/kernel"
import type { PricingDatabase } from "./store.ts"

const DAY_MS = 86_400_000
export const DAYS_MAX = 400
export const DAYS_DEFAULT = 31

/** The UTC days of `[from, to)`, oldest first; null when they are too many or none. */
export const daysBetween = (from: Instant, to: Instant): ReadonlyArray<string> | null => {
  const first = Math.floor(from / DAY_MS)
  const end = Math.ceil(to / DAY_MS)
  if (from >= to || end - first > DAYS_MAX) return null
  return Array.from({ length: end - first }, (_, i) => dayOf((first + i) * DAY_MS))
}

interface Sums extends UsageSums {
  model: string | null
  day: string | null
}

const noSums = (model: string | null, day: string | null): Sums => ({ model, day, ...NO_USAGE })

/** The account's row, and its models of the one day. */
export const readTotals = async (database: PricingDatabase, account: string, at: Instant): Promise<TotalsAnswer> => {
  const day = dayOf(at)
  const total = await database.kysely
    .selectFrom("account_total")
    .select(["calls", "recharges", "recharged"])
    .where("account", "=", account)
    .executeTakeFirst()
  const today = await database.kysely
    .selectFrom("usage_rollup")
    .select("cost")
    .where("day", "=", day)
    .where("account", "=", account)
    .execute()
  return {
    calls: Number(total?.calls ?? 0n),
    recharges: Number(total?.recharges ?? 0n),
    recharged: (total?.recharged ?? 0n).toString(),
    today: { day, cost: today.reduce((sum, { cost }) => sum + BigInt(cost), 0n).toString() },
  }
}

/** Ordered by day, then model. */
export const readUsage = async (
  database: PricingDatabase,
  account: string,
  by: UsageBy,
  days: ReadonlyArray<string>,
): Promise<ReadonlyArray<UsageRow>> => {
  const rows = await database.kysely
    .selectFrom("usage_rollup")
    .selectAll()
    .where("account", "=", account)
    .where("day", "in", [...days])
    .orderBy("day")
    .orderBy("model")
    .execute()
  const groups = new Map<string, Sums>()
  for (const row of rows) {
    const model = by === "day" ? null : row.model
    const day = by === "model" ? null : row.day
    const key = `${day ?? ""}|${model ?? ""}`
    const sums = groups.get(key) ?? noSums(model, day)
    groups.set(key, sums)
    sums.calls += Number(row.calls)
    sums.inputTokens += Number(row.input_tokens)
    sums.outputTokens += Number(row.output_tokens)
    sums.cacheReadTokens += Number(row.cache_read_tokens)
    sums.cacheWriteTokens += Number(row.cache_write_tokens)
    sums.reasoningTokens += Number(row.reasoning_tokens)
    sums.cost += row.cost
    sums.byokCalls += Number(row.byok_calls)
    sums.byokInputTokens += Number(row.byok_input_tokens)
    sums.byokOutputTokens += Number(row.byok_output_tokens)
  }
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, sums]) => ({ ...sums, cost: sums.cost.toString() }))
}
