/** Charges as their customer sees them, their receipts, and the cases a customer opens about one (R5.2). */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BillingSummary, SummaryQuery } from "./billing-summary.ts"
import { CustomerAuth } from "./credentials.ts"
import {
  BadRequest,
  KeyReused,
  NotFound,
  RequestInProgress,
  ReviewConflict,
  Unavailable,
  WrongScope,
} from "./problem.ts"
import { IdempotencyKey, InstantText, OwnId, Usd } from "./scalars.ts"

/** `being_confirmed`: nobody knows yet whether the money moved (R10.2); it is found out, never asked again. */
export const ChargeStatusName = Schema.Literals([
  "processing",
  "being_confirmed",
  "action_required",
  "succeeded",
  "declined",
  "not_executed",
  "canceled",
])

export const Charge = Schema.Struct({
  chargeId: Schema.String,
  at: InstantText,
  obligation: Schema.String,
  kind: Schema.Literals(["first", "renewal", "upgrade", "topup"]),
  description: Schema.String,
  amountUsd: Usd,
  status: ChargeStatusName,
  /** Why not, in one sentence. */
  declineReason: Schema.NullOr(Schema.String),
  card: Schema.NullOr(Schema.Struct({ brand: Schema.String, last4: Schema.String })),
  refunded: Schema.Boolean,
  disputed: Schema.Boolean,
  /** A path of this server; only of a charge that succeeded. */
  receiptUrl: Schema.NullOr(Schema.String),
}).annotate({ identifier: "Charge" })
export type Charge = typeof Charge.Type

export const Review = Schema.Struct({
  reviewId: Schema.String,
  chargeId: Schema.String,
  reason: Schema.String,
  status: Schema.Literals(["open", "answered"]),
  openedAt: InstantText,
  answer: Schema.NullOr(Schema.String),
  answeredAt: Schema.NullOr(InstantText),
}).annotate({ identifier: "Review" })
export type Review = typeof Review.Type

/** What a person writes: printable, with line breaks, not endless. */
const Reason = Schema.String.check(
  Schema.isPattern(/^(?!\s*$)(?:[^\p{C}]|[\n\r\t]){1,2000}$/u, { message: "must be 1–2000 characters of text" }),
)

export class BillingGroup extends HttpApiGroup.make("billing")
  .add(
    HttpApiEndpoint.get("history", "/history", {
      query: {
        limit: Schema.optionalKey(
          Schema.FiniteFromString.check(
            Schema.isInt({ message: "must be a whole number from 1 to 200" }),
            Schema.isBetween({ minimum: 1, maximum: 200 }, { message: "must be a whole number from 1 to 200" }),
          ),
        ),
        cursor: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[\w.:~=-]{1,400}$/))),
      },
      success: Schema.Struct({ items: Schema.Array(Charge), nextCursor: Schema.NullOr(Schema.String) }).annotate({
        identifier: "ChargePage",
      }),
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "The account's charges, newest first"),
    HttpApiEndpoint.get("receipt", "/history/:chargeId/receipt", {
      params: { chargeId: OwnId },
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/html" })),
      error: [BadRequest, NotFound, Unavailable],
    }).annotate(OpenApi.Summary, "The receipt of a charge that succeeded, as a page to print"),
    HttpApiEndpoint.get("receiptPdf", "/history/:chargeId/receipt.pdf", {
      params: { chargeId: OwnId },
      success: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/pdf" })),
      error: [BadRequest, NotFound, Unavailable],
    }).annotate(OpenApi.Summary, "The same receipt as a PDF"),
    HttpApiEndpoint.get("summary", "/summary", {
      query: SummaryQuery,
      success: BillingSummary,
      error: [BadRequest, NotFound, Unavailable],
    }).annotate(OpenApi.Summary, "Balance, plan and totals as the Open Design clients read them"),
    HttpApiEndpoint.get("reviews", "/reviews", {
      success: Schema.Struct({ items: Schema.Array(Review), nextCursor: Schema.Null }),
      error: Unavailable,
    }).annotate(OpenApi.Summary, "The account's billing cases, newest first"),
    HttpApiEndpoint.post("openReview", "/reviews", {
      headers: IdempotencyKey,
      payload: Schema.Struct({ chargeId: OwnId, reason: Reason }),
      success: Review.pipe(HttpApiSchema.status(201)),
      error: [BadRequest, WrongScope, NotFound, ReviewConflict, RequestInProgress, KeyReused, Unavailable],
    }).annotate(OpenApi.Summary, "Report a charge, a duplicate for example: opens a case"),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/billing") {}
