/** How many notifications wait to be read, beside the way to them. */
import { useQuery } from "@tanstack/react-query"
import { notificationsQuery } from "../../api/notifications.ts"

/** More than a glance takes in. */
const SHOWN_MAX = 99

export const UnreadCount = () => {
  const { data } = useQuery(notificationsQuery)
  const count = data?.unreadCount ?? 0
  if (count === 0) return null
  return (
    <span className="rounded-full bg-credit px-1.5 text-xs font-semibold text-on-credit tabular-nums">
      {count > SHOWN_MAX ? `${SHOWN_MAX}+` : count}
      <span className="sr-only"> unread</span>
    </span>
  )
}
