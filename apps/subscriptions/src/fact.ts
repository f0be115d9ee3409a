/**
 * Facts for the stream SUBSCRIPTIONS (contract): what happened in one decision, with the subscription as it is after
 * it. Pure. An id is made of kind, account and cause, so a fact told again is the same.
 */
import type { SubscriptionFact, SubscriptionView } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import type { Happened, State } from "./subscription.ts"

/** R9.2: of the paid plan alone; a complimentary one tops nothing up. */
const autoTopUpOf = ({ subscription }: State): SubscriptionFact["autoTopUp"] => {
  if (subscription?.kind !== "paid") return null
  const { topUpThreshold, topUpAmount } = subscription.terms
  if (topUpThreshold === null || topUpAmount === null) return null
  return { threshold: topUpThreshold.toString(), amount: topUpAmount.toString() }
}

export const factOf = (
  state: State,
  happened: Happened,
  subscription: SubscriptionView,
  at: Instant,
): SubscriptionFact => ({
  v: 1,
  id: `${happened.kind}:${state.account}:${happened.cause}`,
  kind: happened.kind,
  account: state.account,
  at,
  subscription,
  autoTopUp: autoTopUpOf(state),
  detail: happened.detail,
})
