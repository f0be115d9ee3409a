/** The inbox: its first page and the count of what is unread. */
import { queryOptions } from "@tanstack/react-query"
import { call } from "./client.ts"

export interface Notification {
  readonly id: string
  readonly at: string
  readonly kind: string
  readonly title: string
  readonly body: string
  readonly link: string | null
  readonly readAt: string | null
}

export interface Inbox {
  readonly items: ReadonlyArray<Notification>
  readonly nextCursor: string | null
  readonly unreadCount: number
}

export const notificationsQuery = queryOptions({
  queryKey: ["notifications"],
  queryFn: ({ signal }) => call<Inbox>("GET", "/api/v1/notifications?limit=50", { signal }),
})
