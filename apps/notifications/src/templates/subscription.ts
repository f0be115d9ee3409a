/** What customers read about their subscription: its start, renewals, changes and end. Pure. */
import type { NotificationData } from "@credits/contracts"
import { dollars, PAGES, per, planName, when, type Templates } from "./words.ts"

type Paid = NotificationData["subscription.started"]

const renews = ({ periodEnd, nextChargeUsd, interval }: Paid): string =>
  nextChargeUsd === null
    ? `It ends on ${when(periodEnd)}.`
    : `It renews on ${when(periodEnd)} for ${dollars(nextChargeUsd)} a ${per(interval)}.`

const paid = (usd: string): string =>
  /^0+(\.0+)?$/.test(usd) ? "Nothing was charged." : `We charged ${dollars(usd)} to your card.`

const ENDED: Readonly<Record<string, string>> = {
  canceled: "It was canceled, and the time you paid for is over.",
  lapsed: "The renewal could not be paid.",
  refunded: "Its payment was given back.",
  complimentary_ended: "The time it was given for is over.",
}

export const subscriptionTemplates: Templates<
  | "subscription.started"
  | "subscription.renewed"
  | "subscription.plan_changed"
  | "subscription.renewal_reminder"
  | "subscription.offer_ends"
  | "subscription.change_scheduled"
  | "subscription.cancel_scheduled"
  | "subscription.ended"
> = {
  "subscription.started": (data) => ({
    title: `Welcome to ${planName(data.plan)}`,
    body: `Your ${planName(data.plan)} subscription has started. ${paid(data.amountUsd)} ${renews(data)}`,
    link: PAGES.billing,
    action: "See the receipt",
  }),
  "subscription.renewed": (data) => ({
    title: `${planName(data.plan)} renewed: ${dollars(data.amountUsd)}`,
    body: `Your ${planName(data.plan)} subscription was renewed. ${paid(data.amountUsd)} ${renews(data)}`,
    link: PAGES.billing,
    action: "See the receipt",
  }),
  "subscription.plan_changed": (data) => {
    const from = data.fromPlan === null || data.fromPlan === data.plan ? "" : ` from ${planName(data.fromPlan)}`
    return {
      title: `You are on ${planName(data.plan)} now`,
      body: `Your plan changed${from} to ${planName(data.plan)}. ${paid(data.amountUsd)} ${renews(data)}`,
      link: PAGES.billing,
      action: "See the receipt",
    }
  },
  "subscription.renewal_reminder": ({ plan, interval, at, amountUsd }) => ({
    title: `${planName(plan)} renews on ${when(at)}`,
    body:
      `Your ${planName(plan)} subscription renews on ${when(at)}. We will charge ${dollars(amountUsd)} ` +
      `for another ${per(interval)}. You can cancel at any time before.`,
    link: PAGES.plans,
    action: "Look at your plan",
  }),
  "subscription.offer_ends": ({ plan, interval, at, amountUsd }) => ({
    title: `Your first-month offer ends on ${when(at)}`,
    body:
      `The first month of ${planName(plan)} was at a lower price. From ${when(at)} on it is the full price, ` +
      `${dollars(amountUsd)} a ${per(interval)}.`,
    link: PAGES.plans,
    action: "Look at your plan",
  }),
  "subscription.change_scheduled": ({ plan, interval, effectiveAt }) => ({
    title: `Your plan changes on ${when(effectiveAt)}`,
    body:
      `On ${when(effectiveAt)} your plan becomes ${planName(plan)}, paid by the ${per(interval)}. ` +
      `Until then everything stays as it is.`,
    link: PAGES.plans,
    action: "Look at your plan",
  }),
  "subscription.cancel_scheduled": ({ plan, effectiveAt }) => ({
    title: `${planName(plan)} is canceled`,
    body:
      `Your ${planName(plan)} subscription will not renew. You keep the plan and its credit until ` +
      `${when(effectiveAt)}, and can resume it until then.`,
    link: PAGES.plans,
    action: "Look at your plan",
  }),
  "subscription.ended": ({ plan, reason }) => ({
    title: `${planName(plan)} has ended`,
    body:
      `Your ${planName(plan)} subscription has ended and you are on Free. ${ENDED[reason] ?? ""} Top-up credit is ` +
      `kept: it is frozen, and usable again when you subscribe.`,
    link: PAGES.plans,
    action: "See the plans",
  }),
}
