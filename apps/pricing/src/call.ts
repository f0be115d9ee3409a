/**
 * A call as pricing sees it, and the charge it becomes. BYOK never reaches the ledger by construction (I9, R8.1):
 * `chargeOf` takes a `HostedCall`, a type no BYOK event can have, and nothing else here makes a charge.
 */
import { hash } from "node:crypto"
import { usageContent, type UsageEvent } from "@credits/contracts"
import type { CallCost } from "@credits/pricebook"

export type HostedCall = UsageEvent & { readonly mode: "hosted" }
export type ByokCall = UsageEvent & { readonly mode: "byok" }

export const isHosted = (event: UsageEvent): event is HostedCall => event.mode === "hosted"
export const isByok = (event: UsageEvent): event is ByokCall => event.mode === "byok"

/**
 * The first 22 characters (132 bits) of the base64url SHA-256 over what the event says: "same id, another body"
 * compares this only (R6.6). Cut as text, because handing out bytes first costs 2.5 µs more per event.
 */
export const contentHash = (event: UsageEvent): string => hash("sha256", usageContent(event), "base64url").slice(0, 22)

/**
 * One charge as JSON text, the element of `encodeCharges` (a test compares them). Every part is ASCII without quote or
 * backslash, which the border checked, so it is written without escaping: a third of the cost of JSON.stringify.
 */
export const chargeOf = (call: HostedCall, priced: CallCost, bookVersion: string): string => {
  const t = priced.tokens
  const read = `${t.inputTokens}|${t.outputTokens}|${t.cacheReadTokens}`
  const written = `${t.cacheWrite5mTokens}|${t.cacheWrite1hTokens}|${t.reasoningTokens}`
  const names = `${call.provider}|${call.model}|${bookVersion}`
  const usage = `${names}|${read}|${written}|${call.images}|${call.requests}|${call.status}|${call.requestId}`
  const head = `"${call.id}","${call.account}",${call.time},"${priced.cost}","${call.holdId}"`
  return `[${head},"${contentHash(call)}","${usage}"]`
}

/** What is kept of a call with the customer's own key: counts as stated, never a price (R8.1). */
export interface ByokRecord {
  readonly id: string
  readonly account: string
  readonly hash: string
  readonly at: number
  readonly provider: string
  readonly model: string
  readonly status: ByokCall["status"]
  readonly inputTokens: number
  readonly outputTokens: number
  /** Its place in the usage stream, for a dead letter should the id be taken by another body. */
  readonly seq: number
  readonly index: number
}

/** `inputTokens` is the whole prompt, cached tokens included, under both conventions. */
export const byokRecordOf = (call: ByokCall, seq: number, index: number): ByokRecord => {
  const t = call.tokens
  const cached = t.convention === "inclusive" ? 0 : t.cacheRead + t.cacheWrite5m + t.cacheWrite1h
  return {
    id: call.id,
    account: call.account,
    hash: contentHash(call),
    at: call.time,
    provider: call.provider,
    model: call.model,
    status: call.status,
    inputTokens: t.input + cached,
    outputTokens: t.output,
    seq,
    index,
  }
}
