/**
 * @credits/contracts: every message, subject, stream and HTTP schema that crosses a process. Nothing here runs a
 * service.
 */
export * from "./subjects.ts"
export * from "./charge.ts"
export * from "./ledger.ts"
export * from "./journal.ts"
export * from "./usage.ts"
export * from "./pricing.ts"
export * from "./payments.ts"
export * from "./subscriptions.ts"
export * from "./topup.ts"
export * from "./notifications.ts"
export * from "./permissions.ts"
export * from "./backup.ts"
export * from "./gateway-keys.ts"
export * from "./callers.ts"
