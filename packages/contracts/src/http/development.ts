/** Development and sandbox only: signing in without a password, a gateway key for the asking, the business clock. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { BadRequest, Unavailable } from "./problem.ts"
import { Count, InstantParameter, InstantText, NoBody } from "./scalars.ts"

const Email = Schema.String.check(
  Schema.isPattern(/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,189}$/u, { message: "must be an e-mail address" }),
)

export const SignedIn = Schema.Struct({
  accountId: Schema.String,
  accessToken: Schema.String,
  expiresAt: InstantText,
}).annotate({ identifier: "SignedIn" })

/** ISO 8601 durations of whole units: P1M, P1Y2M3DT4H5M6S, P2W. Months are calendar months from now (R2.1). */
export const DurationText = Schema.String.check(
  Schema.isPattern(
    /^P(?=\d|T\d)(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,5}D)?(T(?=\d)(\d{1,6}H)?(\d{1,6}M)?(\d{1,9}S)?)?$/,
    {
      message: "must be an ISO 8601 duration such as P1M or PT36H",
    },
  ),
)

export class DevelopmentGroup extends HttpApiGroup.make("development")
  .add(
    HttpApiEndpoint.post("signIn", "/sign-in", {
      payload: Schema.Struct({ email: Email }),
      success: SignedIn,
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "Sign in with an e-mail address; the same address gets the same account"),
    HttpApiEndpoint.post("gatewayKey", "/gateway-key", {
      payload: NoBody,
      success: Schema.Struct({ key: Schema.String }),
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "An API key with the gateway scope, shown once"),
    HttpApiEndpoint.get("clock", "/clock", {
      success: Schema.Struct({ now: InstantText, advancing: Schema.Boolean }),
      error: Unavailable,
    }).annotate(OpenApi.Summary, "The business clock"),
    HttpApiEndpoint.post("advance", "/clock/advance", {
      payload: Schema.Struct({
        by: Schema.optionalKey(DurationText),
        to: Schema.optionalKey(InstantParameter),
      }),
      success: Schema.Struct({ now: InstantText, ran: Count }),
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "Move the clock forward; answers after all work that fell due has run (R12.1)"),
  )
  .prefix("/api/v1/dev") {}
