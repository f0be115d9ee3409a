/** Auto top-up as HTTP shows it. Pure; decides nothing. */
import type { TopupView } from "@credits/contracts"
import type { AutoTopUp } from "@credits/contracts/http"
import { formatInstant } from "@credits/kernel"
import { usdOfCents } from "./subscription-view.ts"

const amountOf = (cents: number | null): string | null => (cents === null ? null : usdOfCents(cents))

export const autoTopUpView = (view: TopupView): AutoTopUp => ({
  enabled: view.enabled,
  monthlyCapUsd: amountOf(view.monthlyCapCents),
  spentThisMonthUsd: usdOfCents(view.spentThisMonthCents),
  pendingUsd: usdOfCents(view.pendingCents),
  remainingUsd: usdOfCents(view.remainingCents),
  monthKey: view.monthKey,
  monthZone: "UTC",
  thresholdUsd: amountOf(view.thresholdCents),
  amountUsd: amountOf(view.amountCents),
  state: view.state,
  lastFailureReason: view.lastFailureReason,
  consentedAt: view.consentedAt === null ? null : formatInstant(view.consentedAt),
})
