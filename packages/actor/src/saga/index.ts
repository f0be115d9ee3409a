/** @credits/actor/saga: durable state machines, one row an actor (decision 15). */
export * from "./saga.ts"
export * from "./running.ts"
export { sagaMigrations, type SagaTables } from "./migrations.ts"
export { startSagas } from "./start.ts"
export { serviceProcess, type RunningService, type ServiceParts } from "./process.ts"
