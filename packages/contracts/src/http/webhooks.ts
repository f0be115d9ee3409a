/** Where the card processor tells what happened. No credential: payments checks its signature over the raw body. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BodyBytesMax } from "./credentials.ts"
import { BadRequest, SignatureInvalid, Unavailable } from "./problem.ts"

/** Events of one object with what it points at; the largest of the processor's own examples is a tenth of this. */
export const WEBHOOK_BYTES_MAX = 256 * 1024

export class WebhookGroup extends HttpApiGroup.make("webhooks")
  .add(
    HttpApiEndpoint.post("stripe", "/stripe", {
      headers: { "stripe-signature": Schema.optionalKey(Schema.String.check(Schema.isMaxLength(4096))) },
      payload: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/json" })),
      success: Schema.Struct({ received: Schema.Literal(true) }),
      error: [BadRequest, SignatureInvalid, Unavailable],
    })
      .annotate(BodyBytesMax, WEBHOOK_BYTES_MAX)
      .annotate(OpenApi.Summary, "An event of the card processor, signed; stored before it answers"),
  )
  .prefix("/api/v1/webhooks") {}
