/**
 * The wallet as it is shown (R1.7): a view of one account. Pure.
 */
import type { HoldAnswer, LotView, WalletAnswer } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { planOf, type Account } from "./account.ts"
import { NEVER } from "./lot.ts"

/** Lots that hold something, in burn order. */
const lotViews = (account: Account): ReadonlyArray<LotView> =>
  account.lots
    .filter((lot) => lot.remaining > 0n)
    .map((lot) => ({
      id: lot.id,
      kind: lot.kind,
      granted: lot.granted.toString(),
      remaining: lot.remaining.toString(),
      grantedAt: lot.grantedAt,
      expiresAt: lot.expiresAt === NEVER ? null : lot.expiresAt,
      cause: lot.cause,
    }))

export const walletOf = (account: Account, now: Instant): WalletAnswer => {
  const { cycle } = account
  return {
    account: account.id,
    plan: planOf(account),
    hostedModels: account.entitled,
    pastDue: account.pastDue,
    available: account.available.toString(),
    balance: (account.entitled ? account.available + account.held : 0n).toString(),
    held: account.held.toString(),
    debt: account.debt.toString(),
    frozen: account.frozen.toString(),
    lots: lotViews(account),
    cycle:
      cycle === null
        ? null
        : {
            start: cycle.start,
            end: cycle.end,
            granted: (account.granted - cycle.granted).toString(),
            spent: (account.spent - cycle.spent).toString(),
          },
    holds: account.holds?.size ?? 0,
    freeze: account.freeze,
    totals: {
      granted: account.granted.toString(),
      spent: account.spent.toString(),
      expired: account.expired.toString(),
      revoked: account.revoked.toString(),
    },
    asOf: now,
    seq: account.n,
  }
}

export const holdOf = (account: Account, holdId: string): HoldAnswer | null => {
  const hold = account.holds?.get(holdId)
  return hold === undefined
    ? null
    : { holdId, held: hold.amount.toString(), expiresAt: hold.expiresAt, availableAfter: account.available.toString() }
}

/** Newest figures for whoever watches: `[account, seq, available, held, debt, frozen]`. */
export const tickOf = (account: Account): string =>
  `["${account.id}",${account.n},"${account.available}","${account.held}","${account.debt}","${account.frozen}"]`
