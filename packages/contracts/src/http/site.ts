/** What the web pages need to know of this server before anybody is signed in. No credential. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"

export const Site = Schema.Struct({
  mode: Schema.Literals(["development", "sandbox", "production"]),
  /** `open`: an e-mail address is enough; `oidc`: at the identity provider; `none`: tokens of an issuer only. */
  signIn: Schema.Literals(["open", "oidc", "none"]),
  /** Which element takes a card. */
  cardForm: Schema.Literals(["sandbox", "stripe"]),
  /** Where a customer asks for what only support does (R4.1). */
  supportUrl: Schema.NullOr(Schema.String),
}).annotate({ identifier: "Site" })
export type Site = typeof Site.Type

export class SiteGroup extends HttpApiGroup.make("site")
  .add(
    HttpApiEndpoint.get("site", "/site", { success: Site }).annotate(
      OpenApi.Summary,
      "How to sign in here, which card form to show, where support is",
    ),
  )
  .prefix("/api/v1/public") {}
