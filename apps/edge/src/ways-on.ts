/**
 * The ways on from an empty wallet (R6.2): upgrade, auto top-up, BYOK. Pure. An upgrade is named only when it adds
 * credit now, with the amount: the new plan's cycle credit less the share of the old one not yet earned (R4.3), which
 * is the least it can add to a wallet that is empty.
 */
import type { WalletAnswer } from "@credits/contracts"
import type { WayOn } from "@credits/contracts/http"
import { formatUsd, type Instant, type Nano } from "@credits/kernel"
import type { Catalogue, Plan } from "@credits/pricebook"

const AUTO_TOP_UP: WayOn = {
  action: "auto_top_up",
  detail: "Turn on auto top-up with a monthly cap; the balance is then refilled before it runs out.",
}
const BYOK: WayOn = { action: "byok", detail: "Use your own provider key: such calls are never charged here." }

const creditAddedNow = (plan: Plan, current: Plan | undefined, cycle: WalletAnswer["cycle"], now: Instant): Nano => {
  if (current === undefined || cycle === null) return plan.creditsPerCycle
  const length = BigInt(Math.max(1, cycle.end - cycle.start))
  const left = BigInt(Math.max(0, Math.min(cycle.end - now, cycle.end - cycle.start)))
  return plan.creditsPerCycle - (current.creditsPerCycle * left) / length
}

/** The cheapest plan above the account's that adds credit now, then auto top-up, then BYOK. */
export const waysOn = (wallet: WalletAnswer | null, catalogue: Catalogue | null): ReadonlyArray<WayOn> => {
  const ways: Array<WayOn> = []
  if (wallet !== null && catalogue !== null) {
    const current = catalogue.plans.find((plan) => plan.id === wallet.plan)
    for (const plan of catalogue.plans) {
      if (plan.rank <= (current?.rank ?? 0)) continue
      const adds = creditAddedNow(plan, current, wallet.cycle, wallet.asOf)
      if (adds <= 0n) continue
      const addsUsd = formatUsd(adds)
      ways.push({
        action: "upgrade",
        detail: `Upgrade to ${plan.name}: at least ${addsUsd} USD of credit now.`,
        plan: plan.id,
        addsUsd,
      })
      break
    }
  }
  return [...ways, AUTO_TOP_UP, BYOK]
}
