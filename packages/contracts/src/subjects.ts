/**
 * Every NATS subject, stream, bucket and header, and who may use which. The one place that names what crosses the bus.
 * docs/reference/subjects.md is generated from this file.
 */
import { PARTITIONS } from "@credits/kernel"

/** Raised when a message shape changes; a service refuses a newer one (decision 21). */
export const MESSAGE_VERSION = 1

export const HEADERS = {
  /** Message schema version, decimal. */
  version: "Credits-Version",
  /** `<partition>.<seq>` of a journal or signal message: repeats have the same one. */
  id: "Credits-Id",
  trace: "traceparent",
  /** The letter that this message is sent again for (`credits dlq redrive`). */
  redrive: "Credits-Redrive",
  /** `<run>:<seq>` of the message that this one is a copy of (`credits stream replay`). */
  replay: "Credits-Replay",
  /** JetStream's own: the same within two minutes is stored once. */
  messageId: "Nats-Msg-Id",
} as const

export const SUBJECTS = {
  /** Durable usage batches: a JSON array of CloudEvents `ai.usage.v1` (≤ 500 events of any accounts, ≤ 512 KiB). */
  usage: "usage.events",
  /** Commands to a partition of the ledger, durable: charge arrays from pricing. */
  ledgerCommand: (partition: number) => `ledger.command.${partition}`,
  /** Synchronous requests to the owner of a partition (core NATS, no queue group). */
  ledgerRequest: (partition: number) => `ledger.request.${partition}`,
  /** The same owner, but only authorize, extend and release: what a gateway's bus user may send (decision 20). */
  ledgerGateway: (partition: number) => `ledger.gateway.${partition}`,
  /** Requests to the ledger as a whole: `status`, `clock`. */
  ledgerControl: "ledger.control",
  /** What a reader of the journal that misses something asks, from its position (decision 9). */
  ledgerHistory: "ledger.history",
  ledgerJournal: (partition: number) => `ledger.journal.${partition}`,
  ledgerSignal: (partition: number) => `ledger.signal.${partition}`,
  ledgerTick: (partition: number) => `ledger.tick.${partition}`,
  /** An edge says every 5 s that it wants ticks; without it none are sent for 15 s. */
  ledgerTickInterest: "ledger.tick-interest",
  /** Requests to pricing: `pricing.request.<op>`. */
  pricingRequest: (op: string) => `pricing.request.${op}`,
  /** `status` and `clock` of pricing. */
  pricingControl: "pricing.control",
  /** Requests to payments, subscriptions, auto top-up and notifications: `<service>.request.<op>`. */
  paymentsRequest: (op: string) => `payments.request.${op}`,
  subscriptionsRequest: (op: string) => `subscriptions.request.${op}`,
  topupRequest: (op: string) => `topup.request.${op}`,
  notificationsRequest: (op: string) => `notifications.request.${op}`,
  /** `status` and `clock` of each. */
  paymentsControl: "payments.control",
  subscriptionsControl: "subscriptions.control",
  topupControl: "topup.control",
  notificationsControl: "notifications.control",
  /** What happened, for whoever must act on it. */
  paymentsFact: "payments.fact",
  subscriptionsFact: "subscriptions.fact",
  topupFact: "topup.fact",
  /** A notification was written: for whoever looks at the account now. */
  notificationsFact: "notifications.fact",
  /** What operators ask the edge: gateways' keys. Every edge answers. */
  edgeRequest: (op: string) => `edge.request.${op}`,
  /** What a model gateway asks the edge: whose credential this is. Every edge answers. */
  edgeCaller: "edge.caller",
  deadLetter: (service: string) => `dead-letter.${service}`,
} as const

/** File storage, `discard: new`, no age or count limit: these feed databases (decision 2). */
export interface StreamSpec {
  readonly name: string
  readonly subjects: ReadonlyArray<string>
  readonly maxBytes: number
  /** What reads it with a database cursor; the janitor purges only below the lowest. */
  readonly readers: ReadonlyArray<string>
  /** Only of a stream that feeds no database: the oldest go after so long, and when it is full. */
  readonly maxAgeMs?: number
}

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const DAY_MS = 24 * 60 * 60 * 1000

export const STREAMS = {
  usage: { name: "USAGE", subjects: ["usage.events"], maxBytes: 8 * GIB, readers: ["pricing"] },
  ledgerCommands: {
    name: "LEDGER_COMMANDS",
    subjects: ["ledger.command.*"],
    maxBytes: 8 * GIB,
    readers: ["ledger"],
  },
  ledgerJournal: {
    name: "LEDGER_JOURNAL",
    subjects: ["ledger.journal.*"],
    maxBytes: 8 * GIB,
    readers: ["pricing"],
  },
  ledgerSignals: {
    name: "LEDGER_SIGNALS",
    subjects: ["ledger.signal.*"],
    maxBytes: 1 * GIB,
    readers: ["topup", "notifications"],
  },
  payments: {
    name: "PAYMENTS",
    subjects: ["payments.fact"],
    maxBytes: 1 * GIB,
    readers: ["subscriptions", "topup", "notifications"],
  },
  subscriptions: {
    name: "SUBSCRIPTIONS",
    subjects: ["subscriptions.fact"],
    maxBytes: 1 * GIB,
    readers: ["topup", "notifications"],
  },
  topups: {
    name: "TOPUPS",
    subjects: ["topup.fact"],
    maxBytes: 1 * GIB,
    readers: ["notifications"],
  },
  deadLetters: {
    name: "DEAD_LETTERS",
    subjects: ["dead-letter.*"],
    maxBytes: 1 * GIB,
    readers: [],
  },
  /**
   * The second net below the dead letters: what JetStream itself says of a consumer, ours or a stranger's, that gave a
   * message up. Looked at by people and by `doctor`.
   */
  advisories: {
    name: "ADVISORIES",
    subjects: ["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"],
    maxBytes: 64 * MIB,
    readers: [],
    maxAgeMs: 30 * DAY_MS,
  },
} as const satisfies Record<string, StreamSpec>

export const BUCKETS = {
  /** Key = book version, value = the book as JSON; key `current` lists the versions with their effective instants. */
  priceBooks: "price-books",
  catalogues: "catalogues",
  /** Key `clock`: the one business clock (decision 16). */
  clock: "clock",
} as const

/** ≤ 500 events and ≤ 512 KiB a usage message; ≤ 4 KiB an event (decision 4). */
export const USAGE_EVENTS_PER_MESSAGE_MAX = 500
export const MESSAGE_BYTES_MAX = 512 * 1024
export const EVENT_BYTES_MAX = 4 * 1024
/** JetStream's limit of one atomic batch (ADR-50). */
export const ATOMIC_BATCH_MESSAGES_MAX = 1000

export const partitions: ReadonlyArray<number> = Array.from({ length: PARTITIONS }, (_, partition) => partition)
