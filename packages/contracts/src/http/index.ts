/**
 * @credits/contracts/http: the HTTP API as a contract, without a server. A subpath of its own so that workers that
 * speak only NATS do not load effect/http-api.
 */
import { HttpApi, OpenApi } from "effect/http-api"
import { AutoTopUpGroup } from "./auto-top-up.ts"
import { BillingGroup } from "./billing.ts"
import { CatalogueGroup } from "./catalogue.ts"
import { ControlKeyGroup } from "./control-keys.ts"
import { Border, ClockGate } from "./credentials.ts"
import { DevelopmentGroup } from "./development.ts"
import { GatewayGroup } from "./gateway.ts"
import { NotificationGroupApi } from "./notifications.ts"
import { PaymentMethodGroup } from "./payment-method.ts"
import { SandboxGroup } from "./sandbox.ts"
import { SiteGroup } from "./site.ts"
import { SessionGroup } from "./session.ts"
import { SubscriptionGroup } from "./subscription.ts"
import { WalletGroup } from "./wallet.ts"
import { WebhookGroup } from "./webhooks.ts"

export * from "./problem.ts"
export * from "./scalars.ts"
export * from "./credentials.ts"
export * from "./catalogue.ts"
export * from "./wallet.ts"
export * from "./gateway.ts"
export * from "./control-keys.ts"
export * from "../consent.ts"
export * from "./auto-top-up.ts"
export * from "./payment-method.ts"
export * from "./subscription.ts"
export * from "./billing-summary.ts"
export * from "./billing.ts"
export * from "./session.ts"
export * from "./notifications.ts"
export * from "./webhooks.ts"
export * from "./sandbox.ts"
export * from "./site.ts"
export * from "./development.ts"

const about = OpenApi.annotations({
  title: "Open Design Credits",
  version: "1.0.0",
  description:
    "Meters, charges and protects the money of people who use hosted AI models. Amounts are USD decimal strings, " +
    "instants ISO 8601 UTC. Errors are RFC 9457 problems; `code` is the stable part.",
  license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
})

/** Unknown fields of bodies and query strings are refused by name; headers are not ours to judge. */
const strict = { onExcessProperty: "error", errors: "all" } as const

/** What every mode serves. */
export class ProductionApi extends HttpApi.make("edge")
  .add(
    SiteGroup,
    CatalogueGroup.middleware(ClockGate),
    WalletGroup.middleware(ClockGate),
    ControlKeyGroup.middleware(ClockGate),
    AutoTopUpGroup.middleware(ClockGate),
    PaymentMethodGroup.middleware(ClockGate),
    SubscriptionGroup.middleware(ClockGate),
    BillingGroup.middleware(ClockGate),
    NotificationGroupApi.middleware(ClockGate),
    GatewayGroup.middleware(ClockGate),
    // The processor's news of what falls due while the clock is moved belong to that move.
    WebhookGroup,
    // Who is signed in is a matter of real time.
    SessionGroup,
  )
  .middleware(Border)
  .annotateMerge(about)
  .annotate(HttpApi.PayloadParseOptions, strict)
  .annotate(HttpApi.QueryParseOptions, strict) {}

/** Development and sandbox: the same and the development group. */
export class Api extends HttpApi.make("edge")
  .add(
    SiteGroup,
    CatalogueGroup.middleware(ClockGate),
    WalletGroup.middleware(ClockGate),
    ControlKeyGroup.middleware(ClockGate),
    AutoTopUpGroup.middleware(ClockGate),
    PaymentMethodGroup.middleware(ClockGate),
    SubscriptionGroup.middleware(ClockGate),
    BillingGroup.middleware(ClockGate),
    NotificationGroupApi.middleware(ClockGate),
    GatewayGroup.middleware(ClockGate),
    // The processor's news of what falls due while the clock is moved belong to that move.
    WebhookGroup,
    // Who is signed in is a matter of real time.
    SessionGroup,
    DevelopmentGroup,
    SandboxGroup.middleware(ClockGate),
  )
  .middleware(Border)
  .annotateMerge(about)
  .annotate(HttpApi.PayloadParseOptions, strict)
  .annotate(HttpApi.QueryParseOptions, strict) {}
