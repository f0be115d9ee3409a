/**
 * Notifications as one thing with a life: opens its tables, hears the streams, sends what was written, answers until
 * stopped. Owns the order of starting and stopping and what `status` says. Plain promises: the Effect edge is
 * `main.ts`.
 */
import { join } from "node:path"
import { startSagas } from "@credits/actor/saga"
import { verifyStreams, type BusHandle, type RunningClock } from "@credits/bus"
import { STREAMS, type ControlAnswer } from "@credits/contracts"
import { migrateNow, type Database } from "@credits/store"
import { tracing } from "@credits/telemetry"
import { Option, Redacted } from "effect"
import type { Transaction } from "kysely"
import type { NotificationsSettings } from "./config.ts"
import { Endpoints, type Report } from "./endpoints.ts"
import { inboxMachine } from "./inbox.ts"
import { fileChannel, smtpChannel, type MailChannel } from "./mail-channel.ts"
import { countMails } from "./mail-store.ts"
import { noMetrics, type Metrics } from "./metrics.ts"
import { migrations, SCHEMA_VERSION, type Tables } from "./schema.ts"
import { startSending } from "./sending.ts"
import { writeNotices } from "./notice-store.ts"
import type { NotificationsDatabase } from "./store.ts"
import { streams } from "./streams.ts"
import { webhookChannel } from "./webhook-channel.ts"

export interface NotificationsParts {
  readonly bus: BusHandle
  readonly database: NotificationsDatabase
  readonly clock: RunningClock
  readonly report: Report
}

export interface RunningNotifications {
  readonly metrics: Metrics
  readonly status: () => Promise<ControlAnswer>
  readonly stop: () => Promise<void>
  /** Rejects when a defect or a lost lease ended it. */
  readonly ended: Promise<void>
}

const USED_STREAMS = [...streams.map(({ stream }) => stream), STREAMS.deadLetters.name]

/** A commit follows its last write within this; whoever is not found then is found by the next look. */
const AFTER_COMMIT_MS = 10

const mailChannelOf = ({ smtpUrl, mailFrom, dataDir }: NotificationsSettings): MailChannel =>
  Option.match(smtpUrl, {
    onNone: () => fileChannel(join(dataDir, "notifications", "mail"), mailFrom),
    onSome: (url) => smtpChannel(Redacted.value(url), mailFrom),
  })

/** @throws StoreError (schema) | BusError (streams) */
export const startNotifications = async (
  { bus, database, clock, report }: NotificationsParts,
  settings: NotificationsSettings,
): Promise<RunningNotifications> => {
  await migrateNow(database, migrations, SCHEMA_VERSION)
  await verifyStreams(bus, USED_STREAMS)
  const metrics = noMetrics()
  const isProduction = settings.environment === "production"
  const webhooks = webhookChannel({ isProduction })
  let wake = (): void => undefined
  const sagas = await startSagas({
    machine: inboxMachine,
    bus,
    // The runtime has tables of its own.
    database: database as unknown as Database,
    clock,
    service: "notifications",
    env: () => undefined,
    perform: () => Promise.reject(new Error("an inbox has no steps")),
    streams,
    write: async (transaction, notices) => {
      const written = await writeNotices(transaction as Transaction<Tables>, database.dialect, notices, {
        business: clock.now(),
        real: Date.now(),
      })
      metrics.written += written
      metrics.repeated += notices.length - written
      if (written > 0) setTimeout(() => wake(), AFTER_COMMIT_MS)
    },
    report,
  })
  // Only the owner sends.
  const { publicUrl } = settings
  const mail = mailChannelOf(settings)
  const sending = startSending({ bus, database, mail, webhooks, publicUrl, metrics, report })
  wake = sending.wake
  const rest = async (): Promise<ControlAnswer> => {
    const answer = await sagas.status()
    return { ...answer, openRequests: answer.openRequests + endpoints.open }
  }
  const status = async (): Promise<ControlAnswer> => {
    const [answer, runtime, mailbox] = await Promise.all([rest(), sagas.metrics(), countMails(database)])
    const sent = { ...metrics, mailsWaiting: mailbox["waiting"], sendsUnderWay: sending.underWay() }
    return { ...answer, detail: { ...answer.detail, metrics: { ...runtime, ...sent, tracing: tracing.metrics } } }
  }
  const endpoints = new Endpoints({
    bus,
    database,
    clock,
    sagas,
    metrics,
    status,
    rest,
    report,
    webhooks,
    isProduction,
  })
  endpoints.start()
  const stop = async (): Promise<void> => {
    await endpoints.stop()
    await sagas.stop()
    await sending.stop()
  }
  return { metrics, status, stop, ended: sagas.ended }
}
