/**
 * Facts of payments → what their customer is told (R11): a bank that asks, a card about to expire. Pure. What came of
 * charges is told by whoever had a reason to charge: subscriptions and auto top-up.
 */
import type { PaymentFact } from "@credits/contracts"
import { textOf, usdOfCents, type Notice } from "./notification.ts"

/** R9.6: of a top-up that needs the customer, its suspension tells. */
const actionRequired = ({ id, account, at, charge }: PaymentFact): Notice | null => {
  if (charge === null || charge.kind === "topup") return null
  const { chargeId, description, amountCents, expiresAt } = charge
  return {
    kind: "payment.action_required",
    account,
    at,
    cause: `payments:${id}`,
    data: { description, amountUsd: usdOfCents(amountCents), chargeId, expiresAt: textOf(expiresAt) },
  }
}

const cardExpiring = ({ id, account, at, method }: PaymentFact): Notice | null => {
  if (method === null) return null
  const { brand, last4, expMonth, expYear } = method
  const data = { brand, last4, expMonth, expYear }
  return { kind: "payment.card_expiring", account, at, cause: `payments:${id}`, data }
}

export const fromPayment = (fact: PaymentFact): Notice | null => {
  if (fact.kind === "charge_action_required") return actionRequired(fact)
  return fact.kind === "method_expiring" ? cardExpiring(fact) : null
}
