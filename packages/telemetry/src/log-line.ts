/**
 * A log line as one JSON object: `time, level, service, message`, then `account`, `trace_id` and `span_id` where they
 * are known, then whatever else is told. Pure. Secrets have no business here; as a second net, what looks like one is
 * blotted out.
 */
import type { TraceContext } from "./trace-context.ts"

export interface LogFacts {
  readonly at: Date
  readonly level: string
  readonly service: string
  /** What was logged, in its order: texts are the message, objects are fields. */
  readonly told: ReadonlyArray<unknown>
  readonly fields: Readonly<Record<string, unknown>>
  /** A stack, for a defect. */
  readonly cause: string | undefined
  readonly trace: TraceContext | undefined
}

/**
 * Keys of the card processor, of webhooks (theirs and ours), of gateways; nkey seeds; tokens; passwords in addresses;
 * e-mail addresses; card numbers with their separators.
 */
const SECRETS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(?:sk|rk|whsec|pk_secret)_[A-Za-z0-9_+/=-]{6,}/g, "[secret]"],
  [/\bwk_live_[A-Za-z0-9]{8,}/g, "[secret]"],
  [/\b(?:pi|seti)_[A-Za-z0-9]+_secret_[A-Za-z0-9]+/g, "[secret]"],
  [/\bS[UAONC][A-Z2-7]{56}\b/g, "[seed]"],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g, "[token]"],
  [/\bBearer\s+[\w.~+/=-]{8,}/gi, "Bearer [secret]"],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"]*):[^\s/@"]+@/gi, "$1:[secret]@"],
  [/[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, "[e-mail]"],
  [/\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{3,4}\b/g, "[card]"],
]

export const withoutSecrets = (text: string): string =>
  SECRETS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text)

const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === "bigint") return value.toString()
  if (value instanceof Error) return value.message
  return value
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Error)

const asText = (value: unknown): string =>
  typeof value === "string"
    ? value
    : value instanceof Error
      ? value.message
      : typeof value === "bigint"
        ? value.toString()
        : (JSON.stringify(value, plain) ?? "")

export const logLine = ({ at, level, service, told, fields, cause, trace }: LogFacts): string => {
  const { account, ...rest } = Object.assign({}, ...told.filter(isFields), fields) as Record<string, unknown>
  const line = {
    time: at.toISOString(),
    level: level.toLowerCase(),
    service,
    message: told
      .filter((part) => !isFields(part))
      .map(asText)
      .join(" "),
    ...(account !== undefined && { account }),
    ...(trace !== undefined && { trace_id: trace.traceId, span_id: trace.spanId }),
    ...rest,
    ...(cause !== undefined && cause !== "" && { cause }),
  }
  return withoutSecrets(JSON.stringify(line, plain))
}
