/**
 * The border's decoders: what may be asked on `topup.request.<op>`, compiled once. Unknown fields are refused, and what
 * is wrong is named.
 */
import { requestDecoder } from "@credits/bus"
import type { TopupOp, TopupRequest } from "@credits/contracts"
import { isAccountId, isCallerId } from "@credits/kernel"
import { Schema } from "effect"
import { CAP_MAX_CENTS, CAP_MIN_CENTS } from "./cap.ts"

const Account = Schema.String.check(Schema.makeFilter((text: string) => isAccountId(text) || "must be an account id"))
const Id = Schema.String.check(Schema.makeFilter((text: string) => isCallerId(text) || "must be a request id"))
/** A version, a page, a person: one line for the log. */
const Line = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,100}$/))
const Reason = Schema.String.check(Schema.isPattern(/^[^\p{Cc}]{1,500}$/u))
const Cap = Schema.Number.check(
  Schema.makeFilter(
    (cents: number) =>
      (Number.isInteger(cents) && cents >= CAP_MIN_CENTS && cents <= CAP_MAX_CENTS) ||
      `must be whole cents from ${CAP_MIN_CENTS} to ${CAP_MAX_CENTS} (R9.3)`,
  ),
)

const SCHEMAS = {
  show: Schema.Struct({ op: Schema.Literal("show"), account: Account }),
  enable: Schema.Struct({
    op: Schema.Literal("enable"),
    id: Id,
    account: Account,
    monthlyCapCents: Cap,
    consent: Schema.Struct({ textVersion: Line, source: Line }),
  }),
  disable: Schema.Struct({ op: Schema.Literal("disable"), id: Id, account: Account, source: Line }),
  suspend: Schema.Struct({ op: Schema.Literal("suspend"), id: Id, account: Account, by: Line, reason: Reason }),
  consents: Schema.Struct({ op: Schema.Literal("consents"), account: Account }),
} satisfies Record<TopupOp, unknown>

export const decodeRequest = requestDecoder<TopupRequest>("topup", SCHEMAS)
