/**
 * The subscription over HTTP (R2–R5): what it is, what a plan would cost now, buying it for exactly that, cancel,
 * resume, and paying when a renewal failed.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { CustomerAuth, RequestKind } from "./credentials.ts"
import {
  BadRequest,
  KeyReused,
  NotFound,
  PaymentRefused,
  PlanRefused,
  RequestInProgress,
  SubscriptionConflict,
  Unavailable,
  WrongScope,
} from "./problem.ts"
import { IdempotencyKey, InstantText, NoBody, OwnId, Usd } from "./scalars.ts"

export const IntervalName = Schema.Literals(["monthly", "yearly"])
const Moment = Schema.NullOr(InstantText)

export const Subscription = Schema.Struct({
  /** "free" without a plan. */
  plan: Schema.String,
  interval: Schema.NullOr(IntervalName),
  status: Schema.Literals(["free", "active", "past_due", "canceling"]),
  /** Given by support: access without credit and without a charge. */
  complimentary: Schema.Boolean,
  currentPeriodStart: Moment,
  currentPeriodEnd: Moment,
  cycleStart: Moment,
  cycleEnd: Moment,
  cancelAtPeriodEnd: Schema.Boolean,
  renewal: Schema.NullOr(Schema.Struct({ at: InstantText, amountUsd: Usd })),
  pendingChange: Schema.NullOr(
    Schema.Struct({ plan: Schema.String, interval: IntervalName, effectiveAt: InstantText }),
  ),
  /** A payment that is not decided: nothing else can be bought until it is (R4.6). */
  pendingPayment: Schema.NullOr(
    Schema.Struct({
      chargeId: Schema.NullOr(Schema.String),
      status: Schema.Literals(["processing", "being_confirmed", "action_required"]),
      amountUsd: Usd,
      since: InstantText,
      /** action_required: for the processor's own element. */
      clientSecret: Schema.NullOr(Schema.String),
    }),
  ),
  pastDue: Schema.NullOr(
    Schema.Struct({ amountUsd: Usd, nextAttemptAt: Moment, endsAt: InstantText, reason: Schema.String }),
  ),
  /** R3.2. */
  firstMonthOfferEligible: Schema.Boolean,
  /** An upgrade that adds credit now, and how much. */
  upgrade: Schema.NullOr(Schema.Struct({ plan: Schema.String, interval: IntervalName, addsUsd: Usd })),
  asOf: InstantText,
}).annotate({ identifier: "Subscription" })
export type Subscription = typeof Subscription.Type

export const QuoteRequest = Schema.Struct({
  plan: Schema.String.check(Schema.isPattern(/^[a-z0-9_-]{1,40}$/, { message: "must be the id of a plan" })),
  interval: IntervalName,
}).annotate({ identifier: "QuoteRequest" })

/** `lines` add up to `dueTodayUsd`; a negative one is credited. Credit lines are exact as of `quotedAt` (R4.4). */
export const Quote = Schema.Struct({
  quoteId: Schema.String,
  quotedAt: InstantText,
  expiresAt: InstantText,
  action: Schema.Literals(["new", "upgrade"]),
  plan: Schema.String,
  interval: IntervalName,
  catalogueVersion: Schema.String,
  lines: Schema.Array(Schema.Struct({ label: Schema.String, amountUsd: Usd })),
  dueTodayUsd: Usd,
  newGrantUsd: Usd,
  revokedUsd: Usd,
  alreadyUsedUsd: Usd,
  availableAfterUsd: Usd,
  nextChargeAt: InstantText,
  nextChargeUsd: Usd,
  notes: Schema.Array(Schema.String),
}).annotate({ identifier: "Quote" })
export type Quote = typeof Quote.Type

/** 202: the money is not decided yet; `GET /api/v1/subscription` shows it as `pendingPayment` until it is. */
export const BeingConfirmed = Schema.Struct({
  code: Schema.Literal("payment_being_confirmed"),
  chargeId: Schema.NullOr(Schema.String),
})
  .annotate({ identifier: "BeingConfirmed" })
  .pipe(HttpApiSchema.status(202))
export type BeingConfirmed = typeof BeingConfirmed.Type

const changing = {
  headers: IdempotencyKey,
  payload: NoBody,
  success: Subscription,
  error: [BadRequest, WrongScope, SubscriptionConflict, RequestInProgress, KeyReused, Unavailable],
} as const

export class SubscriptionGroup extends HttpApiGroup.make("subscription")
  .add(
    HttpApiEndpoint.get("show", "/", { success: Subscription, error: Unavailable }).annotate(
      OpenApi.Summary,
      "The subscription: plan, dates, what is pending",
    ),
    HttpApiEndpoint.post("quote", "/quote", {
      headers: IdempotencyKey,
      payload: QuoteRequest,
      success: Quote,
      error: [BadRequest, WrongScope, SubscriptionConflict, RequestInProgress, KeyReused, PlanRefused, Unavailable],
    }).annotate(OpenApi.Summary, "What a plan costs and gives now; good for 10 minutes"),
    HttpApiEndpoint.post("confirm", "/confirm", {
      headers: IdempotencyKey,
      payload: Schema.Struct({ quoteId: OwnId }),
      success: [Subscription, BeingConfirmed],
      error: [
        BadRequest,
        PaymentRefused,
        WrongScope,
        NotFound,
        SubscriptionConflict,
        RequestInProgress,
        KeyReused,
        Unavailable,
      ],
    })
      .annotate(OpenApi.Summary, "Buy what was quoted, for what was quoted; a repeat gets the first one's result")
      .annotate(RequestKind, "money"),
    HttpApiEndpoint.post("cancel", "/cancel", changing).annotate(
      OpenApi.Summary,
      "Stop the renewal; what was paid for stays to its end",
    ),
    HttpApiEndpoint.post("resume", "/resume", changing).annotate(OpenApi.Summary, "Undo a cancel before its end"),
    HttpApiEndpoint.post("pay", "/pay", {
      ...changing,
      success: [Subscription, BeingConfirmed],
      error: [...changing.error, PaymentRefused],
    })
      .annotate(OpenApi.Summary, "Past due: try the saved card again now")
      .annotate(RequestKind, "money"),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/subscription") {}
