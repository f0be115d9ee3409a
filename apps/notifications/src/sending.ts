/**
 * What leaves the system, from what was committed: those who look at an account are told, mails, webhooks. Owns the
 * three lanes and the order in each: look, send, record. Plain promises and real time; a crash between sending and
 * recording sends again under the same id.
 */
import { MESSAGE_VERSION, SUBJECTS, type NotificationFact } from "@credits/contracts"
import type { BusHandle } from "@credits/bus"
import { formatInstant } from "@credits/kernel"
import { afterMail, afterWebhook, standingAfter } from "./attempt.ts"
import { Lane } from "./lane.ts"
import type { MailChannel } from "./mail-channel.ts"
import { dueMails, recordMails, type DueMail, type MailRecord } from "./mail-store.ts"
import type { Metrics } from "./metrics.ts"
import { forgetUntold, readUntold, unreadCounts, type NotificationsDatabase, type StoredNotification } from "./store.ts"
import { mailOf } from "./templates/index.ts"
import { Together } from "./together.ts"
import { viewOf } from "./view.ts"
import type { WebhookChannel } from "./webhook-channel.ts"
import { dueWebhooks, enabledEndpoints, findEndpoint, recordWebhook, type DueWebhook } from "./webhook-store.ts"

export interface SendingOptions {
  readonly bus: BusHandle
  readonly database: NotificationsDatabase
  readonly mail: MailChannel
  readonly webhooks: WebhookChannel
  readonly publicUrl: string
  readonly metrics: Metrics
  readonly report: (level: "info" | "warning" | "error", text: string) => void
}

/** Those who look are told within a second (contract 2). */
const TELL_EVERY_MS = 250
const TELL_PAGE = 200
const SEND_EVERY_MS = 1_000
const MAILS_AT_ONCE = 8
/** Few, because an address that changes meanwhile is not seen. */
const MAILS_AHEAD = 56
const WEBHOOKS_AT_ONCE = 16
/** A dead endpoint takes 15 s an attempt: it must not have all the places. */
const WEBHOOKS_PER_ENDPOINT = 2

type Page = ReadonlyArray<StoredNotification>

const tell = async ({ bus, database }: SendingOptions, page: Page): Promise<void> => {
  const unread = await unreadCounts(database, [...new Set(page.map(({ account }) => account))])
  for (const stored of page) {
    const { account } = stored
    const unreadCount = unread.get(account) ?? 0
    const fact: NotificationFact = { v: MESSAGE_VERSION, account, notification: viewOf(stored), unreadCount }
    bus.connection.publish(SUBJECTS.notificationsFact, JSON.stringify(fact))
  }
  await forgetUntold(database, page.at(-1)!.seq)
}

const sendMail = async (options: SendingOptions, due: DueMail, records: Together<MailRecord>): Promise<void> => {
  const { mail, publicUrl, metrics } = options
  const { notification, email, name, attempts, madeAt } = due
  const text = mailOf(notification, name, publicUrl)
  const to = { name: name ?? "", address: email }
  const outcome = await mail.send({ id: notification.id, to, ...text, at: notification.at })
  metrics.mails[outcome.kind]++
  const recorded = afterMail(outcome, madeAt, { attempts, at: Date.now(), chance: Math.random() })
  await records.add({ notification: notification.id, recorded })
}

/** At most two of each endpoint, the longest waiting first. */
const dueOfAll = async (database: NotificationsDatabase): Promise<ReadonlyArray<DueWebhook>> => {
  const endpoints = await enabledEndpoints(database)
  const now = Date.now()
  const found = await Promise.all(
    endpoints.map((endpoint) => dueWebhooks(database, endpoint, now, WEBHOOKS_PER_ENDPOINT)),
  )
  return found.flat()
}

const sendWebhook = async (options: SendingOptions, due: DueWebhook, stop: AbortSignal): Promise<void> => {
  const { webhooks, database, metrics, report } = options
  const { endpoint, attempts, notification } = due
  const { id, account, at, kind, data } = notification
  const message = { id, type: kind, timestamp: formatInstant(at), data: { accountId: account, ...data } }
  const { outcome } = await webhooks.send(message, endpoint, Date.now(), stop)
  // Nobody knows whether it arrived: it is due again at the next start.
  if (stop.aborted && outcome.kind !== "sent") return
  metrics.webhooks[outcome.kind]++
  const now = Date.now()
  // Another delivery may have changed how it stands meanwhile.
  const current = (await findEndpoint(database, endpoint.id)) ?? endpoint
  const failingSince = current.failing_since === null ? null : Number(current.failing_since)
  const standing = standingAfter(outcome, failingSince, now)
  if (standing.disabledBecause !== null && current.status === "enabled") {
    metrics.endpointsDisabled++
    report("warning", `the webhook ${endpoint.id} is disabled: ${standing.disabledBecause}`)
  }
  await recordWebhook(database, due, afterWebhook(outcome, { attempts, at: now, chance: Math.random() }), standing)
}

export interface Sending {
  /** A commit has written something. */
  readonly wake: () => void
  readonly underWay: () => number
  readonly stop: () => Promise<void>
}

export const startSending = (options: SendingOptions): Sending => {
  const { database, report } = options
  const shared = { report, concurrency: 1 }
  const telling = new Lane<Page>({
    ...shared,
    name: "telling",
    due: async () => {
      const page = await readUntold(database, TELL_PAGE)
      return page.length > 0 ? [page] : []
    },
    // One page at a time, so that all are told in order.
    keyOf: () => "page",
    run: (page) => tell(options, page),
    everyMs: TELL_EVERY_MS,
  })
  const records = new Together<MailRecord>((some) => recordMails(database, some))
  const mails = new Lane<DueMail>({
    ...shared,
    name: "mail",
    due: (limit) => dueMails(database, Date.now(), limit),
    keyOf: ({ notification }) => notification.id,
    run: (due) => sendMail(options, due, records),
    concurrency: MAILS_AT_ONCE,
    ahead: MAILS_AHEAD,
    everyMs: SEND_EVERY_MS,
  })
  const webhooks = new Lane<DueWebhook>({
    ...shared,
    name: "webhook",
    due: () => dueOfAll(database),
    keyOf: ({ endpoint, notification }) => `${endpoint.id} ${notification.id}`,
    run: (due, stop) => sendWebhook(options, due, stop),
    concurrency: WEBHOOKS_AT_ONCE,
    everyMs: SEND_EVERY_MS,
  })
  const lanes = [telling, mails, webhooks]
  for (const lane of lanes) lane.start()
  return {
    wake: () => lanes.forEach((lane) => lane.wake()),
    underWay: () => lanes.reduce((n, lane) => n + lane.underWay, 0),
    stop: async () => {
      await Promise.all(lanes.map((lane) => lane.stop()))
      options.mail.close()
    },
  }
}
