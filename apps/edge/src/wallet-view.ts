/**
 * The ledger's answers as HTTP shows them: nano-USD to decimal USD, milliseconds to ISO instants. Pure; decides
 * nothing.
 */
import type { StatementItem, WalletAnswer } from "@credits/contracts"
import type { AutoTopUp, Entry, Wallet } from "@credits/contracts/http"
import { formatInstant, formatUsd, parseNano } from "@credits/kernel"

/** Nano-USD text of the bus as USD text. A malformed amount is a defect, never shown as 0. */
export const usdOf = (nano: string): string => {
  const amount = parseNano(nano)
  if (amount === null) throw new RangeError(`not an amount of nano-USD: ${JSON.stringify(nano)}`)
  return formatUsd(amount)
}

/** `autoTopUp` is null while its service does not answer: the rest is true without it. */
export const walletView = (answer: WalletAnswer, autoTopUp: AutoTopUp | null): Wallet => ({
  accountId: answer.account,
  plan: answer.plan,
  availableUsd: usdOf(answer.available),
  balanceUsd: usdOf(answer.balance),
  heldUsd: usdOf(answer.held),
  debtUsd: usdOf(answer.debt),
  frozenUsd: usdOf(answer.frozen),
  lots: answer.lots.map((lot) => ({
    id: lot.id,
    kind: lot.kind,
    grantedUsd: usdOf(lot.granted),
    remainingUsd: usdOf(lot.remaining),
    grantedAt: formatInstant(lot.grantedAt),
    expiresAt: lot.expiresAt === null ? null : formatInstant(lot.expiresAt),
  })),
  cycle:
    answer.cycle === null
      ? null
      : {
          start: formatInstant(answer.cycle.start),
          end: formatInstant(answer.cycle.end),
          grantedUsd: usdOf(answer.cycle.granted),
          spentUsd: usdOf(answer.cycle.spent),
        },
  autoTopUp,
  asOf: formatInstant(answer.asOf),
  seq: answer.seq,
})

export const entryView = (item: StatementItem): Entry => ({
  seq: item.seq,
  at: formatInstant(item.at),
  kind: item.kind,
  amountUsd: usdOf(item.amount),
  availableAfterUsd: usdOf(item.availableAfter),
  description: item.description,
  lots: item.lots.map((lot) => ({ id: lot.id, amountUsd: usdOf(lot.amount) })),
  // Ledger entries are hosted calls by construction: BYOK has no path there (I9).
  usage: item.usage === null ? null : { ...item.usage, mode: "hosted" },
  cause: item.cause,
})

/** Contract 3: the ledger balance without pending holds, clamped at 0. Matches ^\d+(\.\d+)?$. */
export const balanceView = (answer: WalletAnswer): { readonly balanceUsd: string; readonly updatedAt: string } => {
  const balance = parseNano(answer.balance)
  if (balance === null) throw new RangeError(`not an amount of nano-USD: ${JSON.stringify(answer.balance)}`)
  return { balanceUsd: formatUsd(balance < 0n ? 0n : balance), updatedAt: formatInstant(answer.asOf) }
}
