/** A stored notification as it is shown. Pure; the words are the templates'. */
import type { NotificationView } from "@credits/contracts"
import type { StoredNotification } from "./store.ts"
import { tell } from "./templates/index.ts"

export const viewOf = (stored: StoredNotification): NotificationView => {
  const { id, at, kind, data, readAt } = stored
  const { title, body, link } = tell(stored)
  return { id, at, kind, title, body, link, data, readAt }
}
