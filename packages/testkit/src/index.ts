/** @credits/testkit: real servers and databases for tests. */
export * from "./nats.ts"
export * from "./random.ts"
export * from "./trace.ts"
export * from "./usage-events.ts"
export * from "./load.ts"
export * from "./postgres.ts"
export * from "./system.ts"
