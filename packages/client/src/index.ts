/** @credits/client: what a model gateway installs. `openGateway` for plain promises, `GatewayClient` for Effect. */
export { GatewayClient, type UsageNotAccepted } from "./client.ts"
export * from "./errors.ts"
export {
  type Answer,
  type AuthorizeCall,
  Gateway,
  type GatewayOptions,
  type GatewayStats,
  type Hold,
  openGateway,
} from "./gateway.ts"
export { Prices, type Quote } from "./prices.ts"
export { SpoolInUse, type SpoolOptions, SpoolWriteFailed } from "./spool.ts"
export type { UsageIntakeOptions } from "./usage-intake.ts"
export type { UsagePublisherOptions } from "./usage-publisher.ts"
