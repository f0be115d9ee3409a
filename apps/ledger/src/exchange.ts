/**
 * The exchange of an upgrade (R4.3): credit that was given back as money is taken back from the old plan's lot, and
 * what is missing of it makes the new grant smaller. Pure. Owns that arithmetic; opening a lot and taking from one are
 * in grant.ts, how much is to come back is the caller's.
 */
import type { ExchangeAnswer, LotAnswer } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import type { Account } from "./account.ts"
import { makeEntry, type Entry } from "./entry.ts"
import { openLot, takeBack, type LotGrant } from "./grant.ts"
import { heldOnLot } from "./hold.ts"
import type { LotChange } from "./lot.ts"
import { answered, refused, type Context, type Outcome } from "./outcome.ts"

export interface ExchangeCommand {
  readonly id: string
  /** Cause of the lot to take from. */
  readonly from: string
  readonly back: Nano
  /** From then on refused; null: an expired lot is one that has nothing left. */
  readonly fromExpiresAt: Instant | null
  readonly grant: LotGrant
  readonly reason: string
}

/**
 * Up to `back` from what a cause opened and no call is promised, in burn order should one cause have opened several.
 * An expired lot is not there any more, also while calls still keep a part of it.
 */
const unheldOf = (account: Account, command: ExchangeCommand, ctx: Context): ReadonlyArray<LotChange> => {
  const changes: Array<LotChange> = []
  let left = command.back
  for (const lot of account.lots) {
    if (lot.cause !== command.from || lot.residue !== null || lot.expiresAt <= ctx.now) continue
    const unheld = lot.remaining - heldOnLot(account, lot.id)
    const take = unheld < left ? unheld : left
    if (take > 0n) changes.push({ id: lot.id, change: -take })
    left -= take
  }
  return changes
}

/**
 * The new lot first, then what comes back: available credit never dips in between. What is taken was measured before
 * the new lot came; a lot more can only free the old one, and on an account in debt there was nothing to take.
 */
export const decideExchange = (
  account: Account,
  command: ExchangeCommand,
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  const { id, grant, reason, fromExpiresAt } = command
  // What has just expired would be missing too: taken from the customer twice.
  if (fromExpiresAt !== null && fromExpiresAt <= ctx.now)
    return refused("invalid", "the lot to take from has expired", { field: "fromExpiresAt" })
  if (grant.expiresAt !== null && grant.expiresAt <= ctx.now)
    return refused("invalid", "the lot would already have expired", { field: "grant.expiresAt" })
  const lots = unheldOf(account, command, ctx)
  let taken = 0n
  for (const { change } of lots) taken -= change
  const missing = command.back - taken
  const amount = grant.amount > missing ? grant.amount - missing : 0n
  const opened = amount === 0n ? null : openLot(account, "granted", { ...grant, id, reason, amount }, ctx, entries)
  if (taken > 0n) {
    const entry = makeEntry("revoked", ctx.now, id)
    entry.reason = reason
    takeBack(account, entry, lots, taken, entries)
  }
  const answer: ExchangeAnswer = {
    revoked: taken.toString(),
    granted: amount.toString(),
    lotId: opened?._tag === "answered" ? (opened.answer as LotAnswer).lotId : null,
    availableAfter: account.available.toString(),
  }
  return answered(answer)
}
