/**
 * Names of what services report: which number of `detail.metrics` is which metric, with its type, unit and meaning.
 * Data only. A number that is not named here goes out under its path; a test keeps the running system free of those.
 */
import type { Family } from "./prometheus-text.ts"

export interface Measure extends Family {
  /** Service first, then the keys below its metrics. `:word` is any key and becomes a label of that name. */
  readonly path: ReadonlyArray<string>
  /** Into the unit of the name; default 1. */
  readonly scale?: number
}

type Kind = Family["type"]
const measure =
  (type: Kind, scale?: number) =>
  (path: string, name: string, help: string): Measure => ({
    path: path.split("."),
    name,
    type,
    help,
    ...(scale !== undefined && { scale }),
  })

const counter = measure("counter")
const gauge = measure("gauge")
const histogram = measure("histogram")
/** Reported in milliseconds; Prometheus' unit of time is the second. */
const secondsCounter = measure("counter", 0.001)
const secondsGauge = measure("gauge", 0.001)

const ledger: ReadonlyArray<Measure> = [
  counter("ledger.commits", "credits_ledger_commits_total", "Group commits written"),
  counter("ledger.entries", "credits_ledger_entries_total", "Ledger entries written"),
  secondsCounter(
    "ledger.commitMs",
    "credits_ledger_commit_busy_seconds_total",
    "Time in commits that callers wait for",
  ),
  histogram("ledger.commitSeconds", "credits_ledger_commit_seconds", "From a batch's first decision to its commit"),
  histogram("ledger.commitEntries", "credits_ledger_commit_entries", "Entries of one commit"),
  counter("ledger.requests", "credits_ledger_requests_total", "Requests decided (authorize, grant, reads …)"),
  counter("ledger.commands", "credits_ledger_commands_total", "Charges taken from the command stream"),
  counter("ledger.duplicates", "credits_ledger_duplicates_total", "Charges that had been applied before (R6.6)"),
  counter("ledger.refusals", "credits_ledger_refusals_total", "Requests refused"),
  counter("ledger.deadLetters", "credits_ledger_dead_letters_total", "Charges set aside for a person"),
  counter(
    "ledger.fenceLosses",
    "credits_ledger_fence_losses_total",
    "Partitions found owned by somebody else at a commit",
  ),
  counter("ledger.snapshots", "credits_ledger_snapshots_total", "Snapshots of accounts written"),
  counter("ledger.dueRan", "credits_ledger_due_entries_total", "Entries of due work: expiries, refills, ends of holds"),
  gauge("ledger.slots", "credits_ledger_accounts_in_memory", "Accounts held in memory"),
  gauge("ledger.dirty", "credits_ledger_snapshots_owed", "Accounts whose snapshot is older than their newest entry"),
  gauge("ledger.queuedCommands", "credits_ledger_queued_messages", "Stream messages delivered and not applied yet"),
  gauge("ledger.queuedRequests", "credits_ledger_queued_requests", "Requests that wait for the next commit"),
  gauge("ledger.requestsUnanswered", "credits_ledger_requests_unanswered", "Requests taken and not answered yet"),
  secondsGauge(
    "ledger.oldestDueMs",
    "credits_ledger_due_overdue_seconds",
    "How long the oldest due work (the end of a hold, of a lot) has been overdue",
  ),
  gauge("ledger.owned", "credits_ledger_partitions_owned", "Partitions owned by the worker, of 64"),
  gauge(
    "ledger.journalPendingBytes",
    "credits_ledger_journal_pending_bytes",
    "Journal committed and not published yet",
  ),
  gauge("ledger.outboxOldestSeconds", "credits_ledger_outbox_oldest_seconds", "Age of the oldest unpublished output"),
  gauge(
    "ledger.brokenAccounts",
    "credits_ledger_imbalance_accounts",
    "Accounts frozen because their books did not close (I1); must be 0",
  ),
  gauge("ledger.holds", "credits_ledger_holds_open", "Holds that are open"),
  secondsGauge(
    "ledger.firstHoldExpiry",
    "credits_ledger_first_hold_expiry_timestamp_seconds",
    "When the first open hold expires, business time; absent while none is open",
  ),
  gauge("ledger.freeSpaceBytes", "credits_ledger_free_space_bytes", "Free on the volume of the ledger's data folder"),
  gauge("ledger.intakeStopped", "credits_ledger_intake_stopped", "1: nothing new is promised, for want of free space"),
]

const pricing: ReadonlyArray<Measure> = [
  counter("pricing.messages", "credits_pricing_messages_total", "Usage messages rated"),
  counter("pricing.events", "credits_pricing_events_total", "Usage events seen"),
  counter("pricing.charges", "credits_pricing_charges_total", "Charges published to the ledger"),
  counter("pricing.chargeMessages", "credits_pricing_charge_messages_total", "Messages these charges went in"),
  counter("pricing.byokRecorded", "credits_pricing_byok_recorded_total", "Calls with the customer's own key recorded"),
  counter("pricing.deadLetters", "credits_pricing_dead_letters_total", "Usage events set aside for a person"),
  counter("pricing.batches", "credits_pricing_batches_total", "Batches rated"),
  secondsCounter("pricing.ratingMs", "credits_pricing_rating_seconds_total", "Time spent rating"),
  secondsCounter("pricing.publishingMs", "credits_pricing_publishing_seconds_total", "Time until charges were stored"),
  secondsCounter(
    "pricing.committingMs",
    "credits_pricing_committing_seconds_total",
    "Time until cursors were committed",
  ),
  counter("pricing.publishRetries", "credits_pricing_retries_total", "Publications and commits tried again"),
  counter("pricing.journalEntries", "credits_pricing_journal_entries_total", "Journal entries rolled up"),
  counter(
    "pricing.journalEntriesAsked",
    "credits_pricing_journal_entries_asked_total",
    "Journal entries the stream did not give and the ledger was asked for",
  ),
  counter("pricing.rollupCommits", "credits_pricing_rollup_commits_total", "Commits of usage rollups"),
  gauge("pricing.freeSpaceBytes", "credits_pricing_free_space_bytes", "Free on the volume of pricing's data folder"),
  gauge("pricing.intakeStopped", "credits_pricing_intake_stopped", "1: no usage is rated, for want of free space"),
]

const payments: ReadonlyArray<Measure> = [
  counter(
    "payments.charges.:kind.:outcome",
    "charges_total",
    "Charges by what for and outcome, since payments started",
  ),
  gauge(
    "payments.oldestUnknownSeconds",
    "charges_unknown_oldest_seconds",
    "Age of the oldest charge whose outcome nobody knows",
  ),
  gauge("payments.findings.:kind", "recon_findings", "Open differences between the card processor and our books"),
  gauge("payments.webhookAgeSeconds", "webhook_age_seconds", "Since the last genuine webhook of the card processor"),
  gauge("payments.waitingForSlot", "credits_payments_waiting_for_slot", "Charges that wait for their turn"),
  gauge("payments.inReview", "credits_payments_in_review", "Charges a person must look at"),
  counter("payments.methods.:kind", "credits_payments_methods_total", "Facts about saved cards by kind"),
  counter(
    "payments.events.:outcome",
    "credits_payments_events_total",
    "Events of the processor by what became of them",
  ),
  counter("payments.polls", "credits_payments_polls_total", "Looks for events of the processor"),
]

const subscriptions: ReadonlyArray<Measure> = [
  counter(
    "subscriptions.facts.:kind",
    "credits_subscriptions_facts_total",
    "Purchases, renewals, failures, ends by kind",
  ),
  counter("subscriptions.requests.:op", "credits_subscriptions_requests_total", "Requests by operation"),
  counter("subscriptions.refusals.:code", "credits_subscriptions_refusals_total", "Refusals by code"),
  counter(
    "subscriptions.walletsReadAgain",
    "credits_subscriptions_wallets_read_again_total",
    "Wallets older than the subscription, read again",
  ),
]

const topup: ReadonlyArray<Measure> = [
  counter(
    "topup.capRejections",
    "topup_cap_rejections_total",
    "Top-ups that were due and that the monthly cap did not allow",
  ),
  counter("topup.consents", "credits_topup_consents_total", "Records added to consent logs"),
  counter("topup.requests", "credits_topup_requests_total", "Requests answered"),
  counter("topup.refusals", "credits_topup_refusals_total", "Requests refused"),
]

const notifications: ReadonlyArray<Measure> = [
  counter("notifications.written", "credits_notifications_written_total", "Notifications written"),
  counter("notifications.repeated", "credits_notifications_repeated_total", "Causes that had been told before"),
  counter("notifications.mails.:outcome", "credits_notifications_mails_total", "Attempts at mails by outcome"),
  counter("notifications.webhooks.:outcome", "credits_notifications_webhooks_total", "Attempts at webhooks by outcome"),
  counter("notifications.endpointsDisabled", "credits_notifications_endpoints_disabled_total", "Endpoints given up"),
  counter("notifications.requests", "credits_notifications_requests_total", "Requests answered"),
  counter("notifications.refusals", "credits_notifications_refusals_total", "Requests refused"),
  gauge("notifications.mailsWaiting", "credits_notifications_mails_waiting", "Mails that wait to be sent"),
  gauge("notifications.sendsUnderWay", "credits_notifications_sends_under_way", "Mails and webhooks being sent now"),
]

/** The saga runtime of a service, alone or one of several machines. */
const sagas: ReadonlyArray<Measure> = [":service", ":service.sagas", ":service.sagas.:machine"].flatMap((at) => [
  counter(`${at}.commits`, "credits_saga_commits_total", "Group commits of sagas"),
  secondsCounter(`${at}.commitMs`, "credits_saga_commit_seconds_total", "Time in these commits"),
  counter(`${at}.decisions.:input`, "credits_saga_decisions_total", "Decisions by what was decided on"),
  counter(`${at}.defects`, "credits_saga_defects_total", "Decisions that could not be made: a defect of ours"),
  counter(`${at}.stepsDone`, "credits_saga_steps_total", "Steps that came to an outcome"),
  counter(`${at}.stepRetries`, "credits_saga_step_retries_total", "Attempts at steps that gave no outcome"),
  gauge(`${at}.stepsRunning`, "credits_saga_steps_running", "Steps under way"),
  counter(`${at}.dueRan`, "credits_saga_due_total", "Pieces of due work run"),
  counter(`${at}.factsPublished`, "credits_saga_facts_total", "Facts published"),
  gauge(`${at}.factsPending`, "credits_saga_facts_pending", "Facts committed and not published yet"),
  gauge(`${at}.outboxOldestSeconds`, "credits_saga_outbox_oldest_seconds", "Age of the oldest unpublished fact"),
  gauge(`${at}.phases.:drawing.:phase`, "credits_saga_rows", "Rows by the phase they are in"),
  secondsGauge(`${at}.dueBacklogMs`, "credits_saga_due_backlog_seconds", "How long the oldest due work has waited"),
  counter(
    `${at}.deadLettersByReason.:reason`,
    "dead_letters_total",
    "Dead letters written, by service and reason, since the service started",
  ),
])

const everyService: ReadonlyArray<Measure> = [
  counter(":service.tracing.spansExported", "credits_trace_spans_exported_total", "Spans a collector has taken"),
  counter(":service.tracing.spansDropped", "credits_trace_spans_dropped_total", "Spans dropped for want of room"),
  gauge(":service.tracing.spansQueued", "credits_trace_spans_queued", "Spans that wait for the collector"),
  counter(":service.tracing.exportFailures", "credits_trace_export_failures_total", "Requests the collector failed"),
]

/** The first that fits names the number. */
export const MEASURES: ReadonlyArray<Measure> = [
  ...ledger,
  ...pricing,
  ...payments,
  ...subscriptions,
  ...topup,
  ...notifications,
  ...sagas,
  ...everyService,
]
