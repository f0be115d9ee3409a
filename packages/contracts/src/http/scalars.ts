/**
 * The scalars of HTTP bodies: USD decimal strings, instants, ids, counts. Owns their patterns and limits; conversion
 * between them and nano-USD or milliseconds is the kernel's.
 */
import { Schema } from "effect"

/** "12.34": at most 12 digits and 9 decimals, never signed, never an exponent (R1.1). */
export const UsdAmount = Schema.String.check(
  Schema.isPattern(/^\d{1,12}(\.\d{1,9})?$/, {
    message: 'must be a decimal USD string such as "12.34", at most 9 decimals',
  }),
)

/** A USD string in an answer; a statement line may be negative. */
export const Usd = Schema.String
/** ISO 8601, UTC, milliseconds (R12.2). */
export const InstantText = Schema.String

/** RFC 3339 in a request: "2026-01-31T12:00:00.000Z". */
export const InstantParameter = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/, {
    message: "must be an RFC 3339 instant such as 2026-01-31T12:00:00.000Z",
  }),
)

/** An instant, or a UTC day (its first millisecond). */
export const MomentParameter = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?$/, {
    message: "must be a UTC day (2026-01-31) or an RFC 3339 instant",
  }),
)

export const AccountId = Schema.String.check(
  Schema.isPattern(/^acc_[0-9A-Za-z]{1,40}$/, { message: "must be an account id (acc_…)" }),
)

/** Ids that callers choose; `|` separates fields of stored usage lines and is not allowed in them. */
export const CallerId = Schema.String.check(
  Schema.isPattern(/^[!#-[\]-{}~]{1,128}$/, {
    message: "must be 1–128 printable ASCII characters without spaces, quotes, backslash or |",
  }),
)

/** Header of requests that change something: the same key gives the same answer, for ever. */
export const IdempotencyKey = { "idempotency-key": Schema.optionalKey(CallerId) }

/** `{}`: an empty struct would take any value. */
export const NoFields = Schema.Record(Schema.String, Schema.Never)
/** A request without content: no body is as good as `{}`. */
export const NoBody = [NoFields, Schema.Null] as const

/** "12.34": a payment amount, whole cents. */
export const UsdCents = Schema.String.check(
  Schema.isPattern(/^\d{1,9}(\.\d{1,2})?$/, { message: 'must be whole cents of USD such as "12.34"' }),
)

/** `chg_…`, `qt_…`: ids of ours in a request. A text that is none names nothing, which is 404, not 400. */
export const OwnId = Schema.String.check(Schema.isMaxLength(80, { message: "is too long" }))

export const ModelName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][\w.:@/+-]{0,119}$/, { message: "must be a model name" }),
)

/** No model has a window of 100 million tokens. */
export const TokenCount = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 100_000_000 }, { message: "must be a whole number from 0 to 100000000" }),
)

export const Count = Schema.Int
