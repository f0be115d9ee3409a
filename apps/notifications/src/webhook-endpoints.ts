/**
 * What operators ask about webhooks: adding, listing, showing, testing, removing an endpoint. Owns that a secret is
 * made here and told by `webhook-add` alone, and that a test is one message now, recorded nowhere.
 */
import { randomBytes } from "node:crypto"
import type {
  AddWebhook,
  NotificationsAnswers,
  NotificationsRefusal,
  NotificationsRequest,
  WebhookTestAnswer,
} from "@credits/contracts"
import { formatInstant, makeId } from "@credits/kernel"
import type { Endpoint } from "./webhook-store.ts"
import { addEndpoint, endpointViews, findEndpoint, newestDeliveries, removeEndpoint } from "./webhook-store.ts"
import { urlRefusal } from "./webhook-address.ts"
import { WEBHOOK_TIMEOUT_MS, type WebhookChannel } from "./webhook-channel.ts"
import type { NotificationsDatabase } from "./store.ts"

export interface WebhookParts {
  readonly database: NotificationsDatabase
  readonly webhooks: WebhookChannel
  readonly isProduction: boolean
}

type Reply<A> = { readonly ok: A } | { readonly refused: NotificationsRefusal }
type WebhookRequest = Extract<NotificationsRequest, { readonly op: `webhook-${string}` }>

/** The convention's recommendation: between 24 and 64 bytes. */
const SECRET_BYTES = 32
const DELIVERIES_SHOWN = 20

const notFound = (id: string): { readonly refused: NotificationsRefusal } => ({
  refused: { code: "webhook_not_found", detail: `there is no webhook ${id}` },
})

const viewIn = async (database: NotificationsDatabase, id: string) => (await endpointViews(database, id))[0]!

const isSame = (there: Endpoint, { url, description, events }: AddWebhook): boolean =>
  there.url === url && there.description === description && there.events === textOf(events)

const textOf = (events: AddWebhook["events"]): string | null => (events === undefined ? null : JSON.stringify(events))

const add = async (parts: WebhookParts, request: AddWebhook): Promise<Reply<NotificationsAnswers["webhook-add"]>> => {
  const { database, isProduction } = parts
  const { id, url, description, events } = request
  const refusal = urlRefusal(url, isProduction)
  if (refusal !== null) return { refused: { code: "invalid", field: "url", detail: refusal } }
  const endpoint = await addEndpoint(database, {
    id,
    url,
    description,
    events: textOf(events),
    secret: `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`,
    status: "enabled",
    reason: null,
    created_at: BigInt(Date.now()),
    failing_since: null,
  })
  if (!isSame(endpoint, request)) {
    return { refused: { code: "id_conflict", detail: `${id} is another webhook` } }
  }
  return { ok: { ...(await viewIn(database, id)), secret: endpoint.secret } }
}

const test = async ({ webhooks }: WebhookParts, endpoint: Endpoint): Promise<WebhookTestAnswer> => {
  const began = performance.now()
  const now = Date.now()
  const id = makeId("evt", now, randomBytes(10))
  const message = { id, type: "ping", timestamp: formatInstant(now), data: { webhookId: endpoint.id } }
  const stop = AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)
  const { outcome, status } = await webhooks.send(message, endpoint, now, stop)
  const tookMs = Math.round(performance.now() - began)
  return { delivered: outcome.kind === "sent", status, detail: outcome.detail, tookMs }
}

export const handleWebhook = async (parts: WebhookParts, request: WebhookRequest): Promise<Reply<unknown>> => {
  const { database } = parts
  if (request.op === "webhook-add") return add(parts, request)
  if (request.op === "webhook-list") return { ok: { items: await endpointViews(database) } }
  const { webhookId } = request
  const endpoint = await findEndpoint(database, webhookId)
  if (endpoint === undefined) return notFound(webhookId)
  switch (request.op) {
    case "webhook-show": {
      const deliveries = await newestDeliveries(database, webhookId, DELIVERIES_SHOWN)
      return { ok: { ...(await viewIn(database, webhookId)), deliveries } }
    }
    case "webhook-test":
      return { ok: await test(parts, endpoint) }
    case "webhook-remove":
      await removeEndpoint(database, webhookId, Date.now())
      return { ok: await viewIn(database, webhookId) }
  }
}
