/**
 * Charging usage (R6.3–R6.7) and reversing a charge (R1.3, R7.4). Pure.
 */
import { accountOfHold, type Instant, type Nano } from "@credits/kernel"
import type { Charge } from "@credits/contracts"
import { entitledAt, type Account } from "./account.ts"
import { makeEntry, type Entry } from "./entry.ts"
import { expireUnneededResidues, payFromResidues } from "./hold.ts"
import { findLot, NEVER, payInOrder, type LotChange } from "./lot.ts"
import { answered, record, refused, settleFreed, type Context, type Outcome } from "./outcome.ts"

/**
 * R6.3–R6.5: settles the hold the usage names, or charges it without one. Charged in full: what lots cannot pay becomes
 * debt. Usage with neither a hold nor an entitlement when it happened goes to review, uncharged. A hold that is no
 * longer open (expired, released) proves the call was authorized once: it is charged all the same.
 */
export const decideCharge = (account: Account, charge: Charge, ctx: Context, entries: Array<Entry>): Outcome => {
  const hold = charge.holdId === "" ? undefined : account.holds?.get(charge.holdId)
  if (hold === undefined) {
    const authorized = charge.holdId !== "" && accountOfHold(charge.holdId) === account.id
    if (!authorized && !entitledAt(account, charge.occurredAt)) {
      return {
        _tag: "review",
        reason: "no_entitlement",
        detail: "usage with neither a hold nor an entitlement at its time",
      }
    }
  }
  const entry = makeEntry("charged", ctx.now, charge.id)
  entry.usage = charge.usage
  entry.usedAt = charge.occurredAt
  entry.spent = charge.cost
  const held = hold === undefined ? 0n : hold.amount
  const lots: Array<LotChange> = []
  let expired = 0n
  let paid = 0n
  if (hold !== undefined) {
    entry.hold = { id: hold.id, amount: 0n, expiresAt: hold.expiresAt }
    entry.held = -held
    if (account.residues > 0) {
      const also: Array<LotChange> = []
      paid = payFromResidues(account, hold.id, charge.cost < held ? charge.cost : held, lots)
      expired = expireUnneededResidues(account, hold.id, lots, also)
      entry.also = also
      entry.expired = expired
    }
  }
  // What other holds need of live lots stays theirs (I4); everything else pays, frozen credit too: the use was
  // entitled.
  let payable = account.available + account.frozen + held
  let rest = charge.cost
  if (account.residues > 0) {
    payable -= paid + expired
    rest -= paid
  }
  const fromLots = rest < payable ? rest : payable
  if (fromLots > 0n) payInOrder(account.lots, fromLots, lots, entry.also.length === 0 ? lots : [...lots, ...entry.also])
  entry.lots = lots
  const unpaid = rest - fromLots
  // total' = held' + available' + frozen' on both sides of the entry gives what became free (negative: what was taken).
  const freed = held - expired - paid - fromLots
  settleFreed(account, entry, freed, unpaid)
  record(account, entries, entry)
  return answered(null)
}

/** What one charge took, read back from its entry, and what of it has come back since. */
export interface ChargedEntry {
  readonly id: string
  readonly cost: Nano
  /** Lots that paid, in that order (amounts negative). */
  readonly lots: ReadonlyArray<LotChange>
  /** Its usage line and when the usage happened: usage of that day and model then cost less. */
  readonly usage: string
  readonly usedAt: Instant
  /** Given back by earlier reversals, all together. */
  readonly reversed: Nano
  /** How many they are. */
  readonly reversals: number
  /** The account's entries when this was read: more of them now, and there may be one more reversal. */
  readonly asOf: number
}

/**
 * R7.4 "once": the key of a reversal is its charge, and for a re-rating its number too. A number ends before the
 * charge's id begins, so no two charges share a key.
 */
export const reversalKey = (chargeId: string, nth: number | null): string =>
  nth === null ? `reverse:${chargeId}` : `rerate:${nth}:${chargeId}`

/** What comes back of each part of a charge, asked in the order of the parts, when `before` has come back already. */
const backInOrder = (before: Nano, amount: Nano): ((part: Nano) => Nano) => {
  let [gone, left] = [before, amount]
  return (part) => {
    const earlier = gone < part ? gone : part
    gone -= earlier
    const back = left < part - earlier ? left : part - earlier
    left -= back
    return back
  }
}

/**
 * R1.3, R7.4: gives back `amount` of a charge (what is left of it by default). What became debt comes back first, then
 * the lots in reverse order of payment, each reversal going on where the one before it ended; what belongs to a lot
 * that has expired comes back as an adjustment lot to the end of the cycle. `nth`: which reversal of the charge the
 * caller takes this to be; null: whichever.
 */
export const decideReverse = (
  account: Account,
  charge: ChargedEntry | null,
  {
    amount: wanted,
    nth,
    reason,
  }: { readonly amount: Nano | null; readonly nth: number | null; readonly reason: string },
  ctx: Context,
  entries: Array<Entry>,
): Outcome => {
  if (charge === null) return refused("charge_not_found", "this account has no such charge")
  const { reversals } = charge
  const rest = charge.cost - charge.reversed
  if (reversals > 0 && (rest === 0n || (nth !== null && nth <= reversals)))
    return refused("already_reversed", `${reversals} reversals have given back ${charge.reversed} nano-USD of it`)
  if (nth !== null && nth !== reversals + 1)
    return refused("invalid", `this charge has had ${reversals} reversals`, { field: "nth" })
  const amount = wanted ?? rest
  if (amount <= 0n || amount > rest) {
    return refused("invalid", `a reversal gives back more than 0 and at most what is left (${rest} nano-USD)`, {
      field: "amount",
    })
  }
  const entry = makeEntry("reversed", ctx.now, charge.id)
  entry.reason = reason
  entry.usage = charge.usage
  entry.usedAt = charge.usedAt
  entry.spent = -amount
  let paidByLots = 0n
  for (const { change } of charge.lots) paidByLots -= change
  const wasDebt = charge.cost - paidByLots
  const backOf = backInOrder(charge.reversed, amount)
  const fromDebt = backOf(wasDebt)
  const forgiven = fromDebt < account.debt ? fromDebt : account.debt
  entry.debt = -forgiven
  // Debt that later credit has paid: nobody can say which lot it was, and it may have been a bought one (R1.5).
  const paidSince = fromDebt - forgiven
  let asAdjustment = paidSince
  const restored: Array<LotChange> = []
  for (let i = charge.lots.length - 1; i >= 0; i--) {
    const { id, change } = charge.lots[i]!
    const part = backOf(-change)
    if (part === 0n) continue
    const lot = findLot(account.lots, id)
    const live =
      lot !== undefined && lot.residue === null && lot.expiresAt > ctx.now && lot.remaining + part <= lot.granted
    if (live) restored.push({ id, change: part })
    else asAdjustment += part
  }
  entry.lots = restored
  if (asAdjustment > 0n) {
    const { cycle } = account
    const cycleEnd = paidSince === 0n && cycle !== null && cycle.end > ctx.now ? cycle.end : NEVER
    entry.opened = {
      id: ctx.newLotId(),
      kind: "adjustment",
      amount: asAdjustment,
      expiresAt: cycleEnd,
      cause: charge.id,
    }
  }
  // An adjustment lot is no grant of new credit: it stands for credit that was granted and spent before.
  settleFreed(account, entry, amount - forgiven)
  record(account, entries, entry)
  return answered({ seq: account.n, availableAfter: account.available.toString() })
}
