/**
 * The border's decoders: what may be asked on `notifications.request.<op>`, compiled once. Unknown fields are refused,
 * and what is wrong is named.
 */
import { requestDecoder } from "@credits/bus"
import {
  NOTIFICATION_GROUPS,
  NOTIFICATION_KINDS,
  type NotificationsOp,
  type NotificationsRequest,
} from "@credits/contracts"
import { isAccountId } from "@credits/kernel"
import { Schema } from "effect"

const Account = Schema.String.check(Schema.makeFilter((text: string) => isAccountId(text) || "must be an account id"))
/** A text that is none names nothing: that is an answer, not a mistake. */
const NotificationId = Schema.String.check(Schema.isMaxLength(80))
const WebhookId = Schema.String.check(
  Schema.isPattern(/^whk_[0-9a-z]{1,40}$/, { message: "must be a webhook id (whk_…)" }),
)
const Limit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))
const Cursor = Schema.String.check(Schema.isPattern(/^\d{1,15}$/, { message: "is no cursor of this list" }))
const Email = Schema.String.check(
  Schema.isPattern(/^[^\s@<>",;\p{C}]{1,64}@[^\s@<>",;\p{C}]{1,190}$/u, { message: "must be an e-mail address" }),
)
const Name = Schema.String.check(Schema.isPattern(/^[^\p{C}]{1,200}$/u))
const Description = Schema.String.check(Schema.isPattern(/^[^\p{C}]{0,200}$/u))
const Url = Schema.String.check(Schema.isMaxLength(2_000))
const Events = Schema.Array(
  Schema.String.check(
    Schema.makeFilter((event: string) => event in NOTIFICATION_KINDS || "is no kind of notification"),
  ),
).check(Schema.isMinLength(1))

const Channels = Schema.Struct({
  inApp: Schema.optionalKey(Schema.Boolean),
  email: Schema.optionalKey(Schema.Boolean),
})
const Groups = Schema.Struct(
  Object.fromEntries(NOTIFICATION_GROUPS.map((group) => [group, Schema.optionalKey(Channels)])),
)

const SCHEMAS = {
  list: Schema.Struct({
    op: Schema.Literal("list"),
    account: Account,
    limit: Schema.optionalKey(Limit),
    cursor: Schema.optionalKey(Cursor),
    unread: Schema.optionalKey(Schema.Boolean),
  }),
  read: Schema.Struct({ op: Schema.Literal("read"), account: Account, notificationId: NotificationId }),
  "read-all": Schema.Struct({ op: Schema.Literal("read-all"), account: Account }),
  preferences: Schema.Struct({ op: Schema.Literal("preferences"), account: Account }),
  "set-preferences": Schema.Struct({ op: Schema.Literal("set-preferences"), account: Account, groups: Groups }),
  contact: Schema.Struct({
    op: Schema.Literal("contact"),
    account: Account,
    email: Email,
    name: Schema.NullOr(Name),
  }),
  "webhook-add": Schema.Struct({
    op: Schema.Literal("webhook-add"),
    id: WebhookId,
    url: Url,
    description: Description,
    events: Schema.optionalKey(Events),
  }),
  "webhook-list": Schema.Struct({ op: Schema.Literal("webhook-list") }),
  "webhook-show": Schema.Struct({ op: Schema.Literal("webhook-show"), webhookId: WebhookId }),
  "webhook-test": Schema.Struct({ op: Schema.Literal("webhook-test"), webhookId: WebhookId }),
  "webhook-remove": Schema.Struct({ op: Schema.Literal("webhook-remove"), webhookId: WebhookId }),
} satisfies Record<NotificationsOp, unknown>

export const decodeRequest = requestDecoder<NotificationsRequest>("notifications", SCHEMAS)
