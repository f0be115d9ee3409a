/**
 * The border's decoders: what may be asked on `pricing.request.<op>`, compiled once. Unknown fields are refused by
 * name.
 */
import { requestDecoder } from "@credits/bus"
import type { PricingOp, PricingRequest } from "@credits/contracts"
import { isAccountId } from "@credits/kernel"
import { Schema } from "effect"

const Instant = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }))
const Name = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][\w.:@/+-]{0,119}$/))
const Person = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,100}$/))
const Reason = Schema.String.check(Schema.isPattern(/^[^\p{Cc}]{1,500}$/u))
const Account = Schema.String.check(Schema.makeFilter((text: string) => isAccountId(text) || "must be an account id"))
/** No window is larger than 100 million tokens. */
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000_000 }))

const publishing = { apply: Schema.Boolean, by: Person, reason: Reason }
const version = { version: Schema.optionalKey(Schema.String), at: Schema.optionalKey(Instant) }

const Estimate = Schema.Struct({
  inputTokens: Count,
  maxOutputTokens: Count,
  images: Schema.optionalKey(Count),
  requests: Schema.optionalKey(Count),
})

const SCHEMAS = {
  models: Schema.Struct({ op: Schema.Literal("models"), at: Schema.optionalKey(Instant) }),
  plans: Schema.Struct({ op: Schema.Literal("plans"), at: Schema.optionalKey(Instant) }),
  quote: Schema.Struct({
    op: Schema.Literal("quote"),
    model: Name,
    estimate: Estimate,
    at: Schema.optionalKey(Instant),
  }),
  usage: Schema.Struct({
    op: Schema.Literal("usage"),
    account: Account,
    by: Schema.Literals(["model", "day", "model,day"]),
    from: Schema.optionalKey(Instant),
    to: Schema.optionalKey(Instant),
  }),
  totals: Schema.Struct({ op: Schema.Literal("totals"), account: Account, at: Schema.optionalKey(Instant) }),
  "book-list": Schema.Struct({ op: Schema.Literal("book-list") }),
  "catalogue-list": Schema.Struct({ op: Schema.Literal("catalogue-list") }),
  "book-show": Schema.Struct({ op: Schema.Literal("book-show"), ...version }),
  "catalogue-show": Schema.Struct({ op: Schema.Literal("catalogue-show"), ...version }),
  "book-publish": Schema.Struct({ op: Schema.Literal("book-publish"), book: Schema.Unknown, ...publishing }),
  "catalogue-publish": Schema.Struct({
    op: Schema.Literal("catalogue-publish"),
    catalogue: Schema.Unknown,
    ...publishing,
  }),
  "projection-rebuild": Schema.Struct({
    op: Schema.Literal("projection-rebuild"),
    apply: Schema.Boolean,
    rate: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 })),
  }),
  "projection-status": Schema.Struct({ op: Schema.Literal("projection-status") }),
  import: Schema.Struct({ op: Schema.Literal("import"), ...publishing }),
} satisfies Record<PricingOp, unknown>

export const decodeRequest = requestDecoder<PricingRequest>("pricing", SCHEMAS)
