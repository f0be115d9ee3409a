/**
 * @credits/bus: NATS as promises and as Effect services: connect, publish, read in order, ask and answer, buckets,
 * clock.
 */
export * from "./errors.ts"
export * from "./key.ts"
export * from "./connection.ts"
export { tellDefect } from "./guard.ts"
export { onReconnect } from "./link.ts"
export { processName } from "./process-name.ts"
export * from "./publish.ts"
export * from "./ask.ts"
export * from "./border.ts"
export * from "./stream.ts"
export * from "./stored.ts"
export * from "./provision.ts"
export * from "./stream-backup.ts"
export { readMonitor, requireDurable } from "./durability.ts"
export * from "./bucket.ts"
export * from "./clock.ts"
