/**
 * Holds against lots (R6.7). A hold is an amount; together the holds count against the soonest-expiring lots first.
 * When a lot expires, what the holds need of it stays as a residue for the holds of that time alone.
 * Pure. Owns the residue arithmetic; opening and settling are in authorize.ts and charge.ts.
 */
import type { Nano } from "@credits/kernel"
import type { Account, Hold } from "./account.ts"
import { changeOf, type LotChange } from "./lot.ts"

/** Sum of what is left in residues: it backs exactly that much of the held amount. */
export const residueTotal = (account: Account): Nano => {
  if (account.residues === 0) return 0n
  let sum = 0n
  for (const lot of account.lots) if (lot.residue !== null) sum += lot.remaining
  return sum
}

const capOf = (residue: ReadonlyArray<readonly [string, Nano]>, holdId: string): Nano => {
  for (const [id, cap] of residue) if (id === holdId) return cap
  return 0n
}

/** Pays up to `amount` for a hold from the residues it may use, oldest expiry first; answers what was paid. */
export const payFromResidues = (account: Account, holdId: string, amount: Nano, changes: Array<LotChange>): Nano => {
  if (account.residues === 0) return 0n
  let paid = 0n
  for (const lot of account.lots) {
    if (lot.residue === null || lot.remaining === 0n) continue
    // Caps nest: an older residue may be used by no more of a hold than a younger one, so what older ones paid counts.
    const room = capOf(lot.residue, holdId) - paid
    let take = amount - paid
    if (room < take) take = room
    if (lot.remaining < take) take = lot.remaining
    if (take <= 0n) continue
    changes.push({ id: lot.id, change: -take })
    paid += take
  }
  return paid
}

/**
 * What must expire from residues once `closing` is no longer open: the first k residues may together never exceed what
 * the holds entitled to them can still take. Answers the sum and appends the changes.
 */
export const expireUnneededResidues = (
  account: Account,
  closing: string,
  decided: ReadonlyArray<LotChange>,
  changes: Array<LotChange>,
): Nano => {
  if (account.residues === 0) return 0n
  let expired = 0n
  let kept = 0n
  for (const lot of account.lots) {
    if (lot.residue === null) continue
    let needed = 0n
    for (const [id, cap] of lot.residue) if (id !== closing && account.holds?.has(id) === true) needed += cap
    const remaining = lot.remaining + changeOf(decided, lot.id)
    const room = needed > kept ? needed - kept : 0n
    const excess = remaining > room ? remaining - room : 0n
    if (excess > 0n) changes.push({ id: lot.id, change: -excess })
    expired += excess
    kept += remaining - excess
  }
  return expired
}

/** `[hold id, cap]` of every open hold: who may use a lot that expires now. */
export const capsNow = (account: Account): ReadonlyArray<readonly [string, Nano]> =>
  account.holds === null ? [] : [...account.holds.values()].map((hold: Hold) => [hold.id, hold.amount] as const)

/** How much of one live lot the holds need, counting against live lots in burn order after the residues. */
export const heldOnLot = (account: Account, lotId: string): Nano => {
  let needed = account.held - residueTotal(account)
  for (const lot of account.lots) {
    if (lot.residue !== null) continue
    const here = lot.remaining < needed ? lot.remaining : needed
    if (lot.id === lotId) return here
    needed -= here
  }
  return 0n
}
