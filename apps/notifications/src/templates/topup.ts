/** What customers read about auto top-up: outcomes, the cap, and every change of their consent. Pure. */
import { dollars, monthName, PAGES, when, type Templates } from "./words.ts"

/** Codes that say something a customer can act on; of others (a bank's suspicion, an operator's note) only that. */
const REASONS: Readonly<Record<string, string>> = {
  insufficient_funds: "The card did not have enough money on it.",
  expired_card: "The card has expired.",
  authentication_required: "Your bank wants you to confirm such payments yourself.",
  payment_method_required: "There is no card saved that can be charged.",
  disputed: "A payment was disputed with the bank.",
}
const reasonOf = (code: string): string => REASONS[code] ?? "Your bank did not accept the payment."
const suspensionOf = (code: string): string =>
  REASONS[code] ?? "The last payments were not accepted, or support stopped it."

export const topupTemplates: Templates<
  | "topup.succeeded"
  | "topup.failed"
  | "topup.suspended"
  | "topup.cap_80"
  | "topup.cap_100"
  | "topup.enabled"
  | "topup.cap_changed"
  | "topup.disabled"
> = {
  "topup.succeeded": ({ amountUsd }) => ({
    title: `${dollars(amountUsd)} of credit added`,
    body:
      `Your balance was low, so auto top-up charged ${dollars(amountUsd)} to your card and added it as credit. ` +
      `Credit you bought does not expire with the cycle.`,
    link: PAGES.billing,
    action: "See the receipt",
  }),
  "topup.failed": ({ amountUsd, reason, retryAt }) => ({
    title: `Auto top-up of ${dollars(amountUsd)} failed`,
    body:
      `Your balance is low and the charge of ${dollars(amountUsd)} did not go through. ${reasonOf(reason)} ` +
      (retryAt === null
        ? "It is not tried again by itself."
        : `If it is still low, we try again after ${when(retryAt)}.`),
    link: PAGES.card,
    action: "Look at the card",
  }),
  "topup.suspended": ({ reason, amountUsd }) => ({
    title: "Auto top-up is suspended",
    body:
      (amountUsd === null ? "" : `The charge of ${dollars(amountUsd)} did not go through. `) +
      `${suspensionOf(reason)} ` +
      `Nothing more is charged automatically until you save another card or turn auto top-up on again.`,
    link: PAGES.autoTopUp,
    action: "Turn it on again",
  }),
  "topup.cap_80": ({ month, capUsd, spentUsd }) => ({
    title: "80 % of your auto top-up cap is used",
    body:
      `In ${monthName(month)} auto top-up has charged ${dollars(spentUsd)} of the ${dollars(capUsd)} that you ` +
      `allow in a month.`,
    link: PAGES.autoTopUp,
    action: "Look at the cap",
  }),
  "topup.cap_100": ({ month, capUsd, spentUsd }) => ({
    title: "Your auto top-up cap is reached",
    body:
      `In ${monthName(month)} auto top-up has charged ${dollars(spentUsd)}; no further top-up fits into the ` +
      `${dollars(capUsd)} that you allow in a month. You can raise the cap; it begins anew next month.`,
    link: PAGES.autoTopUp,
    action: "Look at the cap",
  }),
  "topup.enabled": ({ capUsd }) => ({
    title: "Auto top-up is on",
    body:
      `You allowed auto top-up to charge your saved card when your balance runs low, never more than ` +
      `${dollars(capUsd)} in a calendar month (UTC). If this was not you, turn it off and tell support.`,
    link: PAGES.autoTopUp,
    action: "Look at auto top-up",
  }),
  "topup.cap_changed": ({ capUsd, beforeUsd }) => ({
    title: `Your auto top-up cap is ${dollars(capUsd)} now`,
    body:
      `The most that auto top-up may charge in a calendar month (UTC) was changed ` +
      `${beforeUsd === null ? "" : `from ${dollars(beforeUsd)} `}to ${dollars(capUsd)}. If this was not you, turn it ` +
      `off and tell support.`,
    link: PAGES.autoTopUp,
    action: "Look at auto top-up",
  }),
  "topup.disabled": ({ by }) => ({
    title: "Auto top-up is off",
    body:
      by === "lapse"
        ? "Your plan has ended, and with it your consent to auto top-up. Turning it on again takes a new one."
        : "You turned auto top-up off: nothing more is charged automatically. A charge on its way still completes.",
    link: PAGES.autoTopUp,
    action: "Look at auto top-up",
  }),
}
