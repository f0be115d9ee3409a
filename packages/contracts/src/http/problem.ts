/**
 * Errors over HTTP: RFC 9457 `application/problem+json` with a stable `code`. Owns the shape, the statuses and which
 * codes a status may carry; the texts of `detail` belong to whoever refuses. `type` is `about:blank`: `code`
 * identifies.
 */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"

export const PROBLEM_CONTENT_TYPE = "application/problem+json"

export const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const
export type ProblemStatus = keyof typeof TITLES

/** A problem as it goes out. `extras` of the builder become further members. */
export interface ProblemBody<Status extends ProblemStatus, Code extends string> {
  readonly type: string
  readonly title: string
  readonly status: Status
  readonly code: Code
  readonly detail: string
}

/** Schema of the problems of one status; the literal status tells the members of an endpoint's error union apart. */
const problem = <
  const Status extends ProblemStatus,
  const Codes extends readonly [string, ...Array<string>],
  Extras extends Schema.Struct.Fields,
>(
  status: Status,
  codes: Codes,
  extras: Extras,
  identifier: string,
) =>
  Schema.Struct({
    type: Schema.String,
    title: Schema.String,
    status: Schema.Literal(status),
    code: Schema.Literals(codes),
    detail: Schema.String,
    ...extras,
  })
    .annotate({ identifier })
    .pipe(HttpApiSchema.status(status), HttpApiSchema.asJson({ contentType: PROBLEM_CONTENT_TYPE }))

/** 400: `field` names the first thing wrong with the request ("" when it is the request as a whole). */
export const BadRequest = problem(
  400,
  ["invalid_request", "malformed_body", "unknown_field"],
  {
    field: Schema.optionalKey(Schema.String),
    errors: Schema.optionalKey(Schema.Array(Schema.Struct({ field: Schema.String, detail: Schema.String }))),
  },
  "BadRequest",
)
export type BadRequest = typeof BadRequest.Type

/** 400 of a webhook that the processor did not sign. */
export const SignatureInvalid = problem(400, ["signature_invalid"], {}, "SignatureInvalid")
export type SignatureInvalid = typeof SignatureInvalid.Type

export const Unauthorized = problem(401, ["auth_required"], {}, "Unauthorized")
export type Unauthorized = typeof Unauthorized.Type

/** 403 of a credential that is good for other endpoints. */
export const WrongScope = problem(403, ["wrong_scope"], {}, "WrongScope")
export type WrongScope = typeof WrongScope.Type

/** 403 of a request that another origin's page sent with the session of its reader; checked before any endpoint. */
export const CrossOrigin = problem(403, ["cross_origin"], {}, "CrossOrigin")
export type CrossOrigin = typeof CrossOrigin.Type

/**
 * 403: the person has to prove anew who they are, at `signInUrl`, a path of this server; then the same request is good.
 * Null: nobody is signed in here; the token's issuer has to be asked for a new one.
 */
export const StepUpRequired = problem(
  403,
  ["step_up_required"],
  { signInUrl: Schema.NullOr(Schema.String) },
  "StepUpRequired",
)
export type StepUpRequired = typeof StepUpRequired.Type

/** 429: too many requests of one kind; nothing was done, and `Retry-After` says when the next one is taken. */
export const RateLimited = problem(429, ["rate_limited"], { retryAfterMs: Schema.Int }, "RateLimited")
export type RateLimited = typeof RateLimited.Type

/** What a customer out of credit can do next (R6.2). */
export const WayOn = Schema.Struct({
  action: Schema.Literals(["upgrade", "auto_top_up", "byok"]),
  detail: Schema.String,
  /** Credit that this way adds now, where it is known. */
  addsUsd: Schema.optionalKey(Schema.String),
  plan: Schema.optionalKey(Schema.String),
})
export type WayOn = typeof WayOn.Type

export const PaymentRequired = problem(
  402,
  ["insufficient_balance", "payment_past_due"],
  {
    availableUsd: Schema.optionalKey(Schema.String),
    waysOn: Schema.Array(WayOn),
  },
  "PaymentRequired",
)
export type PaymentRequired = typeof PaymentRequired.Type

/**
 * 402 of a payment: plan, credit and dates are as they were (R4.5). `payment_action_required`: the customer can still
 * authenticate this charge with `clientSecret` until `expiresAt`.
 */
export const PaymentRefused = problem(
  402,
  ["payment_declined", "payment_action_required"],
  {
    chargeId: Schema.optionalKey(Schema.String),
    clientSecret: Schema.optionalKey(Schema.String),
    expiresAt: Schema.optionalKey(Schema.String),
  },
  "PaymentRefused",
)
export type PaymentRefused = typeof PaymentRefused.Type

export const AuthorizationForbidden = problem(403, ["plan_required", "account_frozen"], {}, "AuthorizationForbidden")
export type AuthorizationForbidden = typeof AuthorizationForbidden.Type

export const NotFound = problem(404, ["not_found", "hold_not_found"], {}, "NotFound")
export type NotFound = typeof NotFound.Type

/** 405: the address is right and answers the methods that `Allow` names; checked before any endpoint. */
export const MethodNotAllowed = problem(405, ["method_not_allowed"], {}, "MethodNotAllowed")
export type MethodNotAllowed = typeof MethodNotAllowed.Type

/** 409: in the way of what is there now; the same request may be sent again later. */
export const Conflict = problem(409, ["request_in_progress", "hold_not_open"], {}, "Conflict")
export type Conflict = typeof Conflict.Type

/** 409: the first request with the same Idempotency-Key still runs. */
export const RequestInProgress = problem(409, ["request_in_progress"], {}, "RequestInProgress")
export type RequestInProgress = typeof RequestInProgress.Type

/** 409: what the subscription is now does not allow it; nothing was charged. */
export const SubscriptionConflict = problem(
  409,
  [
    "quote_expired",
    "quote_stale",
    "payment_method_required",
    "payment_being_confirmed",
    "downgrade_not_available",
    "already_on_plan",
    "not_subscribed",
    "not_canceling",
    "not_past_due",
  ],
  {
    /** payment_being_confirmed: the charge that is being decided. */
    chargeId: Schema.optionalKey(Schema.String),
    /** downgrade_not_available: who can do it instead (R4.1), where an address is configured. */
    supportUrl: Schema.optionalKey(Schema.String),
  },
  "SubscriptionConflict",
)
export type SubscriptionConflict = typeof SubscriptionConflict.Type

/** 409: auto top-up needs a plan with hosted models and a saved payment method (R9.7). */
export const AutoTopUpConflict = problem(409, ["plan_required", "payment_method_required"], {}, "AutoTopUpConflict")
export type AutoTopUpConflict = typeof AutoTopUpConflict.Type

/** 409: the charge has an open case already. */
export const ReviewConflict = problem(409, ["review_exists"], {}, "ReviewConflict")
export type ReviewConflict = typeof ReviewConflict.Type

export const ContentTooLarge = problem(413, ["body_too_large"], { limitBytes: Schema.Int }, "ContentTooLarge")
export type ContentTooLarge = typeof ContentTooLarge.Type

export const UnsupportedMediaType = problem(415, ["unsupported_media_type"], {}, "UnsupportedMediaType")
export type UnsupportedMediaType = typeof UnsupportedMediaType.Type

export const Unprocessable = problem(
  422,
  ["model_unknown", "idempotency_conflict"],
  {
    field: Schema.optionalKey(Schema.String),
  },
  "Unprocessable",
)
export type Unprocessable = typeof Unprocessable.Type

/** 422: the credential that a customer showed the gateway is nobody's. Not 401: the gateway's own key is good. */
export const CallerUnknown = problem(422, ["caller_unknown"], {}, "CallerUnknown")
export type CallerUnknown = typeof CallerUnknown.Type

/** 422: the Idempotency-Key came before with another request. */
export const KeyReused = problem(422, ["idempotency_conflict"], {}, "KeyReused")
export type KeyReused = typeof KeyReused.Type

/** 422: the catalogue has no such plan, or sells it not in this interval. */
export const PlanRefused = problem(
  422,
  ["plan_unknown", "not_sold"],
  { field: Schema.optionalKey(Schema.String) },
  "PlanRefused",
)
export type PlanRefused = typeof PlanRefused.Type

/** 422: the processor does not know the token, or the card cannot be saved. Nothing was changed. */
export const CardRefused = problem(
  422,
  ["setup_token_invalid", "card_refused"],
  { field: Schema.optionalKey(Schema.String) },
  "CardRefused",
)
export type CardRefused = typeof CardRefused.Type

/** 422: what is about money cannot be turned off (R11); `field` names it. Nothing was changed. */
export const PreferenceFixed = problem(422, ["preference_fixed"], { field: Schema.String }, "PreferenceFixed")
export type PreferenceFixed = typeof PreferenceFixed.Type

/** 503: nothing was done; ask again after `Retry-After` seconds with the same body and keys. */
export const Unavailable = problem(
  503,
  ["top_up_in_progress", "renewal_in_progress", "overloaded", "unavailable", "clock_advancing"],
  { retryAfterMs: Schema.optionalKey(Schema.Int) },
  "Unavailable",
)
export type Unavailable = typeof Unavailable.Type

export const InternalError = problem(500, ["internal_error"], {}, "InternalError")
export type InternalError = typeof InternalError.Type

/** Builds a problem value; the extras are checked by the endpoint's error type. */
export const makeProblem = <
  const Status extends ProblemStatus,
  const Code extends string,
  const Extras extends object = {},
>(
  status: Status,
  code: Code,
  detail: string,
  extras?: Extras,
): ProblemBody<Status, Code> & Extras =>
  ({ type: "about:blank", title: TITLES[status], status, code, detail, ...extras }) as ProblemBody<Status, Code> &
    Extras
