/**
 * Who may use which subject (decision 20): one nkey user per service, an explicit list each, never `$JS.>`. Anything
 * not listed is refused by the server. Nobody may delete a stream; only `dev`, the provisioner, may create and restore
 * streams and purge what every reader has durably read; a message is deleted only by `ops`, a dead letter, and by who
 * restores. Pure: this file also renders the server's
 * configuration.
 */
import type { NotificationsOp } from "./notifications.ts"
import type { PaymentsOp } from "./payments.ts"
import { BUCKETS, STREAMS, SUBJECTS } from "./subjects.ts"

export const BUS_USERS = [
  "ledger",
  "pricing",
  "payments",
  "subscriptions",
  "topup",
  "notifications",
  "processor",
  "edge",
  "ops",
  "gateway",
  "dev",
] as const
export type BusUser = (typeof BUS_USERS)[number]

export interface Permissions {
  readonly publish: ReadonlyArray<string>
  readonly subscribe: ReadonlyArray<string>
  /** May answer, once each, the requests that reach its subscriptions (`allow_responses`). */
  readonly responds: boolean
}

/** Subject forms of the JetStream API, so that the lists below read as sentences. */
const api = {
  info: (stream: string) => `$JS.API.STREAM.INFO.${stream}`,
  create: (stream: string) => `$JS.API.STREAM.CREATE.${stream}`,
  purge: (stream: string) => `$JS.API.STREAM.PURGE.${stream}`,
  remove: (stream: string) => `$JS.API.STREAM.MSG.DELETE.${stream}`,
  /** An ephemeral consumer of this stream and messages for it; consumers vanish by themselves, nobody deletes them. */
  read: (stream: string) => [`$JS.API.CONSUMER.CREATE.${stream}.*`, `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`],
  /** A copy of the whole stream, and the word that a piece of it arrived. */
  backUp: (stream: string) => [`$JS.API.STREAM.SNAPSHOT.${stream}`, `$JS.SNAPSHOT.ACK.${stream}.*`],
  /** Makes a stream out of such a copy; one that exists is refused. */
  restore: (stream: string) => [`$JS.API.STREAM.RESTORE.${stream}`, `$JS.SNAPSHOT.RESTORE.${stream}.*`],
  /** Direct read of messages by sequence. */
  look: (stream: string) => `$JS.API.DIRECT.GET.${stream}`,
} as const

/** Newest value of any key of a bucket, and (to subscribe) the news that it changed. */
const bucketGet = (bucket: string) => `$JS.API.DIRECT.GET.KV_${bucket}.$KV.${bucket}.>`
const bucketNews = (bucket: string) => `$KV.${bucket}.>`

/** Cards are charged by those who own a reason to: of payments everybody else may ask only what it needs. */
const ofPayments = (...ops: ReadonlyArray<PaymentsOp>): ReadonlyArray<string> => ops.map(SUBJECTS.paymentsRequest)

/** Customers have inboxes, operators webhooks. */
const ofNotifications = (...ops: ReadonlyArray<NotificationsOp>): ReadonlyArray<string> =>
  ops.map(SUBJECTS.notificationsRequest)

const usage = STREAMS.usage.name
const commands = STREAMS.ledgerCommands.name
const journal = STREAMS.ledgerJournal.name
const signals = STREAMS.ledgerSignals.name
const paymentFacts = STREAMS.payments.name
const subscriptionFacts = STREAMS.subscriptions.name
const topupFacts = STREAMS.topups.name
const deadLetters = STREAMS.deadLetters.name
const advisories = STREAMS.advisories.name
const streamNames: ReadonlyArray<string> = Object.values(STREAMS).map((stream) => stream.name)
const bucketNames: ReadonlyArray<string> = Object.values(BUCKETS)
const bucketStreams = bucketNames.map((bucket) => `KV_${bucket}`)

const inbox = (user: BusUser) => `_INBOX_${user}.>`

const ledger: Permissions = {
  publish: [
    "ledger.journal.*",
    "ledger.signal.*",
    "ledger.tick.*",
    "dead-letter.ledger",
    ...[commands, journal, signals, deadLetters].map(api.info),
    ...api.read(commands),
    bucketGet(BUCKETS.clock),
  ],
  subscribe: [
    inbox("ledger"),
    "ledger.request.*",
    "ledger.gateway.*",
    "ledger.control",
    "ledger.history",
    "ledger.tick-interest",
    bucketNews(BUCKETS.clock),
  ],
  responds: true,
}

const pricing: Permissions = {
  publish: [
    "ledger.command.*",
    "ledger.history",
    "dead-letter.pricing",
    ...[usage, commands, journal, deadLetters].map(api.info),
    ...[usage, journal].flatMap(api.read),
    ...bucketNames.map(bucketGet),
    `$KV.${BUCKETS.priceBooks}.>`,
    `$KV.${BUCKETS.catalogues}.>`,
  ],
  subscribe: [inbox("pricing"), "pricing.request.*", "pricing.control", ...bucketNames.map(bucketNews)],
  responds: true,
}

/** Charges cards; asks nobody. */
const payments: Permissions = {
  publish: [
    "payments.fact",
    "dead-letter.payments",
    ...[paymentFacts, deadLetters].map(api.info),
    bucketGet(BUCKETS.clock),
  ],
  subscribe: [inbox("payments"), "payments.request.*", "payments.control", bucketNews(BUCKETS.clock)],
  responds: true,
}

const subscriptions: Permissions = {
  publish: [
    "subscriptions.fact",
    "dead-letter.subscriptions",
    "ledger.request.*",
    ...ofPayments("charge", "charge-close", "charge-show", "charge-list", "method"),
    ...[paymentFacts, subscriptionFacts, deadLetters].map(api.info),
    ...api.read(paymentFacts),
    ...[BUCKETS.clock, BUCKETS.catalogues].map(bucketGet),
  ],
  subscribe: [
    inbox("subscriptions"),
    "subscriptions.request.*",
    "subscriptions.control",
    ...[BUCKETS.clock, BUCKETS.catalogues].map(bucketNews),
  ],
  responds: true,
}

const topup: Permissions = {
  publish: [
    "topup.fact",
    "dead-letter.topup",
    "ledger.request.*",
    ...ofPayments("charge", "charge-close", "charge-show", "method"),
    "subscriptions.request.show",
    ...[signals, paymentFacts, subscriptionFacts, topupFacts, deadLetters].map(api.info),
    ...[signals, paymentFacts, subscriptionFacts].flatMap(api.read),
    ...[BUCKETS.clock, BUCKETS.catalogues].map(bucketGet),
  ],
  subscribe: [
    inbox("topup"),
    "topup.request.*",
    "topup.control",
    ...[BUCKETS.clock, BUCKETS.catalogues].map(bucketNews),
  ],
  responds: true,
}

/** Listens and asks nobody; what it sends leaves the system, by mail and by webhook. */
const notifications: Permissions = {
  publish: [
    "notifications.fact",
    "dead-letter.notifications",
    ...[signals, paymentFacts, subscriptionFacts, topupFacts, deadLetters].map(api.info),
    ...[signals, paymentFacts, subscriptionFacts, topupFacts].flatMap(api.read),
    bucketGet(BUCKETS.clock),
  ],
  subscribe: [inbox("notifications"), "notifications.request.*", "notifications.control", bucketNews(BUCKETS.clock)],
  responds: true,
}

/** The sandbox's card processor only follows the clock; customers and payments reach it over HTTP. */
const processor: Permissions = {
  publish: [bucketGet(BUCKETS.clock)],
  subscribe: [inbox("processor"), bucketNews(BUCKETS.clock)],
  responds: false,
}

const edge: Permissions = {
  publish: [
    "usage.events",
    "ledger.request.*",
    "ledger.control",
    "ledger.tick-interest",
    "pricing.request.*",
    "pricing.control",
    ...ofPayments("charge-show", "charge-list", "webhook"),
    ...ofPayments("method", "method-setup", "method-save", "method-remove"),
    "payments.control",
    "subscriptions.request.*",
    "subscriptions.control",
    "topup.request.*",
    "topup.control",
    ...ofNotifications("list", "read", "read-all", "preferences", "set-preferences", "contact"),
    "notifications.control",
    // The clock's quiet rounds compare cursors with stream ends (decision 16).
    ...[usage, commands, journal, signals, paymentFacts, subscriptionFacts, topupFacts].map(api.info),
    // /metrics tells how many dead letters and advisories there are.
    ...[deadLetters, advisories].flatMap((stream) => [api.info(stream), api.look(stream)]),
    ...bucketNames.map(bucketGet),
  ],
  subscribe: [
    inbox("edge"),
    "edge.request.*",
    "edge.caller",
    "ledger.tick.*",
    "ledger.signal.*",
    "subscriptions.fact",
    "topup.fact",
    "notifications.fact",
    ...bucketNames.map(bucketNews),
  ],
  responds: true,
}

const ops: Permissions = {
  publish: [
    "ledger.request.*",
    "ledger.history",
    "ledger.control",
    "pricing.request.*",
    "pricing.control",
    ...ofPayments("charge-show", "charge-list", "charge-look-up", "charge-resolve", "charge-refund", "recon-run"),
    "payments.control",
    "subscriptions.request.*",
    "subscriptions.control",
    "topup.request.*",
    "topup.control",
    ...ofNotifications("webhook-add", "webhook-list", "webhook-show", "webhook-test", "webhook-remove"),
    "notifications.control",
    "edge.request.*",
    "$JS.API.INFO",
    ...[...streamNames, ...bucketStreams].map(api.info),
    ...streamNames.map(api.look),
    ...bucketNames.map(bucketGet),
    ...[...streamNames, ...bucketStreams].flatMap(api.backUp),
    // Redrive and replay send the original again, to whoever read it before (ADR 0021); a letter leaves after that.
    "usage.events",
    "ledger.command.*",
    "ledger.journal.*",
    "ledger.signal.*",
    "payments.fact",
    "subscriptions.fact",
    "topup.fact",
    api.remove(deadLetters),
  ],
  subscribe: [inbox("ops")],
  responds: false,
}

/**
 * A gateway stands outside: it cannot even name an operation that moves credit, only authorize, extend and release; of
 * a credential that a customer showed it, it may ask whose it is.
 */
const gateway: Permissions = {
  publish: ["usage.events", "ledger.gateway.*", "edge.caller", bucketGet(BUCKETS.priceBooks)],
  subscribe: [inbox("gateway"), bucketNews(BUCKETS.priceBooks)],
  responds: false,
}

const dev: Permissions = {
  publish: [
    ...[...streamNames, ...bucketStreams].flatMap((stream) => [
      api.info(stream),
      api.create(stream),
      ...api.restore(stream),
    ]),
    // After a restore: what the ledger of the backup had not committed is not kept in its journal.
    api.look(journal),
    api.remove(journal),
    // The janitor purges only below the lowest durable cursor of every reader (decision 2).
    ...Object.values(STREAMS)
      .filter((stream) => stream.readers.length > 0)
      .map((stream) => api.purge(stream.name)),
    "ledger.control",
    "pricing.control",
    "payments.control",
    "subscriptions.control",
    "topup.control",
    "notifications.control",
  ],
  subscribe: [inbox("dev")],
  responds: false,
}

const production: Readonly<Record<BusUser, Permissions>> = {
  ledger,
  pricing,
  payments,
  subscriptions,
  topup,
  notifications,
  processor,
  edge,
  ops,
  gateway,
  dev,
}

/** Outside production the edge is the owner of the settable clock (decision 16). */
const settableClock: Readonly<Record<BusUser, Permissions>> = {
  ...production,
  edge: { ...edge, publish: [...edge.publish, `$KV.${BUCKETS.clock}.>`] },
  // There its quotes and its events are of the business clock's now.
  gateway: {
    ...gateway,
    publish: [...gateway.publish, bucketGet(BUCKETS.clock)],
    subscribe: [...gateway.subscribe, bucketNews(BUCKETS.clock)],
  },
}

/** `environment` is CREDITS_ENV. */
export const permissionsOf = (environment: string): Readonly<Record<BusUser, Permissions>> =>
  environment === "production" ? production : settableClock

/** The `authorization` block of nats-server's configuration: a service without a public key gets no user at all. */
export const renderAuthorization = (
  environment: string,
  publicKeys: Readonly<Partial<Record<BusUser, string>>>,
): string => {
  const permissions = permissionsOf(environment)
  const list = (subjects: ReadonlyArray<string>): string => subjects.map((each) => JSON.stringify(each)).join(", ")
  const users = BUS_USERS.flatMap((user) => {
    const key = publicKeys[user]
    if (key === undefined) return []
    const { publish, subscribe, responds } = permissions[user]
    return [
      `    { # ${user}`,
      `      nkey: ${key}`,
      "      permissions: {",
      `        publish: { allow: [${list(publish)}] }`,
      `        subscribe: { allow: [${list(subscribe)}] }`,
      // The answer must come before the caller has given up for good.
      ...(responds ? ['        allow_responses: { max: 1, expires: "1m" }'] : []),
      "      }",
      "    }",
    ]
  })
  return ["authorization {", "  users = [", ...users, "  ]", "}", ""].join("\n")
}
