/**
 * The border: requests on `notifications.request.*` and `notifications.control` → answers. Decodes, asks the store,
 * encodes; decides nothing. Every answer is `{ok}` or `{refused}`.
 */
import type { RunningSagas } from "@credits/actor/saga"
import { answerControl, Border, type BusHandle, type RunningClock } from "@credits/bus"
import {
  SUBJECTS,
  type ControlAnswer,
  type NotificationPage,
  type NotificationsRefusal,
  type NotificationsRequest,
} from "@credits/contracts"
import type { Metrics } from "./metrics.ts"
import { changed, preferencesView } from "./preference.ts"
import { decodeRequest } from "./requests.ts"
import {
  listNotifications,
  markAllRead,
  markRead,
  preferencesOf,
  setContact,
  setPreferences,
  unreadCount,
} from "./store.ts"
import { viewOf } from "./view.ts"
import { handleWebhook, type WebhookParts } from "./webhook-endpoints.ts"

export type Report = (level: "info" | "warning" | "error", message: string) => void

export interface EndpointsOptions extends WebhookParts {
  readonly bus: BusHandle
  readonly clock: RunningClock
  readonly sagas: Pick<RunningSagas<unknown, never>, "runDue">
  readonly metrics: Metrics
  readonly status: () => Promise<ControlAnswer>
  /** The same without metrics: the answer of `clock`. */
  readonly rest: () => Promise<ControlAnswer>
  readonly report: Report
}

type Answer = { readonly ok: unknown } | { readonly refused: NotificationsRefusal | { readonly code: string } }
type Asked<Op extends NotificationsRequest["op"]> = Extract<NotificationsRequest, { op: Op }>

const PAGE_DEFAULT = 50

const list = async ({ database }: EndpointsOptions, request: Asked<"list">): Promise<NotificationPage> => {
  const { account, limit = PAGE_DEFAULT, cursor, unread = false } = request
  const before = cursor === undefined ? null : BigInt(cursor)
  const [rows, unreadNow] = await Promise.all([
    listNotifications(database, { account, limit: limit + 1, before, unread }),
    unreadCount(database, account),
  ])
  const shown = rows.slice(0, limit)
  const nextCursor = rows.length > limit ? shown.at(-1)!.seq.toString() : null
  return { items: shown.map(viewOf), nextCursor, unreadCount: unreadNow }
}

const change = async ({ database }: EndpointsOptions, request: Asked<"set-preferences">): Promise<Answer> => {
  const { account, groups } = request
  const decided = changed(await preferencesOf(database.kysely, account), groups)
  if ("refused" in decided) return decided
  await setPreferences(database, account, decided.ok)
  return { ok: preferencesView(await preferencesOf(database.kysely, account)) }
}

const handle = async (options: EndpointsOptions, request: NotificationsRequest): Promise<Answer> => {
  const { database, clock } = options
  switch (request.op) {
    case "list":
      return { ok: await list(options, request) }
    case "read": {
      const { account, notificationId } = request
      if (await markRead(database, account, notificationId, clock.now())) return { ok: null }
      return { refused: { code: "notification_not_found", detail: "the account has no such notification" } }
    }
    case "read-all":
      await markAllRead(database, request.account, clock.now())
      return { ok: null }
    case "preferences":
      return { ok: preferencesView(await preferencesOf(database.kysely, request.account)) }
    case "set-preferences":
      return change(options, request)
    case "contact": {
      const { account, email, name } = request
      await setContact(database, { account, email, name }, clock.now())
      return { ok: null }
    }
    default:
      return handleWebhook(options, request)
  }
}

export class Endpoints extends Border<NotificationsRequest> {
  constructor(options: EndpointsOptions) {
    const { bus, metrics, report } = options
    super({
      bus,
      name: "notifications",
      requestSubject: SUBJECTS.notificationsRequest,
      controlSubject: SUBJECTS.notificationsControl,
      decode: decodeRequest,
      handle: (request) => handle(options, request),
      control: (text) => answerControl({ ...options, runDue: (now) => options.sagas.runDue(now) }, text),
      onAnswer: (answer) => {
        metrics.requests++
        if ("refused" in answer) metrics.refusals++
      },
      report,
    })
  }
}
