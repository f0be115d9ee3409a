/** A line of the statement in the words of the product. Pure. */
import type { Entry } from "@credits/contracts/http"

type Kind = Entry["kind"]

/** What one can filter by, in the order of interest. */
export const KINDS: ReadonlyArray<readonly [Kind, string]> = [
  ["charged", "Calls"],
  ["granted", "Credits added"],
  ["lot_expired", "Credits reset or expired"],
  ["revoked", "Credits taken back"],
  ["adjusted", "Adjustments"],
  ["reversed", "Reversals"],
  ["held", "Holds for calls"],
]

/** Steps inside the wallet: true and in the export, but not what a person looks for. */
const STEPS: ReadonlySet<Kind> = new Set(["held", "extended", "released", "hold_expired", "marked", "entitled"])

export const isStep = (entry: Entry): boolean => STEPS.has(entry.kind)

const granted = (description: string): string => {
  if (description.startsWith("plan credit")) return "Plan credits added"
  if (description.startsWith("topup credit")) return "Top-up credits added"
  return description
}

export const titleOf = (entry: Entry): string => {
  if (entry.kind === "charged") return entry.usage?.model ?? entry.description
  if (entry.kind === "lot_expired") return "Unused credits reset"
  return entry.kind === "granted" ? granted(entry.description) : entry.description
}

const count = new Intl.NumberFormat("en-US")

/** "1,200 in · 300 out", or null for what is no call. Whole prompts, cached parts included. */
export const usageText = ({ usage }: Entry): string | null => {
  if (usage === null) return null
  const input = usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const output = usage.outputTokens + usage.reasoningTokens
  const parts = [`${count.format(input)} in`, `${count.format(output)} out`]
  if (usage.cacheReadTokens > 0) parts.push(`${count.format(usage.cacheReadTokens)} from cache`)
  if (usage.status !== "ok") parts.push(usage.status)
  return parts.join(" · ")
}
