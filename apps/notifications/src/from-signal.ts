/**
 * Signals of the ledger → what their customer is told (R11): credits at 50, 20 and 0 % of what the cycle was given.
 * Pure. A reversal or a top-up lets a mark be passed again; a mark is told once a cycle.
 */
import { decodeCreditMark, type NotificationKind, type Signal, type SignalKind } from "@credits/contracts"
import { formatInstant, formatUsd } from "@credits/kernel"
import type { Notice } from "./notification.ts"

const MARKS: Readonly<Partial<Record<SignalKind, NotificationKind & `credits.${string}`>>> = {
  credit_at_50: "credits.at_50",
  credit_at_20: "credits.at_20",
  credit_at_0: "credits.at_0",
}

/** @throws Error for a mark that does not say which cycle it is about. */
export const fromSignal = (signal: Signal): Notice | null => {
  const { account, at, balance, detail } = signal
  const kind = MARKS[signal.kind]
  if (kind === undefined) return null
  const mark = decodeCreditMark(detail)
  if (mark === null) throw new Error(`a credit mark of ${account} without its cycle`)
  return {
    kind,
    account,
    at,
    cause: `${kind}:${account}:${mark.cycleStart}`,
    data: {
      balanceUsd: formatUsd(BigInt(balance)),
      grantedUsd: formatUsd(mark.granted),
      cycleStart: formatInstant(mark.cycleStart),
    },
  }
}
