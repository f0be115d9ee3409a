/**
 * The edge as layers: services, endpoints, routes, HTTP server. Development and sandbox serve `Api`; production serves
 * the same without the development group. Tests build the same layers with their own settings.
 */
import { createServer } from "node:http"
import { BusinessClock } from "@credits/bus"
import { Api, ProductionApi } from "@credits/contracts/http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Duration, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiBuilder, HttpApiScalar } from "effect/http-api"
import { AdvancingClock } from "./advancing-clock.ts"
import { AllowedMethods, notedRouter } from "./allowed-methods.ts"
import { Notifications, Payments, Subscriptions, Topup } from "./asking.ts"
import { Credentials, customerAuthLayer, gatewayAuthLayer } from "./auth.ts"
import { autoTopUpEndpoints } from "./auto-top-up-endpoints.ts"
import { billingEndpoints } from "./billing-endpoints.ts"
import { borderLayer, clockGateLayer } from "./border.ts"
import { callerBorder } from "./caller-border.ts"
import { catalogueEndpoints } from "./catalogue-endpoints.ts"
import { EdgeConfig } from "./config.ts"
import { controlKeyEndpoints } from "./control-key-endpoints.ts"
import { developmentEndpoints } from "./development-endpoints.ts"
import { Draining } from "./draining.ts"
import { gatewayEndpoints } from "./gateway-endpoints.ts"
import { gatewayKeyBorder } from "./gateway-key-border.ts"
import { GivenUp } from "./given-up.ts"
import { Idempotency } from "./idempotency.ts"
import { IntakeRoom } from "./intake-room.ts"
import { Ledger } from "./ledger.ts"
import { EdgeMetrics } from "./metrics.ts"
import { NatsMonitor } from "./nats-monitor.ts"
import { notificationEndpoints } from "./notification-endpoints.ts"
import { NotificationFeed } from "./notification-feed.ts"
import { Contacts } from "./notifications.ts"
import { operationsLayer } from "./operations.ts"
import { pagesLayer } from "./pages.ts"
import { outerLayer } from "./outer.ts"
import { paymentMethodEndpoints } from "./payment-method-endpoints.ts"
import { PriceBooks } from "./price-books.ts"
import { Pricing } from "./pricing.ts"
import { RateLimits } from "./rate-limits.ts"
import { sandboxEndpoints } from "./sandbox-endpoints.ts"
import { SandboxProcessor } from "./sandbox-processor.ts"
import { ServiceStatuses } from "./service-statuses.ts"
import { EdgeStore } from "./store.ts"
import { siteEndpoints } from "./site-endpoints.ts"
import { IdentityProvider } from "./identity-provider.ts"
import { sessionEndpoints } from "./session-endpoints.ts"
import { Sessions } from "./sessions.ts"
import { signInRoutes } from "./sign-in-routes.ts"
import { StepUp } from "./step-up.ts"
import { subscriptionEndpoints } from "./subscription-endpoints.ts"
import { SubscriptionFeed } from "./subscription-feed.ts"
import { Tokens } from "./tokens.ts"
import { Upgrades } from "./upgrades.ts"
import { walletEndpoints } from "./wallet-endpoints.ts"
import { WalletFeed } from "./wallet-feed.ts"
import { webhookEndpoints } from "./webhook-endpoints.ts"

/** Time that requests under way get at the end; event streams are cut. */
const SHUTDOWN = Duration.seconds(2)

const middlewares = Layer.mergeAll(customerAuthLayer, gatewayAuthLayer, borderLayer, clockGateLayer)

const endpoints = Layer.mergeAll(
  siteEndpoints,
  catalogueEndpoints,
  walletEndpoints,
  controlKeyEndpoints,
  autoTopUpEndpoints,
  paymentMethodEndpoints,
  subscriptionEndpoints,
  billingEndpoints,
  notificationEndpoints,
  webhookEndpoints,
  gatewayEndpoints,
  sessionEndpoints,
)

const developmentRoutes = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide(
      Layer.mergeAll(endpoints, developmentEndpoints, sandboxEndpoints.pipe(Layer.provide(SandboxProcessor.layer))),
    ),
  ),
  HttpApiScalar.layer(Api, { path: "/docs" }),
)
const productionRoutes = Layer.mergeAll(
  HttpApiBuilder.layer(ProductionApi, { openapiPath: "/openapi.json" }).pipe(Layer.provide(endpoints)),
  HttpApiScalar.layer(ProductionApi, { path: "/docs" }),
)

const clockLayer = Layer.unwrap(Effect.map(EdgeConfig, (config) => BusinessClock.layer(config.mode)))

/** Everything behind the endpoints; needs EdgeConfig and Bus. */
const services = Layer.mergeAll(
  Credentials.layer,
  IdentityProvider.layer,
  Idempotency.layer,
  StepUp.layer,
  Upgrades.layer,
  WalletFeed.layer,
).pipe(
  Layer.provideMerge(Layer.mergeAll(SubscriptionFeed.layer, NotificationFeed.layer, Contacts.layer)),
  Layer.provideMerge(
    Layer.mergeAll(
      Ledger.layer,
      Pricing.layer,
      Payments.layer,
      Subscriptions.layer,
      Topup.layer,
      Notifications.layer,
      PriceBooks.layer,
      AdvancingClock.layer,
      ServiceStatuses.layer,
      NatsMonitor.layer,
      GivenUp.layer,
      IntakeRoom.layer,
    ),
  ),
  Layer.provideMerge(Layer.mergeAll(Sessions.layer, RateLimits.layer)),
  Layer.provideMerge(Layer.mergeAll(EdgeMetrics.layer, EdgeStore.layer, Tokens.layer, clockLayer)),
)

/** The HTTP server. Requires EdgeConfig and Bus. */
export const edgeLayer = Layer.unwrap(
  Effect.map(EdgeConfig, (config) => {
    const routes = config.mode === "production" ? productionRoutes : developmentRoutes
    const all = Layer.mergeAll(
      routes.pipe(Layer.provide(middlewares)),
      operationsLayer,
      signInRoutes,
      pagesLayer,
      gatewayKeyBorder,
      callerBorder,
      outerLayer,
    ).pipe(Layer.provide(notedRouter), Layer.provide(AllowedMethods.layer))
    return HttpRouter.serve(all, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(createServer, {
          host: config.host,
          port: config.port,
          gracefulShutdownTimeout: SHUTDOWN,
        }),
      ),
    )
  }),
).pipe(Layer.provide(services), Layer.provideMerge(Draining.layer))
