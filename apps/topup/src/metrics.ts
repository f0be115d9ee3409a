/** What auto top-up counts about itself since its start, beside what the saga runtime counts. Plain numbers. */
export interface Metrics {
  /** Top-ups that were due and that the cap alone did not allow (R9.3). */
  capRejections: number
  /** Records added to consent logs. */
  consents: number
  requests: number
  refusals: number
}

export const noMetrics = (): Metrics => ({ capRejections: 0, consents: 0, requests: 0, refusals: 0 })
