/** What customers read when their credit runs low. Pure. */
import type { NotificationData } from "@credits/contracts"
import { dollars, PAGES, type Templates, type Told } from "./words.ts"

const left = (title: string, { balanceUsd, grantedUsd }: NotificationData["credits.at_50"]): Told => ({
  title,
  body:
    `Your balance is ${dollars(balanceUsd)} of the ${dollars(grantedUsd)} that this cycle was given. ` +
    `An upgrade, auto top-up or your own provider key keep you going when it is used up.`,
  link: PAGES.wallet,
  action: "Look at your wallet",
})

export const creditTemplates: Templates<"credits.at_50" | "credits.at_20" | "credits.at_0"> = {
  "credits.at_50": (data) => left("Half of your credit is used", data),
  "credits.at_20": (data) => left("20 % of your credit is left", data),
  "credits.at_0": ({ grantedUsd }) => ({
    title: "Your credit is used up",
    body:
      `The ${dollars(grantedUsd)} that this cycle was given are used. Hosted models need credit: upgrade, turn on ` +
      `auto top-up, or go on with your own provider key.`,
    link: PAGES.wallet,
    action: "See the ways on",
  }),
}
