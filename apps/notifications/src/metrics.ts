/** What notifications counts about itself since its start, beside what the saga runtime counts. Plain numbers. */
export interface Metrics {
  /** Notifications written; causes that had been told before. */
  written: number
  repeated: number
  /** Attempts by what came of them. */
  readonly mails: { sent: number; failed: number; refused: number }
  readonly webhooks: { sent: number; failed: number; refused: number }
  endpointsDisabled: number
  requests: number
  refusals: number
}

export const noMetrics = (): Metrics => ({
  written: 0,
  repeated: 0,
  mails: { sent: 0, failed: 0, refused: 0 },
  webhooks: { sent: 0, failed: 0, refused: 0 },
  endpointsDisabled: 0,
  requests: 0,
  refusals: 0,
})
