/** The inbox and its preferences (contract section 2): the customer of the credential, asked of notifications. */
import type { NotificationsRefusal } from "@credits/contracts"
import {
  Api,
  type BadRequest,
  Customer,
  makeProblem,
  type NotFound,
  type PreferenceFixed,
  type Unavailable,
} from "@credits/contracts/http"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Notifications } from "./asking.ts"
import { personsAccount } from "./auth.ts"
import { notificationView } from "./notification-view.ts"
import { unavailable } from "./refusal.ts"

const PAGE_DEFAULT = 50
const readingPerson = personsAccount("mark notifications as read")
const choosingPerson = personsAccount("choose what you are told")

const comeBack = ({ code, detail }: NotificationsRefusal): Unavailable => {
  if (code === "unavailable" || code === "clock_advancing") return unavailable(code, detail)
  throw new Error(`notifications answered ${code}: ${detail}`)
}

/** Fields are named by both borders alike. */
const badOr = <Problem>(refusal: NotificationsRefusal, other: (refusal: NotificationsRefusal) => Problem) => {
  const { code, detail, field } = refusal
  const at = field === undefined ? {} : { field, errors: [{ field, detail }] }
  const problem: BadRequest | Problem =
    code === "invalid" ? makeProblem(400, "invalid_request", detail, at) : other(refusal)
  return problem
}

const orNotFound = (refusal: NotificationsRefusal): NotFound | Unavailable =>
  refusal.code === "notification_not_found" ? makeProblem(404, "not_found", refusal.detail) : comeBack(refusal)

const orFixed = (refusal: NotificationsRefusal): PreferenceFixed | Unavailable =>
  refusal.code === "preference_fixed"
    ? makeProblem(422, "preference_fixed", refusal.detail, { field: refusal.field ?? "groups" })
    : comeBack(refusal)

export const notificationEndpoints = HttpApiBuilder.group(
  Api,
  "notifications",
  Effect.fn(function* (handlers) {
    const notifications = yield* Notifications
    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ query: { limit, cursor, unread } }) {
        const { accountId: account } = yield* Customer
        const reply = yield* notifications.ask({
          op: "list",
          account,
          limit: limit ?? PAGE_DEFAULT,
          unread: unread === "true",
          ...(cursor === undefined ? {} : { cursor }),
        })
        if ("refused" in reply) return yield* Effect.fail(badOr(reply.refused, comeBack))
        return { ...reply.ok, items: reply.ok.items.map(notificationView) }
      }),
      read: Effect.fnUntraced(function* ({ params: { notificationId } }) {
        const account = yield* readingPerson
        // A text that is no id names nothing.
        const reply = yield* notifications.ask({ op: "read", account, notificationId }, "command")
        if ("refused" in reply) return yield* Effect.fail(badOr(reply.refused, orNotFound))
      }),
      readAll: Effect.fnUntraced(function* () {
        const account = yield* readingPerson
        const reply = yield* notifications.ask({ op: "read-all", account }, "command")
        if ("refused" in reply) return yield* Effect.fail(badOr(reply.refused, comeBack))
      }),
      preferences: Effect.fnUntraced(function* () {
        const { accountId: account } = yield* Customer
        const reply = yield* notifications.ask({ op: "preferences", account })
        if ("refused" in reply) return yield* Effect.fail(comeBack(reply.refused))
        return reply.ok
      }),
      setPreferences: Effect.fnUntraced(function* ({ payload: { groups } }) {
        const account = yield* choosingPerson
        const reply = yield* notifications.ask({ op: "set-preferences", account, groups }, "command")
        if ("refused" in reply) return yield* Effect.fail(badOr(reply.refused, orFixed))
        return reply.ok
      }),
    })
  }),
)
