/** What subscriptions counts about itself, shown in `status`. Plain numbers since its start. */
import type { SagaMetrics } from "@credits/actor/saga"
import type { SubscriptionFact } from "@credits/contracts"

export interface Counters {
  /** Facts told, by kind: purchases, renewals, failures, ends. */
  readonly facts: Record<string, number>
  /** Requests by operation, and refusals by code. */
  readonly requests: Record<string, number>
  readonly refusals: Record<string, number>
  /** Wallets that were older than the subscription and were read again. */
  walletsReadAgain: number
}

export interface Metrics extends Counters {
  /** Version in force now. */
  readonly catalogue: string | null
  readonly sagas: SagaMetrics
}

export const noCounters = (): Counters => ({ facts: {}, requests: {}, refusals: {}, walletsReadAgain: 0 })

const add = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1
}

export const countFact = (counters: Counters, { kind }: SubscriptionFact): void => add(counters.facts, kind)
export const countRequest = (counters: Counters, op: string): void => add(counters.requests, op)
export const countRefusal = (counters: Counters, code: string): void => add(counters.refusals, code)
