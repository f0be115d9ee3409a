/** @credits/testkit: real servers and databases for tests. */
export * from "./nats.ts"
