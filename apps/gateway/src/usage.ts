/**
 * The usage event of one call (contract section 4). Pure: ids, times and counts are inputs. Owns which status a call
 * has and what it is charged for where the provider never said.
 */
import { type TokenCounts, USAGE_EVENT_TYPE } from "@credits/contracts"
import { formatInstant, type Instant } from "@credits/kernel"

/** A call as it began; enough to settle it after the process that began it died. */
export interface CallRecord {
  /** `req_…`: idempotency key of its authorization, and of its usage event. */
  readonly requestId: string
  readonly account: string
  readonly mode: "hosted" | "byok"
  readonly provider: string
  /** As the price book and the customer call it. */
  readonly model: string
  readonly startedAt: Instant
  /** "" for a call with the customer's own key. */
  readonly holdId: string
  /** Where the provider never says what the input was. */
  readonly inputTokensFair: number
  /** Of the call's span; absent: it is not traced. */
  readonly traceparent?: string
}

/** What became of it. */
export interface CallEnd {
  readonly status: "ok" | "failed" | "cancelled"
  /** As the provider said; null: it never did. */
  readonly usage: TokenCounts | null
  /** Output tokens that reached us, fairly counted. */
  readonly produced: number
}

const countsOf = ({ usage, produced }: CallEnd, inputTokensFair: number): Record<string, unknown> => {
  if (usage === null) return { convention: "inclusive", input: inputTokensFair, output: produced }
  const { convention, input, output, cacheRead, reasoning } = usage
  return {
    convention,
    input,
    output,
    ...(cacheRead > 0 && { cacheRead }),
    ...(reasoning > 0 && { reasoning }),
  }
}

/** Nothing came of it: there is nothing to charge and nothing to tell (R6.3). */
export const isNothing = ({ usage, produced }: CallEnd): boolean => usage === null && produced === 0

export type UsageEventData = Readonly<Record<string, unknown>> & { readonly id: string }

/** The same input gives the same event, byte for byte: a repeat is no conflict (R6.6). */
export const usageEvent = (call: CallRecord, end: CallEnd, traceparent = call.traceparent): UsageEventData => ({
  specversion: "1.0",
  type: USAGE_EVENT_TYPE,
  id: `usage:${call.requestId}`,
  source: "gateway",
  subject: call.account,
  time: formatInstant(call.startedAt),
  ...(traceparent !== undefined && { traceparent }),
  data: {
    requestId: call.requestId,
    ...(call.holdId !== "" && { holdId: call.holdId }),
    mode: call.mode,
    provider: call.provider,
    model: call.model,
    status: end.status,
    tokens: countsOf(end, call.inputTokensFair),
    ...(end.usage === null && { attributes: { counted: "by the gateway" } }),
  },
})
