/**
 * What notifications is asked and answers over request–reply, JSON on `notifications.request.<op>`, the closed list of
 * kinds (R11) with what each carries, and the event types of outgoing webhooks. Owns shapes only. Instants of requests
 * and answers are milliseconds; the data of a notification is for people and receivers outside: USD as decimal strings,
 * instants as ISO 8601 text.
 */

/** What a customer can tell apart in preferences. */
export const NOTIFICATION_GROUPS = [
  "receipts",
  "payments",
  "autoTopUp",
  "credits",
  "reminders",
  "subscription",
  "support",
] as const
export type NotificationGroup = (typeof NOTIFICATION_GROUPS)[number]

/** About money that moved or did not, and about the consent to move it: these cannot be turned off (R11). */
export const FIXED_GROUPS: ReadonlySet<NotificationGroup> = new Set(["receipts", "payments", "autoTopUp"])

/** Every kind there is, and its group. */
export const NOTIFICATION_KINDS = {
  "subscription.started": "receipts",
  "subscription.renewed": "receipts",
  "subscription.plan_changed": "receipts",
  "topup.succeeded": "receipts",
  "payment.failed": "payments",
  "payment.recovered": "payments",
  "payment.action_required": "payments",
  "topup.failed": "payments",
  "topup.suspended": "payments",
  "topup.cap_80": "autoTopUp",
  "topup.cap_100": "autoTopUp",
  "topup.enabled": "autoTopUp",
  "topup.cap_changed": "autoTopUp",
  "topup.disabled": "autoTopUp",
  "credits.at_50": "credits",
  "credits.at_20": "credits",
  "credits.at_0": "credits",
  "subscription.renewal_reminder": "reminders",
  "subscription.offer_ends": "reminders",
  "payment.card_expiring": "reminders",
  "subscription.change_scheduled": "subscription",
  "subscription.cancel_scheduled": "subscription",
  "subscription.ended": "subscription",
  "review.answered": "support",
} as const satisfies Readonly<Record<string, NotificationGroup>>
export type NotificationKind = keyof typeof NOTIFICATION_KINDS

/** A period that was paid for, and what comes after it. */
interface PaidPeriod {
  readonly plan: string
  readonly interval: "monthly" | "yearly"
  /** What was charged. */
  readonly amountUsd: string
  readonly chargeId: string | null
  readonly periodEnd: string
  /** null: it does not renew. */
  readonly nextChargeUsd: string | null
}
interface TopUp {
  readonly amountUsd: string
  readonly obligation: string
}
interface Cap {
  /** "2026-11", UTC. */
  readonly month: string
  readonly capUsd: string
  readonly spentUsd: string
}
interface CreditLeft {
  readonly balanceUsd: string
  /** What the cycle was given. */
  readonly grantedUsd: string
  readonly cycleStart: string
}
interface Renewal {
  readonly plan: string
  readonly interval: "monthly" | "yearly"
  readonly at: string
  readonly amountUsd: string
}

/** What each kind is about. */
export interface NotificationData {
  readonly "subscription.started": PaidPeriod
  readonly "subscription.renewed": PaidPeriod
  readonly "subscription.plan_changed": PaidPeriod & { readonly fromPlan: string | null }
  readonly "topup.succeeded": TopUp & { readonly chargeId: string | null }
  readonly "payment.failed": {
    readonly what: "purchase" | "renewal" | "upgrade"
    /** What one is on now; null: nothing yet. */
    readonly plan: string | null
    readonly amountUsd: string
    readonly attempt: number
    readonly chargeId: string | null
    /** One sentence. */
    readonly reason: string
    /** null: none follows by itself. */
    readonly nextAttemptAt: string | null
    /** When the plan ends unless it is paid. */
    readonly endsAt: string | null
  }
  readonly "payment.recovered": { readonly plan: string; readonly amountUsd: string; readonly chargeId: string | null }
  readonly "payment.action_required": {
    readonly description: string
    readonly amountUsd: string
    readonly chargeId: string
    readonly expiresAt: string | null
  }
  readonly "topup.failed": TopUp & { readonly reason: string; readonly retryAt: string | null }
  readonly "topup.suspended": { readonly reason: string; readonly amountUsd: string | null }
  readonly "topup.cap_80": Cap
  readonly "topup.cap_100": Cap
  readonly "topup.enabled": { readonly capUsd: string }
  readonly "topup.cap_changed": { readonly capUsd: string; readonly beforeUsd: string | null }
  readonly "topup.disabled": { readonly by: "customer" | "lapse" }
  readonly "credits.at_50": CreditLeft
  readonly "credits.at_20": CreditLeft
  readonly "credits.at_0": CreditLeft
  readonly "subscription.renewal_reminder": Renewal
  readonly "subscription.offer_ends": Renewal
  readonly "payment.card_expiring": {
    readonly brand: string
    readonly last4: string
    readonly expMonth: number
    readonly expYear: number
  }
  readonly "subscription.change_scheduled": {
    readonly plan: string
    readonly interval: "monthly" | "yearly"
    readonly effectiveAt: string
  }
  readonly "subscription.cancel_scheduled": { readonly plan: string; readonly effectiveAt: string }
  readonly "subscription.ended": { readonly plan: string; readonly reason: string }
  readonly "review.answered": { readonly reviewId: string; readonly chargeId: string; readonly answer: string }
}

/** `type` of an outgoing webhook: a kind, or `ping` of `webhook test`. */
export const WEBHOOK_EVENTS: ReadonlyArray<NotificationKind | "ping"> = [
  ...(Object.keys(NOTIFICATION_KINDS) as Array<NotificationKind>),
  "ping",
]

export type NotificationsRequest =
  | ListNotifications
  | ReadNotification
  | ReadAllNotifications
  | ReadPreferences
  | SetPreferences
  | SetContact
  | AddWebhook
  | ListWebhooks
  | ShowWebhook
  | TestWebhook
  | RemoveWebhook
export type NotificationsOp = NotificationsRequest["op"]

/** What each operation answers in `ok`. */
export interface NotificationsAnswers {
  readonly list: NotificationPage
  readonly read: null
  readonly "read-all": null
  readonly preferences: PreferencesView
  readonly "set-preferences": PreferencesView
  readonly contact: null
  /** With its secret, as `webhook-add` alone answers it. */
  readonly "webhook-add": WebhookView & { readonly secret: string }
  readonly "webhook-list": { readonly items: ReadonlyArray<WebhookView> }
  readonly "webhook-show": WebhookView & { readonly deliveries: ReadonlyArray<WebhookDelivery> }
  readonly "webhook-test": WebhookTestAnswer
  readonly "webhook-remove": WebhookView
}

/** Newest first. */
export interface ListNotifications {
  readonly op: "list"
  readonly account: string
  /** 1–200, default 50. */
  readonly limit?: number
  readonly cursor?: string
  readonly unread?: boolean
}
/** Marks one as read; read already is no mistake. */
export interface ReadNotification {
  readonly op: "read"
  readonly account: string
  readonly notificationId: string
}
/** Marks all there are as read. */
export interface ReadAllNotifications {
  readonly op: "read-all"
  readonly account: string
}
export interface ReadPreferences {
  readonly op: "preferences"
  readonly account: string
}
/** What is not named stays. A group that is fixed takes no `false`. */
export interface SetPreferences {
  readonly op: "set-preferences"
  readonly account: string
  readonly groups: Readonly<Partial<Record<NotificationGroup, { readonly inApp?: boolean; readonly email?: boolean }>>>
}
/** Where an account is written to: told at every sign-in. An account without one has its inbox only. */
export interface SetContact {
  readonly op: "contact"
  readonly account: string
  readonly email: string
  readonly name: string | null
}
/** The same id again is the same endpoint; with another content it is `id_conflict`. */
export interface AddWebhook {
  readonly op: "webhook-add"
  /** `whk_…`, chosen by the caller. */
  readonly id: string
  readonly url: string
  readonly description: string
  /** None: all. */
  readonly events?: ReadonlyArray<string>
}
export interface ListWebhooks {
  readonly op: "webhook-list"
}
export interface ShowWebhook {
  readonly op: "webhook-show"
  readonly webhookId: string
}
/** Sends `ping` now, once, and tells what came back. */
export interface TestWebhook {
  readonly op: "webhook-test"
  readonly webhookId: string
}
/** Nothing more is sent to it; what was delivered stays on record. */
export interface RemoveWebhook {
  readonly op: "webhook-remove"
  readonly webhookId: string
}

export type NotificationsReply<A> = { readonly ok: A } | { readonly refused: NotificationsRefusal }
export interface NotificationsRefusal {
  readonly code:
    | "invalid"
    | "notification_not_found"
    | "preference_fixed"
    | "webhook_not_found"
    | "id_conflict"
    | "unknown_op"
    | "unavailable"
    | "clock_advancing"
  readonly detail: string
  readonly field?: string
}

export interface NotificationView {
  readonly id: string
  /** When it happened, business time. */
  readonly at: number
  readonly kind: NotificationKind
  readonly title: string
  /** One paragraph of plain text. */
  readonly body: string
  /** A path of the web pages. */
  readonly link: string
  readonly data: Readonly<Record<string, string | number | null>>
  readonly readAt: number | null
}
export interface NotificationPage {
  readonly items: ReadonlyArray<NotificationView>
  readonly nextCursor: string | null
  readonly unreadCount: number
}

export interface PreferencesView {
  readonly groups: Readonly<Record<NotificationGroup, GroupPreference>>
}
export interface GroupPreference {
  readonly inApp: boolean
  readonly email: boolean
  readonly isFixed: boolean
}

export interface WebhookView {
  readonly webhookId: string
  readonly url: string
  readonly description: string
  /** null: all. */
  readonly events: ReadonlyArray<string> | null
  /** `disabled`: by the system, see `reason`. */
  readonly status: "enabled" | "disabled" | "removed"
  readonly reason: string | null
  readonly createdAt: number
  /** Since when every delivery has failed; null: the last one arrived. */
  readonly failingSince: number | null
  readonly delivered: number
  readonly waiting: number
  readonly failed: number
}
/** The newest deliveries of an endpoint; real time. */
export interface WebhookDelivery {
  readonly notificationId: string
  readonly state: "waiting" | "sent" | "failed"
  readonly attempts: number
  readonly nextAttemptAt: number | null
  readonly lastOutcome: string | null
}
export interface WebhookTestAnswer {
  readonly delivered: boolean
  /** HTTP status; null: there was no answer. */
  readonly status: number | null
  /** The beginning of what was answered, or why nothing was. */
  readonly detail: string
  readonly tookMs: number
}

/** Subject `notifications.fact`, core NATS: a row that was committed a moment ago. May come twice, or be lost. */
export interface NotificationFact {
  readonly v: 1
  readonly account: string
  readonly notification: NotificationView
  readonly unreadCount: number
}
