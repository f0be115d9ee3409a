/** The state of auto top-up in words (R9). Pure. */
import type { AutoTopUp } from "@credits/contracts/http"
import { headline, price } from "../../format/money.ts"
import type { Tone } from "../../ui/notice.tsx"

export interface StateWords {
  readonly badge: string
  readonly tone: Tone | "plain"
  readonly sentence: string
}

const policy = ({ thresholdUsd, amountUsd }: AutoTopUp): string =>
  thresholdUsd === null || amountUsd === null
    ? ""
    : `${price(amountUsd)} are charged when your balance falls below ${price(thresholdUsd)}`

export const wordsOf = (topUp: AutoTopUp): StateWords => {
  const why = topUp.lastFailureReason === null ? "" : ` ${topUp.lastFailureReason}`
  switch (topUp.state) {
    case "off":
      return { badge: "Off", tone: "plain", sentence: "Nothing is charged by itself. At $0.00 hosted calls stop." }
    case "ready":
      return {
        badge: "On",
        tone: "good",
        sentence: `${policy(topUp)}, at most ${headline(topUp.remainingUsd)} more this month.`,
      }
    case "charging":
      return {
        badge: "Charging",
        tone: "info",
        sentence: `A top-up of ${headline(topUp.pendingUsd)} is being charged.`,
      }
    case "being_confirmed":
      return {
        badge: "Being confirmed",
        tone: "info",
        sentence:
          `The bank has not answered yet about ${headline(topUp.pendingUsd)}. It counts toward the cap, and no other ` +
          "top-up starts until it is known.",
      }
    case "waiting":
      return {
        badge: "Waiting",
        tone: "warn",
        sentence: `The last charge was declined. The next try is an hour later at the earliest, if still needed.${why}`,
      }
    case "cap_reached":
      return {
        badge: "Cap reached",
        tone: "warn",
        sentence: "This month's cap leaves no further top-up. It starts again next month (UTC), or with a higher cap.",
      }
    case "paused":
      return {
        badge: "Paused",
        tone: "warn",
        sentence: "Paused while the plan is canceled or its payment is open. Nothing is charged.",
      }
    case "suspended":
      return {
        badge: "Suspended",
        tone: "danger",
        sentence: `Stopped for this card until you act: save another card, or set the cap again.${why}`,
      }
  }
}
