/**
 * What a partition worker says of itself: to the clock's quiet rounds, to readiness checks, to `credits doctor`.
 */
import type { ControlAnswer } from "@credits/contracts"
import type { Names } from "./batch.ts"
import type { Counters } from "./deciding.ts"
import type { Partition } from "./partition.ts"
import type { WorkerMetrics } from "./protocol.ts"

export interface StatusFacts extends Pick<ControlAnswer, "ready" | "now" | "ran" | "outboxPending" | "openRequests"> {
  readonly names: Names
  /** Infinity when nothing is due ever. */
  readonly nextDue: number
  readonly detail: Readonly<Record<string, unknown>>
}

export const statusOf = (owned: ReadonlyArray<Partition>, facts: StatusFacts): ControlAnswer => {
  const { names, nextDue, detail, outboxPending, ...rest } = facts
  const journal = owned.reduce((sum, partition) => sum + (partition.seq - partition.journaledSeq), 0)
  const entries = owned.reduce((sum, partition) => sum + partition.seq, 0)
  return {
    ...rest,
    service: names.service,
    nextDue: Number.isFinite(nextDue) ? nextDue : null,
    cursors: { [names.stream]: owned.length === 0 ? 0 : Math.min(...owned.map((partition) => partition.cursor)) },
    outboxPending: journal + outboxPending,
    // The heap of this thread: the actors and what is on its way, without what the main thread and libraries need.
    detail: { owned: owned.length, entries, heapUsedBytes: process.memoryUsage().heapUsed, ...detail },
  }
}

/** Counters and gauges; what the worker alone knows is added by it. */
export const metricsOf = (
  counters: Counters,
  slots: { readonly size: number; readonly dirty: number },
  mailbox: { readonly messages: number; readonly requests: number },
  earliestDue: number,
  now: number,
): Omit<WorkerMetrics, "owned" | "journalPendingBytes" | "brokenAccounts"> => ({
  ...counters,
  commitSeconds: counters.commitSeconds.data,
  commitEntries: counters.commitEntries.data,
  slots: slots.size,
  dirty: slots.dirty,
  queuedCommands: mailbox.messages,
  queuedRequests: mailbox.requests,
  oldestDueMs: Math.max(0, now - earliestDue),
})
