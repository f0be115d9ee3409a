/**
 * The ways on from an empty wallet (R6.2): upgrade, auto top-up, BYOK. Pure. An upgrade is named only when there is one
 * that adds credit now, with the amount; which one and how much is subscriptions' to say (R4.3).
 */
import type { SubscriptionView } from "@credits/contracts"
import type { WayOn } from "@credits/contracts/http"
import type { Catalogue } from "@credits/pricebook"
import { usdOf } from "./wallet-view.ts"

const AUTO_TOP_UP: WayOn = {
  action: "auto_top_up",
  detail: "Turn on auto top-up with a monthly cap; the balance is then refilled before it runs out.",
}
const BYOK: WayOn = { action: "byok", detail: "Use your own provider key: such calls are never charged here." }

export const waysOn = (upgrade: SubscriptionView["upgrade"], catalogue: Catalogue | null): ReadonlyArray<WayOn> => {
  if (upgrade === null) return [AUTO_TOP_UP, BYOK]
  const { plan, interval } = upgrade
  const addsUsd = usdOf(upgrade.addsNano)
  const name = catalogue?.plans.find(({ id }) => id === plan)?.name ?? plan
  const detail = `Upgrade to ${name}, ${interval}: ${addsUsd} USD of credit now.`
  return [{ action: "upgrade", detail, plan, addsUsd }, AUTO_TOP_UP, BYOK]
}
