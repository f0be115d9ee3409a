/**
 * What services report of themselves for operators: `detail.metrics` of their status. The edge renders it on /metrics.
 */

/**
 * Prometheus sample → number, counted since the start: `charges_total{outcome="succeeded"}`. Keys that are no sample,
 * and records of numbers, become `credits_<service>_<path>` by themselves.
 *
 * Those that people watch:
 * - payments: `charges_total{outcome="…"}`, `charges_unknown_oldest_seconds`
 * - topup: `topup_cap_rejections_total`
 * - payments, subscriptions, topup: `cycle_due_backlog_seconds{service="…"}`
 */
export type ServiceMetrics = { readonly [name: string]: number | ServiceMetrics }
