/**
 * What payments counts about itself since its start, and what it reads when asked. Plain numbers; `status` shows them.
 */
import type { Finding, PaymentFact } from "@credits/contracts"
import type { SagaMetrics } from "@credits/actor/saga"

export interface Counters {
  /** Kind of charge → outcome → how many were told. */
  readonly charges: Record<string, Record<string, number>>
  /** Facts about methods, by kind. */
  readonly methods: Record<string, number>
}

export const noCounters = (): Counters => ({ charges: {}, methods: {} })

/** Called for every fact that goes out. */
export const countFact = (counters: Counters, { kind, charge }: PaymentFact): void => {
  if (charge === null) {
    counters.methods[kind] = (counters.methods[kind] ?? 0) + 1
    return
  }
  const outcomes = (counters.charges[charge.kind] ??= {})
  const outcome = kind.slice("charge_".length)
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
}

/** Every kind from the start: an alert cannot tell a figure that is missing from one that is 0. */
export const NO_FINDINGS: Readonly<Record<Finding["kind"], number>> = {
  missing_here: 0,
  missing_there: 0,
  amount_mismatch: 0,
  status_mismatch: 0,
  duplicate: 0,
  disputed: 0,
}

/** What an alert needs besides the counters. */
export interface Gauges {
  /** Age of the oldest charge whose outcome nobody knows, seconds of business time; 0: none. */
  readonly oldestUnknownSeconds: number
  /** Charges that wait for their turn. */
  readonly waitingForSlot: number
  /** Charges a person must look at. */
  readonly inReview: number
  /** Since the last genuine webhook, seconds; null: none since the start. */
  readonly webhookAgeSeconds: number | null
  /** Kind → open findings of reconciliation. */
  readonly findings: Readonly<Record<string, number>>
}

export interface Metrics extends Counters, Gauges {
  /** Taken events of the processor, by what became of them. */
  readonly events: Readonly<Record<string, number>>
  readonly polls: number
  readonly sagas: { readonly charge: SagaMetrics; readonly method: SagaMetrics }
}
