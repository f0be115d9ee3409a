/**
 * Facts of auto top-up → what their customer is told (R9.6, R11): each outcome, each change of the consent, and the
 * cap's marks. Pure. A mark is told once a calendar month, whatever the cap was set to meanwhile.
 */
import type { TopupFact } from "@credits/contracts"
import { textOf, usdOfCents, type Notice } from "./notification.ts"

type Detail = TopupFact["detail"]

const centsIn = (detail: Detail, name: string): string => {
  const value = detail[name]
  if (typeof value !== "number") throw new Error(`the fact has no ${name}`)
  return usdOfCents(value)
}
const centsOrNull = (detail: Detail, name: string): string | null => {
  const value = detail[name]
  return typeof value === "number" ? usdOfCents(value) : null
}
const textIn = (detail: Detail, name: string): string => {
  const value = detail[name]
  if (typeof value !== "string") throw new Error(`the fact has no ${name}`)
  return value
}

const topUp = (detail: Detail): { readonly amountUsd: string; readonly obligation: string } => ({
  amountUsd: centsIn(detail, "amountCents"),
  obligation: textIn(detail, "obligation"),
})

const about = ({ kind, detail, topup }: TopupFact): Pick<Notice, "kind" | "data"> => {
  switch (kind) {
    case "succeeded": {
      const { chargeId } = detail
      return {
        kind: "topup.succeeded",
        data: { ...topUp(detail), chargeId: typeof chargeId === "string" ? chargeId : null },
      }
    }
    case "failed": {
      const { retryAt } = detail
      return {
        kind: "topup.failed",
        data: {
          ...topUp(detail),
          reason: textIn(detail, "reason"),
          retryAt: textOf(typeof retryAt === "number" ? retryAt : null),
        },
      }
    }
    case "suspended":
      return {
        kind: "topup.suspended",
        data: { reason: textIn(detail, "reason"), amountUsd: centsOrNull(detail, "amountCents") },
      }
    case "cap_80":
    case "cap_100":
      return {
        kind: `topup.${kind}`,
        data: { month: monthOf(detail, topup), capUsd: capOf(topup), spentUsd: usdOfCents(topup.spentThisMonthCents) },
      }
    case "enabled":
      return { kind: "topup.enabled", data: { capUsd: capOf(topup) } }
    case "cap_changed":
      return {
        kind: "topup.cap_changed",
        data: { capUsd: capOf(topup), beforeUsd: centsOrNull(detail, "before") },
      }
    case "disabled":
      return { kind: "topup.disabled", data: { by: detail["reason"] === "lapse" ? "lapse" : "customer" } }
  }
}

const capOf = ({ monthlyCapCents }: TopupFact["topup"]): string => {
  if (monthlyCapCents === null) throw new Error("the fact has no cap")
  return usdOfCents(monthlyCapCents)
}
const monthOf = (detail: Detail, topup: TopupFact["topup"]): string => {
  const { month } = detail
  return typeof month === "string" ? month : topup.monthKey
}

/** @throws Error for a fact that lacks what its kind carries. */
export const fromTopup = (fact: TopupFact): Notice => {
  const { id, account, at, kind } = fact
  const isMark = kind === "cap_80" || kind === "cap_100"
  const cause = isMark ? `${kind}:${account}:${monthOf(fact.detail, fact.topup)}` : `topup:${id}`
  return { ...about(fact), account, at, cause } as Notice
}
