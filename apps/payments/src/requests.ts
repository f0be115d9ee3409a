/**
 * The border's decoders: what may be asked on `payments.request.<op>`, compiled once. Unknown fields are refused by
 * name.
 */
import { requestDecoder } from "@credits/bus"
import type { PaymentsOp, PaymentsRequest } from "@credits/contracts"
import { isAccountId, isCallerId } from "@credits/kernel"
import { Schema } from "effect"
import { WEBHOOK_BYTES_MAX } from "./webhook.ts"

/** The processor's least and greatest amount of a charge, cents. */
export const CHARGE_CENTS_MIN = 50
export const CHARGE_CENTS_MAX = 99_999_999
const ATTEMPTS_MAX = 10_000
const WAIT_MS_MAX = 30_000
const LIMIT_MAX = 200

const Instant = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }))
const Person = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,100}$/))
const Text = Schema.String.check(Schema.isPattern(/^[^\p{Cc}]{1,500}$/u))
const Account = Schema.String.check(Schema.makeFilter((text: string) => isAccountId(text) || "must be an account id"))
const CallerId = Schema.String.check(
  Schema.makeFilter((text: string) => isCallerId(text) || "must be 1–128 printable characters"),
)
const ChargeId = Schema.String.check(Schema.isPattern(/^chg_[0-9a-z]{1,40}$/))
/** R10.1. */
const Obligation = Schema.String.check(Schema.isPattern(/^(first|renewal|upgrade|topup):[\w.:-]{1,180}$/))
/** What a card element gives: a token, a method or a set-up, with its secret or without. */
const SetupToken = Schema.String.check(Schema.isPattern(/^(tok|pm|seti)_\w{1,200}$/))
const Base64 = Schema.String.check(Schema.isMaxLength(Math.ceil(WEBHOOK_BYTES_MAX / 3) * 4 + 4)).check(
  Schema.isPattern(/^[A-Za-z0-9+/]*={0,2}$/),
)
const Status = Schema.Literals([
  "planned",
  "submitting",
  "succeeded",
  "declined",
  "action_required",
  "not_executed",
  "unknown",
  "review",
  "canceled",
])

const Charge = Schema.Struct({
  op: Schema.Literal("charge"),
  account: Account,
  obligation: Obligation,
  kind: Schema.Literals(["first", "renewal", "upgrade", "topup"]),
  attempt: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: ATTEMPTS_MAX })),
  amountCents: Schema.Int.check(Schema.isBetween({ minimum: CHARGE_CENTS_MIN, maximum: CHARGE_CENTS_MAX })),
  description: Text,
  present: Schema.Boolean,
  waitMs: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: WAIT_MS_MAX }))),
  askedAt: Schema.optionalKey(Instant),
}).check(
  Schema.makeFilter(
    ({ obligation, kind }) => obligation.startsWith(`${kind}:`) || { path: ["kind"], issue: "is not the obligation's" },
  ),
)

const SCHEMAS = {
  charge: Charge,
  "charge-close": Schema.Struct({ op: Schema.Literal("charge-close"), account: Account, obligation: Obligation }),
  "charge-show": Schema.Struct({
    op: Schema.Literal("charge-show"),
    chargeId: ChargeId,
    account: Schema.optionalKey(Account),
  }),
  "charge-list": Schema.Struct({
    op: Schema.Literal("charge-list"),
    account: Schema.optionalKey(Account),
    status: Schema.optionalKey(Status),
    limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: LIMIT_MAX }))),
    cursor: Schema.optionalKey(ChargeId),
  }),
  "charge-look-up": Schema.Struct({
    op: Schema.Literal("charge-look-up"),
    chargeId: ChargeId,
    take: Schema.optionalKey(Schema.Struct({ by: Person, reason: Text })),
  }),
  "charge-resolve": Schema.Struct({
    op: Schema.Literal("charge-resolve"),
    chargeId: ChargeId,
    outcome: Schema.Literals(["succeeded", "not_executed"]),
    by: Person,
    reason: Text,
  }),
  "charge-refund": Schema.Struct({
    op: Schema.Literal("charge-refund"),
    chargeId: ChargeId,
    by: Person,
    reason: Text,
  }),
  method: Schema.Struct({ op: Schema.Literal("method"), account: Account }),
  "method-setup": Schema.Struct({ op: Schema.Literal("method-setup"), account: Account }),
  "method-save": Schema.Struct({
    op: Schema.Literal("method-save"),
    account: Account,
    setupToken: SetupToken,
    id: CallerId,
  }),
  "method-remove": Schema.Struct({ op: Schema.Literal("method-remove"), account: Account, id: CallerId }),
  webhook: Schema.Struct({
    op: Schema.Literal("webhook"),
    body: Base64,
    signature: Schema.String.check(Schema.isMaxLength(2_000)),
  }),
  "recon-run": Schema.Struct({
    op: Schema.Literal("recon-run"),
    from: Schema.optionalKey(Instant),
    to: Schema.optionalKey(Instant),
  }),
  "recon-findings": Schema.Struct({ op: Schema.Literal("recon-findings") }),
} satisfies Record<PaymentsOp, unknown>

export const decodeRequest = requestDecoder<PaymentsRequest>("payments", SCHEMAS)
