/** @credits/kernel: money, ids, instants, partitions, cycle arithmetic. Pure; depends on nothing of ours. */
export * from "./money.ts"
export * from "./id.ts"
export * from "./api-key.ts"
export * from "./instant.ts"
export * from "./partition.ts"
export * from "./cycle.ts"
