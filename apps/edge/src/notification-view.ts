/** Notifications as HTTP shows them. Pure; decides nothing. */
import type { NotificationView } from "@credits/contracts"
import type { Notification } from "@credits/contracts/http"
import { formatInstant } from "@credits/kernel"

export const notificationView = ({ at, readAt, ...rest }: NotificationView): Notification => ({
  ...rest,
  at: formatInstant(at),
  readAt: readAt === null ? null : formatInstant(readAt),
})
