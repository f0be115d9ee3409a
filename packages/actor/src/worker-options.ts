/** What a service gives to the partition worker of its thread. */
import type { MessagePort } from "node:worker_threads"
import type { AnyMachine, Names } from "./batch.ts"
import type { ActorStore } from "./rows.ts"

export interface WorkerOptions<State> {
  readonly machine: AnyMachine<State>
  readonly names: Names
  readonly store: ActorStore
  readonly owner: string
  readonly partitions: ReadonlyArray<number>
  readonly port: MessagePort
  readonly leaseMs?: number
  /** How long an actor stays awake that nobody uses; default: a minute. */
  readonly restAfterSeconds?: number
}
