/**
 * The border's decoders: what may be asked on `subscriptions.request.<op>`, compiled once. Unknown fields are refused
 * by name.
 */
import { requestDecoder } from "@credits/bus"
import type { SubscriptionsOp, SubscriptionsRequest } from "@credits/contracts"
import { isAccountId, isCallerId } from "@credits/kernel"
import { Schema } from "effect"

const Instant = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }))
const Person = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,100}$/))
const Text = Schema.String.check(Schema.isPattern(/^[^\p{Cc}]{1,500}$/u))
/** A case may need a longer answer, in lines. */
const Letter = Schema.String.check(Schema.isPattern(/^[^\p{Cc}]([^\p{Cc}]|\n){0,3999}$/u))
const Account = Schema.String.check(Schema.makeFilter((text: string) => isAccountId(text) || "must be an account id"))
const CallerId = Schema.String.check(
  Schema.makeFilter((text: string) => isCallerId(text) || "must be 1–128 printable characters"),
)
const Plan = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_-]{0,39}$/))
const QuoteId = Schema.String.check(Schema.isPattern(/^qt_[0-9a-z]{1,40}$/))
const ChargeId = Schema.String.check(Schema.isPattern(/^chg_[0-9a-z]{1,40}$/))
const ReviewId = Schema.String.check(Schema.isPattern(/^rev_[0-9a-z]{1,40}$/))
const IntervalName = Schema.Literals(["monthly", "yearly"])

const command = { id: CallerId, account: Account }

const SCHEMAS = {
  show: Schema.Struct({ op: Schema.Literal("show"), account: Account }),
  quote: Schema.Struct({ op: Schema.Literal("quote"), ...command, plan: Plan, interval: IntervalName }),
  confirm: Schema.Struct({ op: Schema.Literal("confirm"), ...command, quoteId: QuoteId }),
  cancel: Schema.Struct({
    op: Schema.Literal("cancel"),
    ...command,
    by: Schema.optionalKey(Person),
    reason: Schema.optionalKey(Text),
  }),
  resume: Schema.Struct({ op: Schema.Literal("resume"), ...command }),
  pay: Schema.Struct({ op: Schema.Literal("pay"), ...command }),
  "review-open": Schema.Struct({ op: Schema.Literal("review-open"), ...command, chargeId: ChargeId, reason: Text }),
  "review-list": Schema.Struct({
    op: Schema.Literal("review-list"),
    account: Schema.optionalKey(Account),
    status: Schema.optionalKey(Schema.Literals(["open", "answered"])),
  }),
  "review-answer": Schema.Struct({
    op: Schema.Literal("review-answer"),
    id: CallerId,
    reviewId: ReviewId,
    answer: Letter,
    by: Person,
  }),
  downgrade: Schema.Struct({
    op: Schema.Literal("downgrade"),
    ...command,
    plan: Plan,
    interval: IntervalName,
    by: Person,
    reason: Text,
  }),
  complimentary: Schema.Struct({
    op: Schema.Literal("complimentary"),
    ...command,
    plan: Plan,
    until: Schema.optionalKey(Instant),
    by: Person,
    reason: Text,
  }),
} satisfies Record<SubscriptionsOp, unknown>

export const decodeRequest = requestDecoder<SubscriptionsRequest>("subscriptions", SCHEMAS)
