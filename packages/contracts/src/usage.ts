/**
 * The usage event: CloudEvents 1.0, type `ai.usage.v1` (contract section 4), decoded once at the outer border.
 * Unknown fields are refused by name; every refusal is a value, not an exception.
 */
import { isAccountId, isCallerId, parseInstant, type Instant } from "@credits/kernel"

export const USAGE_EVENT_TYPE = "ai.usage.v1"

export interface UsageEvent {
  readonly id: string
  readonly source: string
  readonly account: string
  readonly time: Instant
  readonly requestId: string
  /** "" when there is none. */
  readonly holdId: string
  readonly mode: "hosted" | "byok"
  readonly provider: string
  readonly model: string
  readonly status: "ok" | "failed" | "cancelled"
  readonly tokens: TokenCounts
  readonly images: number
  readonly requests: number
  /** JSON text of `attributes`, "" when absent. */
  readonly attributes: string
}

/**
 * Counts as the event states them; `convention` says whether cached tokens are inside `input` (R7.2). Reasoning tokens
 * are part of `output` in both conventions, as in the OpenTelemetry GenAI conventions.
 */
export interface TokenCounts {
  readonly convention: "inclusive" | "additive"
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly reasoning: number
}

export interface UsageInvalid {
  readonly code: "malformed" | "invalid_field" | "unknown_field" | "wrong_sum" | "too_large"
  readonly field: string
  readonly detail: string
}

/** Token counts above this are absurd: no model has a window of 100 million tokens. */
export const TOKENS_MAX = 100_000_000
/** Usage further than this from now is refused by pricing as ancient or future. */
export const USAGE_AGE_MAX_MS = 400 * 86_400_000
export const USAGE_FUTURE_MAX_MS = 10 * 60_000

const NAME = /^[A-Za-z0-9][\w.:@/+-]{0,119}$/
const OUTER = new Set([
  "specversion",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "datacontenttype",
  "dataschema",
  "data",
  "traceparent",
  "tracestate",
])
const INNER = new Set([
  "requestId",
  "holdId",
  "mode",
  "provider",
  "model",
  "status",
  "tokens",
  "images",
  "requests",
  "attributes",
])
const TOKENS = new Set(["convention", "input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h", "reasoning"])

const invalid = (code: UsageInvalid["code"], field: string, detail: string): UsageInvalid => ({
  code,
  field,
  detail,
})

const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null

const unknownField = (
  value: Record<string, unknown>,
  known: ReadonlySet<string>,
  path: string,
): UsageInvalid | null => {
  for (const key in value) {
    if (!known.has(key)) return invalid("unknown_field", `${path}${key}`, `unknown field ${path}${key}`)
  }
  return null
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX

const notCount = (name: string): UsageInvalid =>
  invalid("invalid_field", `data.tokens.${name}`, `${name} must be a whole number from 0 to ${TOKENS_MAX}`)

const decodeTokens = (value: unknown): TokenCounts | UsageInvalid => {
  const tokens = record(value)
  if (tokens === null) return invalid("invalid_field", "data.tokens", "tokens must be an object")
  const extra = unknownField(tokens, TOKENS, "data.tokens.")
  if (extra !== null) return extra
  const { convention, input, output, cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0, reasoning = 0 } = tokens
  if (convention !== "inclusive" && convention !== "additive") {
    return invalid("invalid_field", "data.tokens.convention", "convention must be inclusive or additive")
  }
  if (!isCount(input)) return notCount("input")
  if (!isCount(output)) return notCount("output")
  if (!isCount(cacheRead)) return notCount("cacheRead")
  if (!isCount(cacheWrite5m)) return notCount("cacheWrite5m")
  if (!isCount(cacheWrite1h)) return notCount("cacheWrite1h")
  if (!isCount(reasoning)) return notCount("reasoning")
  if (convention === "inclusive" && cacheRead + cacheWrite5m + cacheWrite1h > input) {
    return invalid("wrong_sum", "data.tokens.input", "inclusive: cached tokens exceed input, which must contain them")
  }
  if (reasoning > output) {
    return invalid(
      "wrong_sum",
      "data.tokens.output",
      "reasoning tokens exceed output, which contains them in both conventions",
    )
  }
  return { convention, input, output, cacheRead, cacheWrite5m, cacheWrite1h, reasoning }
}

const MODES = new Set(["hosted", "byok"])
const STATUSES = new Set(["ok", "failed", "cancelled"])

/** Fields of `data` other than tokens: the first that is wrong, or null. */
const checkData = (data: Record<string, unknown>): UsageInvalid | null => {
  const extra = unknownField(data, INNER, "data.")
  if (extra !== null) return extra
  if (!isCallerId(data.requestId) || data.requestId.includes("|"))
    return invalid("invalid_field", "data.requestId", "requestId must be 1–128 printable characters")
  if (data.holdId !== undefined && !isCallerId(data.holdId))
    return invalid("invalid_field", "data.holdId", "holdId is no hold id")
  if (typeof data.mode !== "string" || !MODES.has(data.mode))
    return invalid("invalid_field", "data.mode", "mode must be hosted or byok")
  if (typeof data.provider !== "string" || !NAME.test(data.provider))
    return invalid("invalid_field", "data.provider", "provider is no name")
  if (typeof data.model !== "string" || !NAME.test(data.model))
    return invalid("invalid_field", "data.model", "model is no name")
  if (typeof data.status !== "string" || !STATUSES.has(data.status))
    return invalid("invalid_field", "data.status", "status must be ok, failed or cancelled")
  if (data.images !== undefined && !isCount(data.images))
    return invalid("invalid_field", "data.images", "images must be a whole number")
  if (data.requests !== undefined && !isCount(data.requests))
    return invalid("invalid_field", "data.requests", "requests must be a whole number")
  if (data.attributes !== undefined && record(data.attributes) === null)
    return invalid("invalid_field", "data.attributes", "attributes must be an object")
  return null
}

/** Decodes one parsed CloudEvent. Neither throws nor guesses. */
export const decodeUsageEvent = (value: unknown): UsageEvent | UsageInvalid => {
  const event = record(value)
  if (event === null) return invalid("malformed", "", "an event must be a JSON object")
  const extra = unknownField(event, OUTER, "")
  if (extra !== null) return extra
  if (event.specversion !== "1.0") return invalid("invalid_field", "specversion", "specversion must be 1.0")
  if (event.type !== USAGE_EVENT_TYPE) return invalid("invalid_field", "type", `type must be ${USAGE_EVENT_TYPE}`)
  if (!isCallerId(event.id)) return invalid("invalid_field", "id", "id must be 1–128 printable characters")
  if (typeof event.source !== "string" || event.source.length === 0 || event.source.length > 256)
    return invalid("invalid_field", "source", "source must be 1–256 characters")
  if (!isAccountId(event.subject)) return invalid("invalid_field", "subject", "subject must be an account id")
  const time = typeof event.time === "string" ? parseInstant(event.time) : null
  if (time === null) return invalid("invalid_field", "time", "time must be an RFC 3339 instant")
  const data = record(event.data)
  if (data === null) return invalid("invalid_field", "data", "data must be an object")
  const wrong = checkData(data)
  if (wrong !== null) return wrong
  const tokens = decodeTokens(data.tokens)
  if ("code" in tokens) return tokens
  return {
    id: event.id,
    source: event.source,
    account: event.subject,
    time,
    requestId: data.requestId as string,
    holdId: (data.holdId as string | undefined) ?? "",
    mode: data.mode as UsageEvent["mode"],
    provider: data.provider as string,
    model: data.model as string,
    status: data.status as UsageEvent["status"],
    tokens,
    images: (data.images as number | undefined) ?? 0,
    requests: (data.requests as number | undefined) ?? 1,
    attributes: data.attributes === undefined ? "" : JSON.stringify(data.attributes),
  }
}

/**
 * What an event says, in a fixed order, independent of how its JSON was written: the text whose hash decides
 * "same id, another body" (R6.6).
 */
export const usageContent = (e: UsageEvent): string => {
  const t = e.tokens
  const call = `${e.mode}|${e.provider}|${e.model}|${e.status}`
  const cached = `${t.cacheRead}|${t.cacheWrite5m}|${t.cacheWrite1h}`
  const tokens = `${t.convention}|${t.input}|${t.output}|${cached}|${t.reasoning}`
  const head = `${e.source}|${e.account}|${e.time}|${e.requestId}|${e.holdId}`
  return `${head}|${call}|${tokens}|${e.images}|${e.requests}|${e.attributes}`
}
