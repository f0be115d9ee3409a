/** @credits/client: what a model gateway installs. `openGateway` for plain promises, `GatewayClient` for Effect. */
export { GatewayClient, type UsageNotAccepted } from "./client.ts"
export * from "./errors.ts"
export {
  Gateway,
  type GatewayOptions,
  type GatewayStats,
  type HttpGatewayOptions,
  type NatsGatewayOptions,
  openGateway,
} from "./gateway.ts"
export { Prices } from "./prices.ts"
export { SpoolInUse, type SpoolOptions, SpoolWriteFailed } from "./spool.ts"
export type { Answer, AuthorizeCall, Caller, Hold, Quote, RejectedEvent, Released } from "./transport.ts"
export type { UsageIntakeOptions } from "./usage-intake.ts"
export type { UsagePublisherOptions } from "./usage-publisher.ts"
