/** A stand-in for the operators' side of notifications: webhooks in a map. For tests of the command line alone. */
import { type BusHandle, serve } from "@credits/bus"
import type { NotificationsRequest, WebhookTestAnswer, WebhookView } from "@credits/contracts"

const AT = Date.UTC(2026, 10, 23, 10)

type Reply = { readonly ok: unknown } | { readonly refused: { readonly code: string; readonly detail: string } }

export class SmallWebhooks {
  readonly webhooks = new Map<string, WebhookView>()
  readonly asked: Array<NotificationsRequest> = []
  test: WebhookTestAnswer = { delivered: true, status: 204, detail: "HTTP 204", tookMs: 7 }

  constructor(bus: BusHandle) {
    serve(bus.connection, "notifications.request.*", (text) => {
      const request = JSON.parse(text) as NotificationsRequest
      this.asked.push(request)
      return JSON.stringify(this.#answer(request))
    })
  }

  #answer(request: NotificationsRequest): Reply {
    if (request.op === "webhook-add") {
      const { id, url, description, events = null } = request
      const view: WebhookView = {
        webhookId: id,
        url,
        description,
        events,
        status: "enabled",
        reason: null,
        createdAt: AT,
        failingSince: null,
        delivered: 0,
        waiting: 0,
        failed: 0,
      }
      this.webhooks.set(id, view)
      return { ok: { ...view, secret: "whsec_c2VjcmV0" } }
    }
    if (request.op === "webhook-list") return { ok: { items: [...this.webhooks.values()] } }
    if (!("webhookId" in request)) return { refused: { code: "unknown_op", detail: request.op } }
    const view = this.webhooks.get(request.webhookId)
    if (view === undefined) return { refused: { code: "webhook_not_found", detail: `no ${request.webhookId}` } }
    if (request.op === "webhook-test") return { ok: this.test }
    if (request.op === "webhook-show") return { ok: { ...view, deliveries: [] } }
    const removed: WebhookView = { ...view, status: "removed", reason: "removed by an operator" }
    this.webhooks.set(request.webhookId, removed)
    return { ok: removed }
  }
}
