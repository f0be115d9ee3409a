/**
 * What each user of the bus may publish and subscribe to, written out by hand: the test asks a real server for every
 * one of these subjects and every user, and compares.
 */
import { BUCKETS, BUS_USERS, STREAMS, type BusUser } from "@credits/contracts"
import { inboxPrefixOf } from "./index.ts"

/** One example of everything that may be published; the JetStream API, where the power is, spelled out. */
const streams = [
  ...Object.values(STREAMS).map((each) => each.name),
  ...Object.values(BUCKETS).map((each) => `KV_${each}`),
]
const paymentsRequest = (op: string): string => `payments.request.${op}`
export const SERVICES_SUBJECTS = [
  "usage.events",
  "ledger.command.3",
  "ledger.request.3",
  "ledger.gateway.3",
  "ledger.control",
  "ledger.history",
  "ledger.journal.3",
  "ledger.signal.3",
  "ledger.tick.3",
  "ledger.tick-interest",
  "pricing.request.models",
  "pricing.control",
  ...["charge", "charge-close", "charge-show", "charge-list", "charge-look-up", "charge-resolve", "charge-refund"].map(
    paymentsRequest,
  ),
  ...["method", "method-setup", "method-save", "method-remove", "webhook", "recon-run", "recon-findings"].map(
    paymentsRequest,
  ),
  "payments.control",
  "payments.fact",
  "subscriptions.request.show",
  "subscriptions.request.confirm",
  "subscriptions.control",
  "subscriptions.fact",
  "topup.request.enable",
  "topup.control",
  "topup.fact",
  ...["list", "read", "read-all", "preferences", "set-preferences", "contact"].map(
    (op) => `notifications.request.${op}`,
  ),
  ...["add", "list", "show", "test", "remove"].map((verb) => `notifications.request.webhook-${verb}`),
  "notifications.control",
  "notifications.fact",
  "edge.caller",
  ...["ledger", "pricing", "payments", "subscriptions", "topup", "notifications"].map((by) => `dead-letter.${by}`),
  "$KV.price-books.v1",
  "$KV.catalogues.v1",
  "$KV.clock.clock",
]
export const POWER_SUBJECTS = streams.flatMap((stream) => [
  `$JS.API.STREAM.CREATE.${stream}`,
  `$JS.API.STREAM.UPDATE.${stream}`,
  `$JS.API.STREAM.DELETE.${stream}`,
  `$JS.API.STREAM.PURGE.${stream}`,
  `$JS.API.STREAM.MSG.DELETE.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.STREAM.SNAPSHOT.${stream}`,
  `$JS.API.STREAM.RESTORE.${stream}`,
  `$JS.API.STREAM.LEADER.STEPDOWN.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}.c`,
  `$JS.API.CONSUMER.CREATE.${stream}.c.some.filter`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.c`,
  `$JS.API.CONSUMER.DELETE.${stream}.c`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.c`,
  `$JS.API.CONSUMER.RESET.${stream}.c`,
])
export const SERVER_SUBJECTS = [
  "$SYS.REQ.SERVER.PING",
  "$SYS.REQ.ACCOUNT.PING.CONNZ",
  "$JS.API.STREAM.NAMES",
  "$JS.API.ACCOUNT.PURGE.$G",
]

const consume = (stream: string) => [`$JS.API.CONSUMER.CREATE.${stream}.c`, `$JS.API.CONSUMER.MSG.NEXT.${stream}.c`]

const PAYMENTS = SERVICES_SUBJECTS.filter((subject) => subject.startsWith("payments.request."))

/** What people and operators ask of the other paying services, and how all of them are. */
const PAYING = [
  "payments.control",
  "subscriptions.request.show",
  "subscriptions.request.confirm",
  "subscriptions.control",
  "topup.request.enable",
  "topup.control",
  "notifications.control",
]
const NOTIFICATIONS = SERVICES_SUBJECTS.filter((subject) => subject.startsWith("notifications.request."))
const REPLAYED = /^(usage\.events|ledger\.(command|journal|signal)\.3|(payments|subscriptions|topup)\.fact)$/
const isWebhook = (subject: string): boolean => subject.includes(".webhook-")

export const MAY_PUBLISH: Readonly<Record<BusUser, ReadonlyArray<string>>> = {
  ledger: ["ledger.journal.3", "ledger.signal.3", "ledger.tick.3", "dead-letter.ledger", ...consume("LEDGER_COMMANDS")],
  pricing: [
    "ledger.command.3",
    "ledger.history",
    "dead-letter.pricing",
    "$KV.price-books.v1",
    "$KV.catalogues.v1",
    ...consume("USAGE"),
    ...consume("LEDGER_JOURNAL"),
  ],
  payments: ["payments.fact", "dead-letter.payments"],
  subscriptions: [
    "ledger.request.3",
    "payments.request.charge",
    "payments.request.charge-close",
    "payments.request.charge-show",
    "payments.request.charge-list",
    "payments.request.method",
    "subscriptions.fact",
    "dead-letter.subscriptions",
    ...consume("PAYMENTS"),
  ],
  topup: [
    "ledger.request.3",
    "payments.request.charge",
    "payments.request.charge-close",
    "payments.request.charge-show",
    "payments.request.method",
    "subscriptions.request.show",
    "topup.fact",
    "dead-letter.topup",
    ...consume("LEDGER_SIGNALS"),
    ...consume("PAYMENTS"),
    ...consume("SUBSCRIPTIONS"),
  ],
  notifications: [
    "notifications.fact",
    "dead-letter.notifications",
    ...consume("LEDGER_SIGNALS"),
    ...consume("PAYMENTS"),
    ...consume("SUBSCRIPTIONS"),
    ...consume("TOPUPS"),
  ],
  processor: [],
  edge: [
    "usage.events",
    "ledger.request.3",
    "ledger.control",
    "ledger.tick-interest",
    "pricing.request.models",
    "pricing.control",
    // Everything a customer does with cards and receipts; who charges is subscriptions and auto top-up.
    "payments.request.charge-show",
    "payments.request.charge-list",
    "payments.request.method",
    "payments.request.method-setup",
    "payments.request.method-save",
    "payments.request.method-remove",
    "payments.request.webhook",
    ...PAYING,
    // Customers have inboxes, operators webhooks.
    ...NOTIFICATIONS.filter((subject) => !isWebhook(subject)),
    "$KV.clock.clock",
  ],
  ops: [
    "ledger.request.3",
    // Re-rating reads every charge (R7.4).
    "ledger.history",
    "ledger.control",
    "pricing.request.models",
    "pricing.control",
    // Support looks, has looked up, resolves and gives back; it never takes.
    "payments.request.charge-show",
    "payments.request.charge-list",
    "payments.request.charge-look-up",
    "payments.request.charge-resolve",
    "payments.request.charge-refund",
    "payments.request.recon-run",
    ...PAYING,
    ...NOTIFICATIONS.filter(isWebhook),
    ...streams.map((stream) => `$JS.API.STREAM.SNAPSHOT.${stream}`),
    // What was there before is sent again (redrive, replay); a dead letter may leave after that, nothing else.
    ...SERVICES_SUBJECTS.filter((subject) => REPLAYED.test(subject)),
    "$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS",
  ],
  gateway: ["usage.events", "ledger.gateway.3", "edge.caller"],
  dev: [
    ...["ledger", "pricing", "payments", "subscriptions", "topup", "notifications"].map((by) => `${by}.control`),
    ...streams.flatMap((stream) => [`$JS.API.STREAM.CREATE.${stream}`, `$JS.API.STREAM.RESTORE.${stream}`]),
    "$JS.API.STREAM.MSG.DELETE.LEDGER_JOURNAL",
    ...["USAGE", "LEDGER_COMMANDS", "LEDGER_JOURNAL", "LEDGER_SIGNALS", "PAYMENTS", "SUBSCRIPTIONS", "TOPUPS"].map(
      (stream) => `$JS.API.STREAM.PURGE.${stream}`,
    ),
  ],
}

export const MAY_SUBSCRIBE: Readonly<Record<BusUser, ReadonlyArray<string>>> = {
  ledger: [
    "ledger.request.3",
    "ledger.gateway.3",
    "ledger.control",
    "ledger.history",
    "ledger.tick-interest",
    "$KV.clock.clock",
  ],
  pricing: ["pricing.request.models", "pricing.control", "$KV.price-books.v1", "$KV.catalogues.v1", "$KV.clock.clock"],
  payments: [...PAYMENTS, "payments.control", "$KV.clock.clock"],
  subscriptions: [
    "subscriptions.request.show",
    "subscriptions.request.confirm",
    "subscriptions.control",
    "$KV.catalogues.v1",
    "$KV.clock.clock",
  ],
  topup: ["topup.request.enable", "topup.control", "$KV.catalogues.v1", "$KV.clock.clock"],
  notifications: [...NOTIFICATIONS, "notifications.control", "$KV.clock.clock"],
  processor: ["$KV.clock.clock"],
  edge: [
    "edge.caller",
    "ledger.signal.3",
    "ledger.tick.3",
    "subscriptions.fact",
    "topup.fact",
    "notifications.fact",
    "$KV.price-books.v1",
    "$KV.catalogues.v1",
    "$KV.clock.clock",
  ],
  ops: [],
  gateway: ["$KV.price-books.v1", "$KV.clock.clock"],
  dev: [],
}

export const EAVESDROPPING = [
  ">",
  "$JS.>",
  "$SYS.>",
  "_INBOX.>",
  "_INBOX_*.>",
  ...BUS_USERS.map((user) => `${inboxPrefixOf(user)}.>`),
]
