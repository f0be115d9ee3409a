/**
 * Lots: portions of credit with a kind, an expiry and a burn order (R1.2, R1.3).
 * Pure. Owns the order in which lots pay; does not know why something is paid.
 */
import type { Instant, Nano } from "@credits/kernel"
import type { LotKind } from "@credits/contracts"
import type { LotOpened } from "./entry.ts"

/** Stands for "does not expire": the last instant a Date can hold, so that it sorts last. */
export const NEVER = 8_640_000_000_000_000

export interface Lot {
  readonly id: string
  readonly kind: LotKind
  readonly granted: Nano
  remaining: Nano
  readonly grantedAt: Instant
  /** `NEVER` when it does not expire. */
  readonly expiresAt: Instant
  /** The id of our own intent that granted it. */
  readonly cause: string
  /**
   * Null while the lot is live. After its expiry: what each hold of that time may still take from it (R6.7), `[hold id,
   * cap]`. Such a lot is a residue: it backs those holds alone.
   */
  residue: ReadonlyArray<readonly [holdId: string, cap: Nano]> | null
  /** When a lot that does not expire was used up; 0 while something is left. */
  usedUpAt: Instant
}

/** A lot whose remaining amount is changed in place, as an account's sums are and for the same reason. */
class KeptLot implements Lot {
  readonly id: string
  readonly kind: LotKind
  readonly granted: Nano
  readonly grantedAt: Instant
  readonly expiresAt: Instant
  readonly cause: string
  residue: Lot["residue"]
  usedUpAt: Instant
  /** Nano-USD. */
  readonly left = new BigInt64Array(1)

  constructor(lot: Lot) {
    this.id = lot.id
    this.kind = lot.kind
    this.granted = lot.granted
    this.grantedAt = lot.grantedAt
    this.expiresAt = lot.expiresAt
    this.cause = lot.cause
    this.residue = lot.residue
    this.usedUpAt = lot.usedUpAt
    this.left[0] = lot.remaining
  }

  get remaining(): Nano {
    return this.left[0]!
  }
  set remaining(amount: Nano) {
    this.left[0] = amount
  }
}

/** Every lot that an account keeps is made here, so that all have one shape. */
export const keptLot = (lot: Lot): Lot => new KeptLot(lot)

/** The lot that an entry opens. */
export const openedLot = ({ id, kind, amount, expiresAt, cause }: LotOpened, at: Instant): Lot =>
  keptLot({
    id,
    kind,
    granted: amount,
    remaining: amount,
    grantedAt: at,
    expiresAt,
    cause,
    residue: null,
    usedUpAt: 0,
  })

const KIND_ORDER: Record<LotKind, number> = { promo: 0, plan: 1, adjustment: 2, topup: 3 }

/** R1.3, total: soonest expiry, then kind, then granted at, then id. */
export const burnsBefore = (a: Lot, b: Lot): boolean => {
  if (a.expiresAt !== b.expiresAt) return a.expiresAt < b.expiresAt
  if (a.kind !== b.kind) return KIND_ORDER[a.kind] < KIND_ORDER[b.kind]
  if (a.grantedAt !== b.grantedAt) return a.grantedAt < b.grantedAt
  return a.id < b.id
}

/** Inserts into an array kept in burn order. */
export const insertLot = (lots: Array<Lot>, lot: Lot): void => {
  let at = lots.length
  while (at > 0 && burnsBefore(lot, lots[at - 1]!)) at -= 1
  lots.splice(at, 0, lot)
}

export const findLot = (lots: ReadonlyArray<Lot>, id: string): Lot | undefined => {
  for (const lot of lots) if (lot.id === id) return lot
  return undefined
}

/** Change of a lot's remaining amount: negative = paid, expired or revoked; positive = restored. */
export interface LotChange {
  readonly id: string
  readonly change: Nano
}

/**
 * Takes `amount` from live lots in burn order, on top of `changes` that were already decided but not applied.
 * The caller has made sure that the lots hold that much; a shortfall is a defect.
 */
export const payInOrder = (
  lots: ReadonlyArray<Lot>,
  amount: Nano,
  changes: Array<LotChange>,
  decided: ReadonlyArray<LotChange> = changes,
): void => {
  let left = amount
  for (const lot of lots) {
    if (left === 0n) return
    if (lot.residue !== null) continue
    // A used-up lot counts too: the same entry may just have given something back to it.
    const remaining = decided.length === 0 ? lot.remaining : lot.remaining + changeOf(decided, lot.id)
    if (remaining <= 0n) continue
    const take = remaining < left ? remaining : left
    changes.push({ id: lot.id, change: -take })
    left -= take
  }
  if (left > 0n) throw new Error(`lots are short by ${left} nano-USD`)
}

/** Sum of the changes already decided for a lot. */
export const changeOf = (changes: ReadonlyArray<LotChange>, id: string): Nano => {
  let sum = 0n
  for (const change of changes) if (change.id === id) sum += change.change
  return sum
}
