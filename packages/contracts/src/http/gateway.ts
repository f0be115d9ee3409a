/**
 * What model gateways call (contract section 4): authorize, extend, release, usage. An API key with the gateway scope.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { CREDENTIAL_LENGTH_MAX } from "../callers.ts"
import { GatewayAuth } from "./credentials.ts"
import {
  AuthorizationForbidden,
  BadRequest,
  CallerUnknown,
  Conflict,
  NotFound,
  PaymentRequired,
  Unavailable,
  Unprocessable,
} from "./problem.ts"
import { AccountId, CallerId, IdempotencyKey, InstantText, ModelName, TokenCount, Usd, UsdAmount } from "./scalars.ts"

/** Contract 4: a hold lives at most an hour. */
export const TTL_SECONDS_MAX = 3600
/**
 * A given amount is for trusted gateways and capped (decision 13): the highest monthly cap a customer can set (R9.3).
 */
export const AUTHORIZATION_USD_MAX = "10000.00"

export const Estimate = Schema.Struct({ inputTokens: TokenCount, maxOutputTokens: TokenCount })

export const Authorization = Schema.Struct({
  accountId: AccountId,
  requestId: CallerId,
  model: ModelName,
  estimate: Schema.optionalKey(Estimate),
  amountUsd: Schema.optionalKey(UsdAmount),
  atLeastUsd: Schema.optionalKey(UsdAmount),
  ttlSeconds: Schema.optionalKey(
    Schema.Int.check(
      Schema.isBetween(
        { minimum: 1, maximum: TTL_SECONDS_MAX },
        { message: `must be a whole number from 1 to ${TTL_SECONDS_MAX}` },
      ),
    ),
  ),
}).annotate({ identifier: "Authorization" })
export type Authorization = typeof Authorization.Type

export const Hold = Schema.Struct({
  holdId: Schema.String,
  heldUsd: Usd,
  expiresAt: InstantText,
  availableAfterUsd: Usd,
}).annotate({ identifier: "Hold" })
export type Hold = typeof Hold.Type

export const Extension = Schema.Struct({ amountUsd: UsdAmount }).annotate({ identifier: "Extension" })

export const UsageAccepted = Schema.Struct({
  accepted: Schema.Int,
  rejected: Schema.Array(Schema.Struct({ id: Schema.String, code: Schema.String, detail: Schema.String })),
}).annotate({ identifier: "UsageAccepted" })

export const CallerCredential = Schema.Struct({
  credential: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(CREDENTIAL_LENGTH_MAX)),
}).annotate({ identifier: "CallerCredential" })

export const GatewayCaller = Schema.Struct({ accountId: AccountId }).annotate({ identifier: "GatewayCaller" })

export class GatewayGroup extends HttpApiGroup.make("gateway")
  .add(
    HttpApiEndpoint.post("authorize", "/authorizations", {
      headers: IdempotencyKey,
      payload: Authorization,
      success: Hold.pipe(HttpApiSchema.status(201)),
      error: [BadRequest, PaymentRequired, AuthorizationForbidden, Conflict, Unprocessable, Unavailable],
    }).annotate(OpenApi.Summary, "Hold credit for a call; the same requestId and body get the same answer"),
    HttpApiEndpoint.post("extend", "/authorizations/:holdId/extend", {
      params: { holdId: Schema.String },
      headers: IdempotencyKey,
      payload: Extension,
      success: Hold,
      error: [BadRequest, PaymentRequired, AuthorizationForbidden, NotFound, Conflict, Unprocessable, Unavailable],
    }).annotate(OpenApi.Summary, "Add to an open hold, all or nothing"),
    HttpApiEndpoint.delete("release", "/authorizations/:holdId", {
      params: { holdId: Schema.String },
      success: HttpApiSchema.NoContent,
      error: [NotFound, Conflict, Unavailable],
    }).annotate(OpenApi.Summary, "Release what is left of a hold; a second time changes nothing"),
    HttpApiEndpoint.post("usage", "/usage", {
      payload: [
        Schema.Unknown.pipe(HttpApiSchema.asJson({ contentType: "application/cloudevents+json" })),
        Schema.Unknown.pipe(HttpApiSchema.asJson({ contentType: "application/cloudevents-batch+json" })),
        Schema.Unknown.pipe(HttpApiSchema.asJson({ contentType: "application/json" })),
      ],
      success: UsageAccepted.pipe(HttpApiSchema.status(202)),
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "Report usage as CloudEvents ai.usage.v1; durable before it answers"),
    HttpApiEndpoint.post("callers", "/callers", {
      payload: CallerCredential,
      success: GatewayCaller,
      error: [BadRequest, CallerUnknown, Unavailable],
    }).annotate(OpenApi.Summary, "Whose access token or control key a customer showed the gateway"),
  )
  .prefix("/api/v1/gateway")
  .add(
    // The path that OpenMeter's integrations add to their endpoint.
    HttpApiEndpoint.post("ingest", "/api/v1/events", {
      payload: [
        Schema.Unknown.pipe(HttpApiSchema.asJson({ contentType: "application/cloudevents+json" })),
        Schema.Unknown.pipe(HttpApiSchema.asJson({ contentType: "application/cloudevents-batch+json" })),
        Schema.Unknown.pipe(HttpApiSchema.asJson({ contentType: "application/json" })),
      ],
      success: HttpApiSchema.NoContent,
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "Report usage as the CloudEvents of OpenMeter's integrations; all of it or nothing"),
  )
  .middleware(GatewayAuth) {}
