/** The inbox, page by page; the count of what is unread; what somebody wants to be told where (R11). */
import type { NotificationPage, NotificationPreferences } from "@credits/contracts/http"
import { infiniteQueryOptions, type QueryClient, queryOptions } from "@tanstack/react-query"
import { ApiProblem, call } from "./client.ts"

export type Preference = NotificationPreferences["groups"][keyof NotificationPreferences["groups"]]

const PATH = "/api/v1/notifications"
const INBOX_PAGE = 30

/** The newest, for the count beside the way to the inbox. */
export const notificationsQuery = queryOptions({
  queryKey: ["notifications", "newest"],
  queryFn: ({ signal }) => call<NotificationPage>("GET", `${PATH}?limit=1`, { signal }),
})

export const inboxQuery = (isUnreadOnly: boolean) =>
  infiniteQueryOptions({
    queryKey: ["notifications", "inbox", isUnreadOnly],
    queryFn: ({ pageParam, signal }) => {
      const parameters = new URLSearchParams({ limit: String(INBOX_PAGE) })
      if (isUnreadOnly) parameters.set("unread", "true")
      if (pageParam !== null) parameters.set("cursor", pageParam)
      return call<NotificationPage>("GET", `${PATH}?${parameters}`, { signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  })

export const preferencesQuery = queryOptions({
  queryKey: ["notification-preferences"],
  queryFn: ({ signal }) => call<NotificationPreferences>("GET", `${PATH}/preferences`, { signal }),
})

const readAgain = (client: QueryClient) => client.invalidateQueries({ queryKey: ["notifications"] })

export const markRead = async (client: QueryClient, id: string): Promise<void> => {
  try {
    await call("POST", `${PATH}/${encodeURIComponent(id)}/read`, { body: {} })
  } catch (error) {
    // Forgotten by the server meanwhile: nothing is left to mark.
    if (!(error instanceof ApiProblem && error.status === 404)) throw error
  }
  await readAgain(client)
}

export const markAllRead = async (client: QueryClient): Promise<void> => {
  await call("POST", `${PATH}/read-all`, { body: {} })
  await readAgain(client)
}

export type Channel = "inApp" | "email"

export const setPreference = async (
  client: QueryClient,
  { group, channel, isOn }: { readonly group: string; readonly channel: Channel; readonly isOn: boolean },
): Promise<void> => {
  const next = await call<NotificationPreferences>("PUT", `${PATH}/preferences`, {
    body: { groups: { [group]: { [channel]: isOn } } },
  })
  client.setQueryData(preferencesQuery.queryKey, next)
}
