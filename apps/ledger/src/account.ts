/**
 * The account: balances, lots, holds, entitlement. Owns the state and the only function that changes it, `evolve`.
 * Pure: decisions are in charge.ts, authorize.ts, grant.ts, entitlement.ts and due.ts.
 */
import type { Instant, Nano } from "@credits/kernel"
import type { Entry } from "./entry.ts"
import { findLot, insertLot, NEVER, openedLot, type Lot, type LotChange } from "./lot.ts"

export interface Hold {
  readonly id: string
  readonly amount: Nano
  readonly expiresAt: Instant
}

/** A span of entitlement to a plan, half-open `[from, until)` (decision 13). */
export interface Entitlement {
  readonly plan: string
  readonly hostedModels: boolean
  readonly from: Instant
  until: Instant
}

/** Place of each bucket in an account's sums: the order of a snapshot's `buckets`. */
const GRANTED = 0
const DEBT = 1
const SPENT = 2
const HELD = 3
const AVAILABLE = 4
const FROZEN = 5
const EXPIRED = 6
const REVOKED = 7

/**
 * Its money lies in one array of 64-bit integers and is changed in place: as bigints of an object that lives long, the
 * new ones of every charge cost a tenth of a drain's CPU. `assertIdentity` says when one runs over.
 */
export class Account {
  readonly id: string
  /** Number of entries so far. */
  n = 0
  /** Nano-USD, a bucket a place. */
  readonly sums = new BigInt64Array(8)
  /**
   * In burn order; residues first because their expiry has passed. Used-up lots stay until they expire, for reversals.
   */
  readonly lots: Array<Lot> = []
  /** How many of the lots are residues. */
  residues = 0
  holds: Map<string, Hold> | null = null
  entitlements: Array<Entitlement> = []
  /** Whether the last applied entitlement allows hosted models: decides between available and frozen (R1.5). */
  entitled = false
  pastDue = false
  lowBelow: Nano | null = null
  /** Totals when the cycle began, so that the cycle's own figures are differences. */
  cycle: { start: Instant; end: Instant; granted: Nano; spent: Nano } | null = null
  refillUntil: Instant = 0
  renewalUntil: Instant = 0
  freeze: { reason: string; at: Instant } | null = null
  /** Nothing is due before this instant (a lower bound, made exact by due.ts when it is reached). */
  nextDue: Instant = NEVER

  constructor(id: string) {
    this.id = id
  }

  get granted(): Nano {
    return this.sums[GRANTED]!
  }
  set granted(amount: Nano) {
    this.sums[GRANTED] = amount
  }
  get debt(): Nano {
    return this.sums[DEBT]!
  }
  set debt(amount: Nano) {
    this.sums[DEBT] = amount
  }
  get spent(): Nano {
    return this.sums[SPENT]!
  }
  set spent(amount: Nano) {
    this.sums[SPENT] = amount
  }
  get held(): Nano {
    return this.sums[HELD]!
  }
  set held(amount: Nano) {
    this.sums[HELD] = amount
  }
  get available(): Nano {
    return this.sums[AVAILABLE]!
  }
  set available(amount: Nano) {
    this.sums[AVAILABLE] = amount
  }
  get frozen(): Nano {
    return this.sums[FROZEN]!
  }
  set frozen(amount: Nano) {
    this.sums[FROZEN] = amount
  }
  get expired(): Nano {
    return this.sums[EXPIRED]!
  }
  set expired(amount: Nano) {
    this.sums[EXPIRED] = amount
  }
  get revoked(): Nano {
    return this.sums[REVOKED]!
  }
  set revoked(amount: Nano) {
    this.sums[REVOKED] = amount
  }
}

/**
 * Lots without expiry are forgotten 400 days after they were used up: a reversal of so old a charge is no longer to be
 * expected, and an earlier one has to give bought credit back as what it was (R1.5).
 */
const USED_LOT_KEPT_MS = 400 * 86_400_000

export const emptyAccount = (id: string): Account => new Account(id)

/** Raised when an account's own books do not close: a defect, seen, and confined to that account (decision 5). */
export class IdentityBroken extends Error {
  override readonly name = "IdentityBroken"
  readonly account: string
  constructor(account: string, what: string) {
    super(`account ${account}: ${what}`)
    this.account = account
  }
}

const applyChanges = (account: Account, changes: ReadonlyArray<LotChange>, at: Instant): void => {
  for (const { id, change } of changes) {
    const lot = findLot(account.lots, id)
    if (lot === undefined)
      throw new IdentityBroken(account.id, `entry names lot ${id}, which the account does not have`)
    lot.remaining += change
    if (lot.expiresAt === NEVER) lot.usedUpAt = lot.remaining === 0n ? at : 0
    // A used-up lot that gets something back (a reversal) has to expire again.
    if (change > 0n && lot.expiresAt < account.nextDue) account.nextDue = lot.expiresAt
  }
}

/** Drops lots that can neither pay nor be restored. Depends on the entry's instant only, so a rebuild does the same. */
const pruneLots = (account: Account, at: Instant): void => {
  const { lots } = account
  for (let i = lots.length - 1; i >= 0; i--) {
    const lot = lots[i]!
    if (lot.remaining !== 0n) continue
    const forgotten = lot.expiresAt === NEVER ? lot.usedUpAt + USED_LOT_KEPT_MS <= at : lot.expiresAt <= at
    if (!forgotten) continue
    if (lot.residue !== null) account.residues -= 1
    lots.splice(i, 1)
  }
}

const openEntitlement = (account: Account, entry: Entry): void => {
  const opened = entry.entitlement!
  const { entitlements } = account
  const last = entitlements.at(-1)
  const continues =
    last !== undefined &&
    last.plan === opened.plan &&
    last.hostedModels === opened.hostedModels &&
    last.until >= opened.from
  if (continues) last.until = opened.until
  else {
    if (last !== undefined && last.until > opened.from) last.until = opened.from
    account.entitlements = entitlements.filter((e) => e.until > entry.at - USED_LOT_KEPT_MS && e.until > e.from)
    account.entitlements.push({
      plan: opened.plan,
      hostedModels: opened.hostedModels,
      from: opened.from,
      until: opened.until,
    })
  }
  account.entitled = opened.hostedModels
  account.pastDue = opened.pastDue
  account.lowBelow = opened.lowBelow
  account.cycle =
    opened.cycle === null
      ? null
      : account.cycle !== null && account.cycle.start === opened.cycle.start
        ? { ...account.cycle, end: opened.cycle.end }
        : { ...opened.cycle, granted: account.granted, spent: account.spent }
  if (opened.until < account.nextDue) account.nextDue = opened.until
}

const changeHold = (account: Account, entry: Entry): void => {
  const { id, amount, expiresAt } = entry.hold!
  if (amount > 0n || entry.kind === "held") {
    account.holds ??= new Map()
    account.holds.set(id, { id, amount, expiresAt })
    if (expiresAt < account.nextDue) account.nextDue = expiresAt
  } else if (account.holds !== null) {
    account.holds.delete(id)
    if (account.holds.size === 0) account.holds = null
  }
}

const rareEffects = (account: Account, entry: Entry): void => {
  if (entry.opened !== null) {
    const { expiresAt } = entry.opened
    insertLot(account.lots, openedLot(entry.opened, entry.at))
    if (expiresAt < account.nextDue) account.nextDue = expiresAt
  }
  if (entry.entitlement !== null) openEntitlement(account, entry)
  if (entry.freeze !== null) account.freeze = entry.freeze === "" ? null : { reason: entry.freeze, at: entry.at }
  if (entry.mark !== null) {
    if (entry.mark.name === "refill") account.refillUntil = entry.mark.until
    else account.renewalUntil = entry.mark.until
  }
  if (entry.residue !== null) {
    const lot = findLot(account.lots, entry.cause)
    if (lot === undefined) throw new IdentityBroken(account.id, `residue of unknown lot ${entry.cause}`)
    lot.residue = entry.residue
    account.residues += 1
  }
}

/** Applies an entry. The only function that changes an account. */
export const evolve = (account: Account, entry: Entry): void => {
  account.n += 1
  if (entry.granted !== 0n) account.granted += entry.granted
  if (entry.debt !== 0n) account.debt += entry.debt
  if (entry.spent !== 0n) account.spent += entry.spent
  if (entry.held !== 0n) account.held += entry.held
  if (entry.available !== 0n) account.available += entry.available
  if (entry.frozen !== 0n) account.frozen += entry.frozen
  if (entry.expired !== 0n) account.expired += entry.expired
  if (entry.revoked !== 0n) account.revoked += entry.revoked
  rareEffects(account, entry)
  if (entry.hold !== null) changeHold(account, entry)
  applyChanges(account, entry.lots, entry.at)
  if (entry.also.length > 0) applyChanges(account, entry.also, entry.at)
  pruneLots(account, entry.at)
}

/**
 * R1.7, I1: the identity closes, the lots hold exactly held + available + frozen, nothing that must not be negative is.
 * Stays on in production; called after every entry. Closing before and after it, the entry's own postings sum to zero.
 */
export const assertIdentity = (account: Account): void => {
  const { held, available, frozen, debt } = account
  let remaining = 0n
  for (const lot of account.lots) {
    if (lot.remaining < 0n || lot.remaining > lot.granted) {
      throw new IdentityBroken(account.id, `lot ${lot.id} holds ${lot.remaining} of ${lot.granted}`)
    }
    remaining += lot.remaining
  }
  if (remaining !== held + available + frozen) {
    throw new IdentityBroken(account.id, `lots hold ${remaining}, buckets ${held + available + frozen}`)
  }
  if (account.granted + debt !== account.spent + remaining + account.expired + account.revoked) {
    throw new IdentityBroken(account.id, "the closing identity does not hold")
  }
  if (held < 0n || available < 0n || frozen < 0n || debt < 0n) {
    throw new IdentityBroken(
      account.id,
      `negative bucket: held ${held}, available ${available}, frozen ${frozen}, debt ${debt}`,
    )
  }
  if (account.entitled ? frozen !== 0n || (available !== 0n && debt !== 0n) : available !== 0n) {
    throw new IdentityBroken(
      account.id,
      `available ${available}, frozen ${frozen}, debt ${debt}, entitled ${account.entitled}`,
    )
  }
}

/** Σ of open holds equals the held bucket. Linear in the holds: for verify and tests, not for every entry. */
export const assertHolds = (account: Account): void => {
  let sum = 0n
  if (account.holds !== null) for (const hold of account.holds.values()) sum += hold.amount
  if (sum !== account.held) throw new IdentityBroken(account.id, `holds sum to ${sum}, held is ${account.held}`)
}

/** Whether hosted models were allowed at an instant (R6.5: late usage). */
export const entitledAt = (account: Account, at: Instant): boolean => {
  const { entitlements } = account
  for (let i = entitlements.length - 1; i >= 0; i--) {
    const e = entitlements[i]!
    if (e.from <= at && at < e.until) return e.hostedModels
  }
  return false
}

/** The plan in force: the last entitlement that has begun and not ended, else "free". */
export const planOf = (account: Account): string => (account.entitled ? account.entitlements.at(-1)!.plan : "free")

/**
 * Reads an account as a charge does: some 30 places of memory, which a decision by itself waits for one after the
 * other. What it answers means nothing.
 */
export const warm = ({ n, nextDue, sums, lots, entitlements, cycle, lowBelow }: Account): number => {
  let read = n + nextDue
  if (sums[AVAILABLE] === 0n) read += 1
  for (let i = 0; i < lots.length; i++) {
    const { id, expiresAt, remaining, granted } = lots[i]!
    if (remaining === granted) read += id.length
    read += expiresAt
  }
  if (entitlements.length > 0) {
    const { from, until } = entitlements[entitlements.length - 1]!
    read += until - from
  }
  if (cycle !== null && cycle.granted === lowBelow) read += cycle.end
  return read
}
