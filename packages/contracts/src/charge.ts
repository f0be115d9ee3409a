/**
 * Charges: what pricing publishes to the ledger's command stream, as compact arrays (decision 7).
 * By construction there is no mode here: a BYOK call has no charge (I9).
 *
 * Message: `{"v":1,"charges":[[id, account, occurredAt, cost, holdId, hash, usage], …]}`, all of one partition. Of the
 * few that are traced it also says `"traces":{"<place in charges>":"<traceparent>"}`, which is no part of any charge
 * and of no hash; who does not know it reads the same charges.
 */
import type { Instant, Nano } from "@credits/kernel"

export interface Charge {
  /** The usage event's id: the idempotency key, for ever (R6.6). */
  readonly id: string
  readonly account: string
  /** When the usage happened (its CloudEvents time), ms. */
  readonly occurredAt: Instant
  /** Nano-USD, ≥ 0. */
  readonly cost: Nano
  /** The hold to settle, or "" for usage without a hold (R6.5). */
  readonly holdId: string
  /** Content hash of the usage event; "same id, another body" compares only this. */
  readonly hash: string
  /** The usage it was charged for, see `encodeUsageLine`. */
  readonly usage: string
  /** `traceparent` of its rating, when the usage is traced. */
  readonly trace?: string
}

export type ChargeTuple = readonly [
  id: string,
  account: string,
  occurredAt: number,
  cost: string,
  holdId: string,
  hash: string,
  usage: string,
]

/** What was used, for statements and rollups. Token counts are disjoint: each token is in exactly one of them. */
export interface UsageLine {
  readonly provider: string
  readonly model: string
  readonly bookVersion: string
  /** Tokens of the prompt that were neither read from nor written to a cache. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  /** Reasoning tokens, not counted in `outputTokens`. */
  readonly reasoningTokens: number
  readonly images: number
  readonly requests: number
  readonly status: "ok" | "failed" | "cancelled"
  readonly requestId: string
}

/** One `|`-separated line; provider, model and ids cannot contain `|` (checked at the border). */
export const encodeUsageLine = (u: UsageLine): string =>
  `${u.provider}|${u.model}|${u.bookVersion}|${u.inputTokens}|${u.outputTokens}|` +
  `${u.cacheReadTokens}|${u.cacheWrite5mTokens}|${u.cacheWrite1hTokens}|${u.reasoningTokens}|` +
  `${u.images}|${u.requests}|${u.status}|${u.requestId}`

export const decodeUsageLine = (line: string): UsageLine | null => {
  const p = line.split("|")
  if (p.length !== 13) return null
  return {
    provider: p[0]!,
    model: p[1]!,
    bookVersion: p[2]!,
    inputTokens: Number(p[3]),
    outputTokens: Number(p[4]),
    cacheReadTokens: Number(p[5]),
    cacheWrite5mTokens: Number(p[6]),
    cacheWrite1hTokens: Number(p[7]),
    reasoningTokens: Number(p[8]),
    images: Number(p[9]),
    requests: Number(p[10]),
    status: p[11] as UsageLine["status"],
    requestId: p[12]!,
  }
}

/** Encodes charges of one partition into a command message. */
export const encodeCharges = (charges: ReadonlyArray<ChargeTuple>): string =>
  `{"v":1,"charges":${JSON.stringify(charges)}}`
