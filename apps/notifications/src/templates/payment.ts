/** What customers read about a payment that failed, was made good, or needs them, and about their card. Pure. */
import { dollars, PAGES, planName, when, type Templates } from "./words.ts"

const WHAT = { purchase: "your new plan", renewal: "the renewal of your plan", upgrade: "your upgrade" } as const

/** A bank's sentence, with its full stop. */
const sentence = (reason: string): string => {
  const text = reason.trim()
  if (text === "") return ""
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."} `
}

const followsOf = (nextAttemptAt: string | null, endsAt: string | null): string => {
  const next = nextAttemptAt === null ? "" : `We try again on ${when(nextAttemptAt)}. `
  return endsAt === null ? next : `${next}Unless it is paid, your plan ends on ${when(endsAt)}. `
}

export const paymentTemplates: Templates<
  "payment.failed" | "payment.recovered" | "payment.action_required" | "payment.card_expiring"
> = {
  "payment.failed": ({ what, amountUsd, reason, nextAttemptAt, endsAt }) => ({
    title: `Payment of ${dollars(amountUsd)} failed`,
    body:
      `We could not charge ${dollars(amountUsd)} for ${WHAT[what]}. ${sentence(reason)}` +
      `${followsOf(nextAttemptAt, endsAt)}A look at your card may help: with another one it is tried at once.`,
    link: PAGES.card,
    action: "Fix the card",
  }),
  "payment.recovered": ({ plan, amountUsd }) => ({
    title: "Your payment went through",
    body:
      `The payment of ${dollars(amountUsd)} for ${planName(plan)} that had failed is made. ` +
      `Your plan goes on as before.`,
    link: PAGES.billing,
    action: "See the receipt",
  }),
  "payment.action_required": ({ description, amountUsd, expiresAt }) => ({
    title: "Your bank asks you to confirm a payment",
    body:
      `Your bank wants you to confirm the payment of ${dollars(amountUsd)} (${description}) yourself. ` +
      `${expiresAt === null ? "" : `Please do it until ${when(expiresAt)}. `}Nothing is charged before.`,
    link: PAGES.billing,
    action: "Confirm the payment",
  }),
  "payment.card_expiring": ({ brand, last4, expMonth, expYear }) => ({
    title: `Your card ending in ${last4} expires soon`,
    body:
      `Your ${planName(brand)} card ending in ${last4} expires at the end of ${String(expMonth).padStart(2, "0")}/` +
      `${expYear}. Save another one, so that your plan and auto top-up go on.`,
    link: PAGES.card,
    action: "Save another card",
  }),
}
