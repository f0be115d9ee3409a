/** How a subscription and auto top-up look to operators and programs. Pure; the field names of the HTTP API. */
import type { ConsentRecord, SubscriptionView, TopupView } from "@credits/contracts"
import { formatUsd, NANO_PER_CENT } from "@credits/kernel"
import { facts, table } from "./table.ts"
import { instantOf, usdOf } from "./wallet.ts"

/** Whole cents → USD decimal string. */
export const usdOfCents = (cents: number): string => formatUsd(BigInt(cents) * NANO_PER_CENT)

const amountOf = (cents: number | null): string | null => (cents === null ? null : usdOfCents(cents))

export const subscriptionJson = (view: SubscriptionView) => ({
  accountId: view.account,
  subscriptionId: view.subscriptionId,
  plan: view.plan,
  interval: view.interval,
  status: view.status,
  complimentary: view.complimentary,
  currentPeriodStart: instantOf(view.currentPeriodStart),
  currentPeriodEnd: instantOf(view.currentPeriodEnd),
  cycleStart: instantOf(view.cycleStart),
  cycleEnd: instantOf(view.cycleEnd),
  cancelAtPeriodEnd: view.cancelAtPeriodEnd,
  renewal:
    view.renewal === null ? null : { at: instantOf(view.renewal.at), amountUsd: usdOfCents(view.renewal.amountCents) },
  pendingChange:
    view.pendingChange === null
      ? null
      : { ...view.pendingChange, effectiveAt: instantOf(view.pendingChange.effectiveAt) },
  pendingPayment:
    view.pendingPayment === null
      ? null
      : {
          chargeId: view.pendingPayment.chargeId,
          status: view.pendingPayment.status,
          amountUsd: usdOfCents(view.pendingPayment.amountCents),
          since: instantOf(view.pendingPayment.since),
        },
  pastDue:
    view.pastDue === null
      ? null
      : {
          amountUsd: usdOfCents(view.pastDue.amountCents),
          nextAttemptAt: instantOf(view.pastDue.nextAttemptAt),
          endsAt: instantOf(view.pastDue.endsAt),
          reason: view.pastDue.reason,
        },
  firstMonthOfferEligible: view.firstMonthOfferEligible,
  upgrade:
    view.upgrade === null
      ? null
      : { plan: view.upgrade.plan, interval: view.upgrade.interval, addsUsd: usdOf(view.upgrade.addsNano) },
  asOf: instantOf(view.asOf),
})

/** "plus, monthly", "pro (complimentary)", "free". */
export const planText = (view: SubscriptionView): string => {
  if (view.complimentary) return `${view.plan} (complimentary)`
  return view.interval === null ? view.plan : `${view.plan}, ${view.interval}`
}

const spanText = (from: number | null, to: number | null): string | null =>
  from === null || to === null ? null : `${instantOf(from)} to ${instantOf(to)}`

export const subscriptionText = (view: SubscriptionView): string => {
  const { renewal, pendingChange, pendingPayment: pending, pastDue } = view
  return facts([
    ["account", view.account],
    ["subscription", view.subscriptionId],
    ["plan", planText(view)],
    ["status", view.status],
    ["period", spanText(view.currentPeriodStart, view.currentPeriodEnd)],
    ["credit cycle", spanText(view.cycleStart, view.cycleEnd)],
    ["renews", renewal === null ? "no" : `${instantOf(renewal.at)}, ${usdOfCents(renewal.amountCents)} USD`],
    ...(pendingChange === null
      ? []
      : ([
          [
            "SCHEDULED",
            `${pendingChange.plan}, ${pendingChange.interval} from ${instantOf(pendingChange.effectiveAt)}`,
          ],
        ] as const)),
    ...(pending === null
      ? []
      : ([
          [
            "PAYMENT",
            `${pending.status}: ${usdOfCents(pending.amountCents)} USD, ${pending.chargeId ?? "no charge yet"}, ` +
              `since ${instantOf(pending.since)}`,
          ],
        ] as const)),
    ...(pastDue === null
      ? []
      : ([
          [
            "PAST DUE",
            `${usdOfCents(pastDue.amountCents)} USD: ${pastDue.reason}; next attempt ` +
              `${instantOf(pastDue.nextAttemptAt) ?? "none"}, ends ${instantOf(pastDue.endsAt)}`,
          ],
        ] as const)),
    ["first-month offer", view.firstMonthOfferEligible ? "not used" : "not available"],
    ["as of", instantOf(view.asOf)],
  ])
}

export const topupJson = (view: TopupView, consents: ReadonlyArray<ConsentRecord>) => ({
  accountId: view.account,
  enabled: view.enabled,
  state: view.state,
  monthlyCapUsd: amountOf(view.monthlyCapCents),
  monthKey: view.monthKey,
  spentThisMonthUsd: usdOfCents(view.spentThisMonthCents),
  pendingUsd: usdOfCents(view.pendingCents),
  remainingUsd: usdOfCents(view.remainingCents),
  thresholdUsd: amountOf(view.thresholdCents),
  amountUsd: amountOf(view.amountCents),
  lastFailureReason: view.lastFailureReason,
  consentedAt: instantOf(view.consentedAt),
  consents: consents.map(({ at, monthlyCapCents, ...record }) => ({
    at: instantOf(at),
    ...record,
    monthlyCapUsd: amountOf(monthlyCapCents),
  })),
})

export const topupText = (view: TopupView, consents: ReadonlyArray<ConsentRecord>): string => {
  const cap = amountOf(view.monthlyCapCents)
  const policy =
    view.thresholdCents === null || view.amountCents === null
      ? "none: no plan"
      : `${usdOfCents(view.amountCents)} USD below ${usdOfCents(view.thresholdCents)} USD`
  const state = facts([
    ["account", view.account],
    ["state", view.enabled ? view.state : "off"],
    ["policy of the plan", policy],
    [
      `month ${view.monthKey} (UTC)`,
      `${usdOfCents(view.spentThisMonthCents)} USD topped up, ${usdOfCents(view.pendingCents)} in flight` +
        (cap === null ? "" : `, ${usdOfCents(view.remainingCents)} left of ${cap}`),
    ],
    ["last failure", view.lastFailureReason],
  ])
  if (consents.length === 0) return state
  const rows = consents.map((each) => [
    instantOf(each.at),
    each.action,
    amountOf(each.monthlyCapCents),
    each.textVersion,
    each.source,
  ])
  const columns = [
    { title: "AT" },
    { title: "CONSENT" },
    { title: "CAP", align: "right" },
    { title: "TEXT" },
    { title: "SOURCE" },
  ] as const
  return `${state}\n\n${table(columns, rows)}`
}
