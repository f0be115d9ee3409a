/**
 * Facts of subscriptions → what their customer is told (R11). Pure. A fact's own id is the cause. Facts that tell a
 * customer nothing new (a cycle of a paid year, what support gave) make no notification.
 */
import type { Interval, NotificationData, SubscriptionFact } from "@credits/contracts"
import { formatInstant } from "@credits/kernel"
import { usdOfCents, type Notice } from "./notification.ts"

type Detail = SubscriptionFact["detail"]

/** What a fact of this kind carries by contract; one without it is a defect, and becomes a dead letter. */
const textIn = (detail: Detail, name: string): string => {
  const value = detail[name]
  if (typeof value !== "string") throw new Error(`the fact has no ${name}`)
  return value
}
const numberIn = (detail: Detail, name: string): number => {
  const value = detail[name]
  if (typeof value !== "number") throw new Error(`the fact has no ${name}`)
  return value
}
const textOrNull = (detail: Detail, name: string): string | null => {
  const value = detail[name]
  return typeof value === "string" ? value : null
}
const intervalIn = (detail: Detail): Interval => (detail["interval"] === "yearly" ? "yearly" : "monthly")

const paidPeriod = ({ detail, subscription }: SubscriptionFact): NotificationData["subscription.started"] => ({
  plan: textIn(detail, "plan"),
  interval: intervalIn(detail),
  amountUsd: usdOfCents(numberIn(detail, "amountCents")),
  chargeId: textOrNull(detail, "chargeId"),
  periodEnd: formatInstant(numberIn(detail, "periodEnd")),
  nextChargeUsd: subscription.renewal === null ? null : usdOfCents(subscription.renewal.amountCents),
})

const renewal = ({ detail }: SubscriptionFact): NotificationData["subscription.offer_ends"] => ({
  plan: textIn(detail, "plan"),
  interval: intervalIn(detail),
  at: formatInstant(numberIn(detail, "at")),
  amountUsd: usdOfCents(numberIn(detail, "amountCents")),
})

/** Each attempt, with what follows (R5.4). After the last one nothing does: its own instant is no next one. */
const paymentFailed = ({ at, detail, subscription }: SubscriptionFact): NotificationData["payment.failed"] => {
  const what = textIn(detail, "kind")
  const follows = (instant: number | null | undefined): string | null =>
    instant === null || instant === undefined || instant <= at ? null : formatInstant(instant)
  return {
    what: what === "renewal" || what === "upgrade" ? what : "purchase",
    plan: subscription.status === "free" ? null : subscription.plan,
    amountUsd: usdOfCents(numberIn(detail, "amountCents")),
    attempt: numberIn(detail, "attempt"),
    chargeId: textOrNull(detail, "chargeId"),
    reason: textIn(detail, "reason"),
    nextAttemptAt: follows(subscription.pastDue?.nextAttemptAt),
    endsAt: follows(subscription.pastDue?.endsAt),
  }
}

const about = (fact: SubscriptionFact): Pick<Notice, "kind" | "data"> | null => {
  const { kind, detail, subscription } = fact
  switch (kind) {
    case "started":
      return { kind: "subscription.started", data: paidPeriod(fact) }
    case "renewed":
      return { kind: "subscription.renewed", data: paidPeriod(fact) }
    case "upgraded":
    case "downgraded":
      return {
        kind: "subscription.plan_changed",
        data: { ...paidPeriod(fact), fromPlan: textOrNull(detail, "fromPlan") },
      }
    case "payment_failed":
      return { kind: "payment.failed", data: paymentFailed(fact) }
    case "recovered":
      return {
        kind: "payment.recovered",
        data: {
          plan: textIn(detail, "plan"),
          amountUsd: usdOfCents(numberIn(detail, "amountCents")),
          chargeId: textOrNull(detail, "chargeId"),
        },
      }
    case "renewal_reminder":
      return { kind: "subscription.renewal_reminder", data: renewal(fact) }
    case "offer_ends":
      return { kind: "subscription.offer_ends", data: renewal(fact) }
    case "downgrade_scheduled":
      return {
        kind: "subscription.change_scheduled",
        data: {
          plan: textIn(detail, "plan"),
          interval: intervalIn(detail),
          effectiveAt: formatInstant(numberIn(detail, "effectiveAt")),
        },
      }
    case "cancel_scheduled":
      return {
        kind: "subscription.cancel_scheduled",
        data: { plan: subscription.plan, effectiveAt: formatInstant(numberIn(detail, "effectiveAt")) },
      }
    case "ended":
      return {
        kind: "subscription.ended",
        data: { plan: textIn(detail, "plan"), reason: textIn(detail, "reason") },
      }
    case "review_answered":
      return {
        kind: "review.answered",
        data: {
          reviewId: textIn(detail, "reviewId"),
          chargeId: textIn(detail, "chargeId"),
          answer: textIn(detail, "answer"),
        },
      }
    // A cycle of a paid year costs nothing; `past_due` comes with the failure that caused it; what support gave or a
    // customer took back is seen where it was done.
    case "cycle_began":
    case "resumed":
    case "past_due":
    case "complimentary":
    case "charge_waived":
    case "review_opened":
      return null
  }
}

/** @throws Error for a fact that lacks what its kind carries. */
export const fromSubscription = (fact: SubscriptionFact): Notice | null => {
  const told = about(fact)
  const { id, account, at } = fact
  return told === null ? null : ({ ...told, account, at, cause: `subscriptions:${id}` } as Notice)
}
