/**
 * Who is asking. The account comes only from the credential, never from the request. Owns the two kinds of caller and
 * what each endpoint group requires; how credentials are checked is the edge's.
 */
import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import {
  BadRequest,
  ContentTooLarge,
  InternalError,
  RateLimited,
  Unauthorized,
  Unavailable,
  UnsupportedMediaType,
  WrongScope,
} from "./problem.ts"

export const SESSION_COOKIE = "credits_session"

/** A signed-in customer (JWT, session cookie) or a control key: acts for one account. */
export class Customer extends Context.Service<
  Customer,
  {
    readonly accountId: string
    /** A person signed in; a control key only reads. */
    readonly isPerson: boolean
    /** When the person proved who they are, milliseconds since 1970; null when the credential does not say. */
    readonly authenticatedAt: number | null
  }
>()("edge/Customer") {}

/** A model gateway's API key: acts for the system, names accounts in its requests. */
export class Gateway extends Context.Service<Gateway, { readonly keyId: string }>()("edge/Gateway") {}

const bearer = HttpApiSecurity.bearer.pipe(
  HttpApiSecurity.annotate(OpenApi.Description, "An access token (JWT) or an API key"),
)
const session = HttpApiSecurity.apiKey({ in: "cookie", key: SESSION_COOKIE })

/**
 * The cookie is looked at first and only without an Authorization header, so that the bearer's answer is the last word.
 */
export class CustomerAuth extends HttpApiMiddleware.Service<CustomerAuth, { provides: Customer }>()(
  "edge/CustomerAuth",
  { security: { session, bearer }, error: [Unauthorized, WrongScope, RateLimited, Unavailable] },
) {}

export class GatewayAuth extends HttpApiMiddleware.Service<GatewayAuth, { provides: Gateway }>()("edge/GatewayAuth", {
  security: { bearer },
  error: [Unauthorized, WrongScope, RateLimited, Unavailable],
}) {}

/** The most bytes a body of an endpoint may have; annotated where it is not the contract's 1 MiB. */
export const BodyBytesMax = Context.Reference<number>("edge/BodyBytesMax", { defaultValue: () => 1024 * 1024 })

/** What an account's request costs beside being one: each kind has a budget of its own. */
export type RequestKind = "plain" | "money" | "card_setup"
export const RequestKind = Context.Reference<RequestKind>("edge/RequestKind", { defaultValue: () => "plain" })

/** Around every endpoint: bodies are bounded UTF-8 JSON, schema errors become 400, defects 500, metrics are counted. */
export class Border extends HttpApiMiddleware.Service<Border>()("edge/Border", {
  error: [BadRequest, ContentTooLarge, UnsupportedMediaType, InternalError],
}) {}

/** Refuses outside calls while the business clock is being advanced (development and sandbox). */
export class ClockGate extends HttpApiMiddleware.Service<ClockGate>()("edge/ClockGate", { error: Unavailable }) {}
