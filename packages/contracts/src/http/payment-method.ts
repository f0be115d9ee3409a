/**
 * The account's one saved card. Card numbers never come here (R10.3): the processor's own element takes them and gives
 * a token.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { CustomerAuth, RequestKind } from "./credentials.ts"
import {
  BadRequest,
  CardRefused,
  KeyReused,
  NotFound,
  RequestInProgress,
  StepUpRequired,
  Unavailable,
  WrongScope,
} from "./problem.ts"
import { IdempotencyKey, NoBody } from "./scalars.ts"

export const PaymentMethod = Schema.Struct({
  brand: Schema.String,
  last4: Schema.String,
  expMonth: Schema.Int,
  expYear: Schema.Int,
  /** `blocked`: its bank said never again; only another card helps. */
  status: Schema.Literals(["usable", "blocked", "expired"]),
}).annotate({ identifier: "PaymentMethod" })
export type PaymentMethod = typeof PaymentMethod.Type

export const CardSetup = Schema.Struct({ clientSecret: Schema.String, publishableKey: Schema.String }).annotate({
  identifier: "CardSetup",
})

const SetupToken = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_]{1,255}$/, { message: "must be what the card element returned" }),
)

export class PaymentMethodGroup extends HttpApiGroup.make("paymentMethod")
  .add(
    HttpApiEndpoint.get("show", "/", { success: PaymentMethod, error: [NotFound, Unavailable] }).annotate(
      OpenApi.Summary,
      "The saved card; 404 when there is none",
    ),
    HttpApiEndpoint.post("setup", "/setup", {
      payload: NoBody,
      success: CardSetup,
      error: [BadRequest, WrongScope, StepUpRequired, Unavailable],
    })
      .annotate(OpenApi.Summary, "A secret for the processor's own card element")
      .annotate(RequestKind, "card_setup"),
    HttpApiEndpoint.post("save", "/", {
      headers: IdempotencyKey,
      payload: Schema.Struct({ setupToken: SetupToken }),
      success: PaymentMethod,
      error: [BadRequest, WrongScope, StepUpRequired, RequestInProgress, CardRefused, KeyReused, Unavailable],
    })
      .annotate(OpenApi.Summary, "Save what the card element returned; replaces the card before")
      .annotate(RequestKind, "card_setup"),
    HttpApiEndpoint.delete("remove", "/", {
      success: HttpApiSchema.NoContent,
      error: [WrongScope, Unavailable],
    }).annotate(OpenApi.Summary, "Remove the saved card; without one it changes nothing"),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/payment-method") {}
