/** Webhook endpoints and their deliveries, for people and programs. Pure. The secret is not part of it. */
import type { WebhookDelivery, WebhookView } from "@credits/contracts"
import { formatInstant } from "@credits/kernel"
import { table } from "./table.ts"

const instantOrNull = (at: number | null): string | null => (at === null ? null : formatInstant(at))

export const webhookJson = ({ createdAt, failingSince, ...view }: WebhookView) => ({
  ...view,
  createdAt: formatInstant(createdAt),
  failingSince: instantOrNull(failingSince),
})

export const deliveryJson = ({ nextAttemptAt, ...delivery }: WebhookDelivery) => ({
  ...delivery,
  nextAttemptAt: instantOrNull(nextAttemptAt),
})

const eventsOf = ({ events }: Pick<WebhookView, "events">): string => (events === null ? "all" : events.join(", "))

export const webhookText = (view: WebhookView): string =>
  table(
    [{ title: "WEBHOOK" }, { title: view.webhookId }],
    [
      ["url", view.url],
      ["description", view.description],
      ["events", eventsOf(view)],
      ["status", view.reason === null ? view.status : `${view.status}: ${view.reason}`],
      ["failing since", instantOrNull(view.failingSince) ?? "–"],
      ["delivered", String(view.delivered)],
      ["waiting", String(view.waiting)],
      ["given up", String(view.failed)],
    ],
  )

export const webhooksText = (views: ReadonlyArray<WebhookView>): string =>
  views.length === 0
    ? "no webhooks"
    : table(
        [
          { title: "WEBHOOK" },
          { title: "STATUS" },
          { title: "URL" },
          { title: "EVENTS" },
          { title: "DELIVERED", align: "right" },
          { title: "WAITING", align: "right" },
          { title: "GIVEN UP", align: "right" },
          { title: "NOTE" },
        ],
        views.map((view) => [
          view.webhookId,
          view.status,
          view.url,
          eventsOf(view),
          String(view.delivered),
          String(view.waiting),
          String(view.failed),
          view.reason ?? (view.failingSince === null ? "" : `failing since ${formatInstant(view.failingSince)}`),
        ]),
      )

export const deliveriesText = (deliveries: ReadonlyArray<WebhookDelivery>): string =>
  deliveries.length === 0
    ? "no deliveries"
    : table(
        [
          { title: "NOTIFICATION" },
          { title: "STATE" },
          { title: "ATTEMPTS", align: "right" },
          { title: "NEXT" },
          { title: "LAST OUTCOME" },
        ],
        deliveries.map((each) => [
          each.notificationId,
          each.state,
          String(each.attempts),
          instantOrNull(each.nextAttemptAt) ?? "–",
          each.lastOutcome ?? "",
        ]),
      )
