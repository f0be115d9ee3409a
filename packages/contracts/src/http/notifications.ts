/**
 * The inbox over HTTP (R11): what an account was told, what of it was read, and where the customer wants to be told.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { NOTIFICATION_GROUPS, NOTIFICATION_KINDS, type NotificationGroup } from "../notifications.ts"
import { CustomerAuth } from "./credentials.ts"
import { BadRequest, NotFound, PreferenceFixed, Unavailable, WrongScope } from "./problem.ts"
import { Count, InstantText, NoBody, OwnId } from "./scalars.ts"

export const Notification = Schema.Struct({
  id: Schema.String,
  at: InstantText,
  kind: Schema.Literals(Object.keys(NOTIFICATION_KINDS) as Array<keyof typeof NOTIFICATION_KINDS>),
  title: Schema.String,
  /** One paragraph of plain text. */
  body: Schema.String,
  /** A path of the web pages. */
  link: Schema.String,
  /** What the kind is about: USD as decimal strings, instants, ids. */
  data: Schema.Record(Schema.String, Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))),
  readAt: Schema.NullOr(InstantText),
}).annotate({ identifier: "Notification" })
export type Notification = typeof Notification.Type

export const NotificationPage = Schema.Struct({
  items: Schema.Array(Notification),
  nextCursor: Schema.NullOr(Schema.String),
  unreadCount: Count,
}).annotate({ identifier: "NotificationPage" })
export type NotificationPage = typeof NotificationPage.Type

/** Every group, each with the same fields. */
const ofEachGroup = <A>(value: A): Readonly<Record<NotificationGroup, A>> =>
  Object.fromEntries(NOTIFICATION_GROUPS.map((group) => [group, value])) as Record<NotificationGroup, A>

export const NotificationPreferences = Schema.Struct({
  groups: Schema.Struct(
    ofEachGroup(
      Schema.Struct({
        inApp: Schema.Boolean,
        email: Schema.Boolean,
        /** About money: always told, everywhere. */
        isFixed: Schema.Boolean,
      }),
    ),
  ),
}).annotate({ identifier: "NotificationPreferences" })
export type NotificationPreferences = typeof NotificationPreferences.Type

const Channels = Schema.Struct({
  inApp: Schema.optionalKey(Schema.Boolean),
  email: Schema.optionalKey(Schema.Boolean),
})

export class NotificationGroupApi extends HttpApiGroup.make("notifications")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        limit: Schema.optionalKey(
          Schema.FiniteFromString.check(
            Schema.isInt({ message: "must be a whole number from 1 to 200" }),
            Schema.isBetween({ minimum: 1, maximum: 200 }, { message: "must be a whole number from 1 to 200" }),
          ),
        ),
        cursor: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[\w.:~=-]{1,400}$/))),
        unread: Schema.optionalKey(Schema.Literals(["true", "false"])),
      },
      success: NotificationPage,
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, "What the account was told, newest first"),
    HttpApiEndpoint.post("read", "/:notificationId/read", {
      params: { notificationId: OwnId },
      payload: NoBody,
      success: HttpApiSchema.NoContent,
      error: [BadRequest, WrongScope, NotFound, Unavailable],
    }).annotate(OpenApi.Summary, "Mark one as read"),
    HttpApiEndpoint.post("readAll", "/read-all", {
      payload: NoBody,
      success: HttpApiSchema.NoContent,
      error: [BadRequest, WrongScope, Unavailable],
    }).annotate(OpenApi.Summary, "Mark all as read"),
    HttpApiEndpoint.get("preferences", "/preferences", {
      success: NotificationPreferences,
      error: Unavailable,
    }).annotate(OpenApi.Summary, "Where the customer is told what"),
    HttpApiEndpoint.put("setPreferences", "/preferences", {
      payload: Schema.Struct({
        groups: Schema.Struct(ofEachGroup(Schema.optionalKey(Channels))),
      }),
      success: NotificationPreferences,
      error: [BadRequest, WrongScope, PreferenceFixed, Unavailable],
    }).annotate(OpenApi.Summary, "Change it; what is not named stays, what is about money cannot be turned off"),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/notifications") {}
