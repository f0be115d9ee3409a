/** What pricing counts about itself since its start. Plain numbers: the hot loop adds, `status` shows them. */
import type { DeadLetter } from "@credits/contracts"

export interface Metrics {
  messages: number
  events: number
  charges: number
  chargeMessages: number
  byokRecorded: number
  deadLetters: number
  deadLettersByReason: Record<string, number>
  batches: number
  /** Milliseconds spent rating, waiting for the command stream, and committing. */
  ratingMs: number
  publishingMs: number
  committingMs: number
  /** Batches that had to be published again: the stream was full or the bus away. */
  publishRetries: number
  journalEntries: number
  /** Those of them that the stream did not give and the ledger was asked for (decision 9). */
  journalEntriesAsked: number
  rollupCommits: number
}

export const noMetrics = (): Metrics => ({
  messages: 0,
  events: 0,
  charges: 0,
  chargeMessages: 0,
  byokRecorded: 0,
  deadLetters: 0,
  deadLettersByReason: {},
  batches: 0,
  ratingMs: 0,
  publishingMs: 0,
  committingMs: 0,
  publishRetries: 0,
  journalEntries: 0,
  journalEntriesAsked: 0,
  rollupCommits: 0,
})

export const countLetters = (metrics: Metrics, letters: ReadonlyArray<Pick<DeadLetter, "reason">>): void => {
  metrics.deadLetters += letters.length
  for (const { reason } of letters) {
    metrics.deadLettersByReason[reason] = (metrics.deadLettersByReason[reason] ?? 0) + 1
  }
}
