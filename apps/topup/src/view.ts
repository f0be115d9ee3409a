/**
 * Auto top-up as customers and operators see it, and the facts told of it. Pure: one state and one instant. Decides
 * nothing.
 */
import type { TopupFact, TopupState as TopupWord, TopupView } from "@credits/contracts"
import { NANO_PER_CENT, type Instant } from "@credits/kernel"
import { monthIn, monthOf } from "./cap.ts"
import { isPaused, isWaiting, roomNow, type TopupState } from "./topup-state.ts"

/** What is undecided counts in the month it was authorized in; while that is not known, in the running one (I7). */
export const pendingIn = ({ flight }: TopupState, now: Instant): number => {
  if (flight === null || flight.stage === "clearing") return 0
  const month = flight.authorizedAt === null ? monthOf(now) : monthOf(flight.authorizedAt)
  return month === monthOf(now) ? flight.amountCents : 0
}

const wordOf = (state: TopupState, now: Instant): TopupWord => {
  const { flight, consent } = state
  if (flight?.stage === "being_confirmed") return "being_confirmed"
  if (flight?.stage === "charging" || flight?.stage === "marking" || state.grants.length > 0) return "charging"
  if (consent === null) return "off"
  if (state.suspension !== null) return "suspended"
  if (isPaused(state)) return "paused"
  if (state.plan.policy !== null && roomNow(state, now) === 0) return "cap_reached"
  return isWaiting(state) ? "waiting" : "ready"
}

export const viewOf = (state: TopupState, now: Instant): TopupView => {
  const { consent, plan } = state
  const { spentCents } = monthIn(state.months, monthOf(now))
  const pendingCents = pendingIn(state, now)
  const capCents = consent?.capCents ?? null
  return {
    account: state.account,
    enabled: consent !== null,
    monthlyCapCents: capCents,
    monthKey: monthOf(now),
    spentThisMonthCents: spentCents,
    pendingCents,
    // A cap lowered below what was spent leaves nothing, not less than nothing.
    remainingCents: Math.max(0, (capCents ?? 0) - spentCents - pendingCents),
    thresholdCents: plan.policy === null ? null : Number(plan.policy.threshold / NANO_PER_CENT),
    amountCents: plan.policy?.amountCents ?? null,
    state: wordOf(state, now),
    lastFailureReason: state.suspension?.reason ?? state.lastFailure,
    consentedAt: consent?.at ?? null,
  }
}

export type FactDetail = TopupFact["detail"]

/** The n-th fact of an account. */
export const factOf = (
  state: TopupState,
  now: Instant,
  { n, kind, detail }: { readonly n: number; readonly kind: TopupFact["kind"]; readonly detail: FactDetail },
): TopupFact => ({
  v: 1,
  id: `topup:${state.account}:${n}`,
  kind,
  account: state.account,
  at: now,
  topup: viewOf(state, now),
  detail,
})
