/**
 * Grants, revocations and support adjustments (R1.2, R1.6, R4.3). Pure.
 */
import type { LotKind } from "@credits/contracts"
import { formatUsd, type Instant, type Nano } from "@credits/kernel"
import type { Account } from "./account.ts"
import { makeEntry, type Entry } from "./entry.ts"
import { heldOnLot } from "./hold.ts"
import { findLot, NEVER, type LotChange } from "./lot.ts"
import { answered, record, refused, settleFreed, type Context, type Outcome } from "./outcome.ts"

/** A lot to be opened. */
export interface LotGrant {
  readonly kind: LotKind
  readonly amount: Nano
  /** Null: does not expire. */
  readonly expiresAt: Instant | null
  readonly cause: string
}

export interface GrantCommand extends LotGrant {
  readonly id: string
  readonly reason: string
}

/** Opens a lot; debt is paid from it at once (R6.4). Exchanges open theirs with it too. */
export const openLot = (
  account: Account,
  kind: "granted" | "adjusted",
  command: GrantCommand,
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const expiresAt = command.expiresAt ?? NEVER
  if (expiresAt <= ctx.now) return refused("invalid", "the lot would already have expired", { field: "expiresAt" })
  const entry = makeEntry(kind, ctx.now, command.id)
  const lotId = ctx.newLotId()
  entry.reason = command.reason
  entry.opened = { id: lotId, kind: command.kind, amount: command.amount, expiresAt, cause: command.cause }
  entry.granted = command.amount
  settleFreed(account, entry, command.amount)
  record(account, entries, entry)
  const remaining = findLot(account.lots, lotId)?.remaining ?? 0n
  return answered({ lotId, remaining: remaining.toString(), availableAfter: account.available.toString() })
}

/** R1.2: a new lot. Debt is paid from it at once (R6.4). */
export const decideGrant = (account: Account, command: GrantCommand, ctx: Context, entries: Array<Entry>): Outcome =>
  openLot(account, "granted", command, ctx, entries)

/** Takes `take` from unheld credit: the entry's lots, the revoked bucket, and available or frozen. */
export const takeBack = (
  account: Account,
  entry: Entry,
  lots: ReadonlyArray<LotChange>,
  take: Nano,
  entries: Array<Entry>,
): void => {
  entry.lots = lots
  entry.revoked = take
  if (account.entitled) entry.available = -take
  else entry.frozen = -take
  record(account, entries, entry)
}

/** R4.3: takes back up to `amount` from what is left, unheld, of one lot; answers what was taken. */
export const decideRevoke = (
  account: Account,
  command: { readonly id: string; readonly lotId: string; readonly amount: Nano; readonly reason: string },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const lot = findLot(account.lots, command.lotId)
  // Whether a used-up lot is still remembered after its expiry must not show.
  if (lot === undefined || lot.expiresAt <= ctx.now)
    return refused("lot_not_found", "this account has no such lot, or it has expired")
  const unheld = lot.remaining - heldOnLot(account, lot.id)
  const take = command.amount < unheld ? command.amount : unheld
  const entry = makeEntry("revoked", ctx.now, command.id)
  entry.reason = command.reason
  takeBack(account, entry, take === 0n ? [] : [{ id: lot.id, change: -take }], take, entries)
  return answered({ revoked: take.toString(), availableAfter: account.available.toString() })
}

/** Lots a negative adjustment takes from: adjustment lots first, then burn order, never what holds need. */
const takeForAdjustment = (account: Account, amount: Nano): ReadonlyArray<LotChange> => {
  const changes: Array<LotChange> = []
  let left = amount
  for (const adjustments of [true, false]) {
    for (const lot of account.lots) {
      if (left === 0n) return changes
      if (lot.residue !== null || (lot.kind === "adjustment") !== adjustments || lot.remaining === 0n) continue
      const take = lot.remaining < left ? lot.remaining : left
      changes.push({ id: lot.id, change: -take })
      left -= take
    }
  }
  return changes
}

/** Support: a positive amount is an adjustment lot, a negative one takes unheld credit back; never below zero. */
export const decideAdjust = (
  account: Account,
  command: { readonly id: string; readonly amount: Nano; readonly reason: string; readonly expiresAt: Instant | null },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const { id, amount, reason, expiresAt } = command
  if (amount > 0n)
    return openLot(account, "adjusted", { id, kind: "adjustment", amount, expiresAt, cause: id, reason }, ctx, entries)
  const unheld = account.available + account.frozen
  if (-amount > unheld) {
    return refused(
      "insufficient_balance",
      `${formatUsd(-amount)} USD cannot be taken back, ${formatUsd(unheld)} USD is unheld`,
      {
        available: account.available.toString(),
      },
    )
  }
  const entry = makeEntry("adjusted", ctx.now, id)
  entry.reason = reason
  takeBack(account, entry, takeForAdjustment(account, -amount), -amount, entries)
  return answered({ seq: account.n, availableAfter: account.available.toString() })
}
