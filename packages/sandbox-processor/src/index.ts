/** What the package offers: a stand-in card processor that speaks Stripe's wire. */
export { startSandboxProcessor, type SandboxOptions, type SandboxProcessor } from "./server.ts"
export type { Book } from "./control.ts"
export type { BookEntry } from "./object.ts"
export type { FaultCount, FaultPlan, FaultRule, RequestFault, WebhookFault } from "./fault.ts"
export type { WebhookTarget } from "./webhook.ts"
export { KEY_LIFE_MS } from "./idempotency.ts"
