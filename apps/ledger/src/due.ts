/**
 * Due work of an account (decision 11): holds and lots that expire, entitlements that end. Applied before any command
 * or read, in the order of its instants, as entries with `at` = the due instant. Pure.
 */
import type { Instant } from "@credits/kernel"
import type { Account, Hold } from "./account.ts"
import { closeHold } from "./authorize.ts"
import { openInterval } from "./entitlement.ts"
import { makeEntry, type Entry } from "./entry.ts"
import { capsNow, residueTotal } from "./hold.ts"
import { NEVER, type Lot } from "./lot.ts"
import { record } from "./outcome.ts"

interface Due {
  readonly at: Instant
  readonly hold: Hold | null
  readonly lot: Lot | null
}

/** The earliest due item, holds before lots before entitlements of the same instant. */
const earliest = (account: Account, holdsMayExpire: boolean): Due => {
  let at = account.entitled ? account.entitlements.at(-1)!.until : NEVER
  let hold: Hold | null = null
  let lot: Lot | null = null
  for (const candidate of account.lots) {
    if (
      candidate.residue === null &&
      candidate.remaining > 0n &&
      candidate.expiresAt <= at &&
      candidate.expiresAt < NEVER
    ) {
      if (lot !== null && candidate.expiresAt === at) continue
      at = candidate.expiresAt
      lot = candidate
    }
  }
  if (holdsMayExpire && account.holds !== null) {
    for (const candidate of account.holds.values()) {
      if (candidate.expiresAt < at || (candidate.expiresAt === at && hold === null)) {
        at = candidate.expiresAt
        hold = candidate
        lot = null
      }
    }
  }
  return { at, hold, lot }
}

/** R6.7: the part no hold needs expires at once; the held part stays for those holds alone. */
const expireLot = (account: Account, lot: Lot, entries: Array<Entry>): void => {
  const uncovered = account.held - residueTotal(account)
  const kept = lot.remaining < uncovered ? lot.remaining : uncovered
  const excess = lot.remaining - kept
  const entry = makeEntry("lot_expired", lot.expiresAt, lot.id)
  if (excess > 0n) entry.lots = [{ id: lot.id, change: -excess }]
  entry.expired = excess
  if (account.entitled) entry.available = -excess
  else entry.frozen = -excess
  if (kept > 0n) entry.residue = capsNow(account)
  record(account, entries, entry)
}

const lapse = (account: Account, at: Instant, entries: Array<Entry>): void => {
  const { cycle, plan } = { cycle: null, plan: "free" }
  const entitlement = { plan, hostedModels: false, from: at, until: NEVER, pastDue: false, lowBelow: null, cycle }
  openInterval(account, entitlement, at, "entitlement-ended", "", entries)
}

/** Applies everything due ≤ now and leaves the exact next due instant in `nextDue`. Answers how many items ran. */
export const applyDue = (account: Account, now: Instant, holdsMayExpire: boolean, entries: Array<Entry>): number => {
  if (account.nextDue > now) return 0
  let ran = 0
  for (;;) {
    const due = earliest(account, holdsMayExpire)
    // While holds may not expire yet, stay at their instant so that they are looked at again.
    if (due.at > now) {
      account.nextDue = holdsMayExpire || account.holds === null ? due.at : Math.min(due.at, now + 1000)
      return ran
    }
    ran += 1
    if (due.hold !== null) closeHold(account, due.hold, "hold_expired", due.at, due.hold.id, entries)
    else if (due.lot !== null) expireLot(account, due.lot, entries)
    else lapse(account, due.at, entries)
  }
}
