/**
 * Development and sandbox only: what the sandbox processor's own book says, and acting as the customer's bank. With a
 * customer's credential only that account; without one everything, since anybody can sign in as anybody here.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { BadRequest, NotFound, Unauthorized, Unavailable, WrongScope } from "./problem.ts"
import { InstantText, OwnId, Usd } from "./scalars.ts"

/** A line of the processor's book: money that really moved. */
export const BookedCharge = Schema.Struct({
  /** The processor's own. */
  id: Schema.String,
  /** Ours, `chg_…`. */
  chargeId: Schema.NullOr(Schema.String),
  accountId: Schema.NullOr(Schema.String),
  obligation: Schema.NullOr(Schema.String),
  amountUsd: Usd,
  refundedUsd: Usd,
  status: Schema.Literals(["succeeded", "refunded", "disputed"]),
  at: InstantText,
}).annotate({ identifier: "BookedCharge" })
export type BookedCharge = typeof BookedCharge.Type

const Outcome = Schema.Struct({ outcome: Schema.optionalKey(Schema.Literals(["succeeded", "failed"])) })

export class SandboxGroup extends HttpApiGroup.make("sandbox")
  .add(
    HttpApiEndpoint.get("charges", "/charges", {
      success: Schema.Struct({ items: Schema.Array(BookedCharge) }),
      error: [Unauthorized, WrongScope, Unavailable],
    }).annotate(OpenApi.Summary, "The sandbox processor's own book: what was really charged"),
    HttpApiEndpoint.post("authenticate", "/authenticate/:chargeId", {
      params: { chargeId: OwnId },
      payload: [Outcome, Schema.Null],
      success: Schema.Struct({ chargeId: Schema.String, status: Schema.Literals(["succeeded", "declined"]) }),
      error: [BadRequest, Unauthorized, WrongScope, NotFound, Unavailable],
    }).annotate(OpenApi.Summary, "The customer passes (or fails) the bank's check of a charge that asks for it"),
  )
  .prefix("/__sandbox") {}
