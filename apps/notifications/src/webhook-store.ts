/**
 * Queries on webhook endpoints and the outbox of their deliveries. Real time. An endpoint is never deleted: what was
 * delivered to it stays on record.
 */
import type { WebhookDelivery, WebhookView } from "@credits/contracts"
import { sql } from "kysely"
import type { EndpointStanding, Recorded } from "./attempt.ts"
import type { Tables } from "./schema.ts"
import { attempted, type NotificationsDatabase } from "./store.ts"

export type Endpoint = Tables["webhook"]

export interface DueWebhook {
  readonly endpoint: Endpoint
  readonly attempts: number
  readonly notification: {
    readonly id: string
    readonly account: string
    readonly at: number
    readonly kind: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

export const findEndpoint = ({ kysely }: NotificationsDatabase, id: string): Promise<Endpoint | undefined> =>
  kysely.selectFrom("webhook").selectAll().where("id", "=", id).executeTakeFirst()

/** The endpoint that is there under this id now: this one, or one of before. */
export const addEndpoint = async (database: NotificationsDatabase, endpoint: Endpoint): Promise<Endpoint> => {
  await database.kysely
    .insertInto("webhook")
    .values(endpoint)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return (await findEndpoint(database, endpoint.id))!
}

/** What waits for it is given up. */
const endDeliveries = async (
  kysely: NotificationsDatabase["kysely"],
  id: string,
  why: string,
  now: number,
): Promise<void> => {
  await kysely
    .updateTable("webhook_delivery")
    .set({ state: "failed", outcome: why, done_at: BigInt(now) })
    .where("webhook", "=", id)
    .where("state", "=", "waiting")
    .execute()
}

export const removeEndpoint = async ({ kysely }: NotificationsDatabase, id: string, now: number): Promise<void> => {
  await kysely.transaction().execute(async (transaction) => {
    await transaction
      .updateTable("webhook")
      .set({ status: "removed", reason: "removed by an operator" })
      .where("id", "=", id)
      .execute()
    await endDeliveries(transaction, id, "the endpoint was removed", now)
  })
}

export const enabledEndpoints = ({ kysely }: NotificationsDatabase): Promise<ReadonlyArray<Endpoint>> =>
  kysely.selectFrom("webhook").selectAll().where("status", "=", "enabled").orderBy("id").execute()

export const dueWebhooks = async (
  { kysely }: NotificationsDatabase,
  endpoint: Endpoint,
  now: number,
  limit: number,
): Promise<ReadonlyArray<DueWebhook>> => {
  const rows = await kysely
    .selectFrom("webhook_delivery")
    .innerJoin("notification", "notification.id", "webhook_delivery.notification")
    .select(["webhook_delivery.attempts", "notification.id", "account", "at", "kind", "data"])
    .where("webhook", "=", endpoint.id)
    .where("state", "=", "waiting")
    .where("due_at", "<=", BigInt(now))
    .orderBy("due_at")
    .orderBy("notification.seq")
    .limit(limit)
    .execute()
  return rows.map(({ attempts, id, account, at, kind, data }) => ({
    endpoint,
    attempts,
    notification: { id, account, at: Number(at), kind, data: JSON.parse(data) as Record<string, unknown> },
  }))
}

/** An attempt and how the endpoint stands after it, together. A row that is no longer waiting changes nothing. */
export const recordWebhook = async (
  { kysely }: NotificationsDatabase,
  { endpoint, notification }: DueWebhook,
  recorded: Recorded,
  standing: EndpointStanding,
): Promise<void> => {
  const { failingSince, disabledBecause } = standing
  await kysely.transaction().execute(async (transaction) => {
    await transaction
      .updateTable("webhook_delivery")
      .set(attempted(recorded))
      .where("webhook", "=", endpoint.id)
      .where("notification", "=", notification.id)
      .where("state", "=", "waiting")
      .execute()
    await transaction
      .updateTable("webhook")
      .set({
        failing_since: failingSince === null ? null : BigInt(failingSince),
        ...(disabledBecause === null ? {} : { status: "disabled" as const, reason: disabledBecause }),
      })
      .where("id", "=", endpoint.id)
      .where("status", "=", "enabled")
      .execute()
    if (disabledBecause !== null) await endDeliveries(transaction, endpoint.id, "the endpoint is disabled", recorded.at)
  })
}

const viewOf = (endpoint: Endpoint, counts: ReadonlyMap<string, number>): WebhookView => ({
  webhookId: endpoint.id,
  url: endpoint.url,
  description: endpoint.description,
  events: endpoint.events === null ? null : (JSON.parse(endpoint.events) as ReadonlyArray<string>),
  status: endpoint.status,
  reason: endpoint.reason,
  createdAt: Number(endpoint.created_at),
  failingSince: endpoint.failing_since === null ? null : Number(endpoint.failing_since),
  delivered: counts.get(`${endpoint.id} sent`) ?? 0,
  waiting: counts.get(`${endpoint.id} waiting`) ?? 0,
  failed: counts.get(`${endpoint.id} failed`) ?? 0,
})

/** All there are and were, newest first; given an id, that one. */
export const endpointViews = async (
  { kysely }: NotificationsDatabase,
  id?: string,
): Promise<ReadonlyArray<WebhookView>> => {
  let endpoints = kysely.selectFrom("webhook").selectAll().orderBy("created_at", "desc").orderBy("id")
  let counts = kysely
    .selectFrom("webhook_delivery")
    .select(["webhook", "state", sql<bigint>`count(*)`.as("n")])
    .groupBy(["webhook", "state"])
  if (id !== undefined) {
    endpoints = endpoints.where("id", "=", id)
    counts = counts.where("webhook", "=", id)
  }
  const [rows, numbers] = [await endpoints.execute(), await counts.execute()]
  const byState = new Map(numbers.map(({ webhook, state, n }) => [`${webhook} ${state}`, Number(n)]))
  return rows.map((row) => viewOf(row, byState))
}

export const newestDeliveries = async (
  { kysely }: NotificationsDatabase,
  id: string,
  limit: number,
): Promise<ReadonlyArray<WebhookDelivery>> => {
  const rows = await kysely
    .selectFrom("webhook_delivery")
    .innerJoin("notification", "notification.id", "webhook_delivery.notification")
    .select(["notification", "state", "attempts", "due_at", "outcome"])
    .where("webhook", "=", id)
    .orderBy("seq", "desc")
    .limit(limit)
    .execute()
  return rows.map(({ notification, state, attempts, due_at: dueAt, outcome }) => ({
    notificationId: notification,
    state,
    attempts,
    nextAttemptAt: state === "waiting" ? Number(dueAt) : null,
    lastOutcome: outcome,
  }))
}
