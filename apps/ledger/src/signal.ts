/**
 * Signals (decision 9): what someone must act on, derived from the account before and after a decision. Pure.
 */
import { encodeCreditMark, type SignalKind } from "@credits/contracts"
import type { Instant, Nano } from "@credits/kernel"
import { formatUsd } from "@credits/kernel"
import type { Account } from "./account.ts"
import type { Entry } from "./entry.ts"
import type { Outcome } from "./outcome.ts"

export interface SignalNotice {
  readonly kind: SignalKind
  readonly at: Instant
  readonly text: string
}

/** What is compared: below the refill threshold (R9.4: holds not subtracted), in debt, and the balance itself. */
export interface Levels {
  readonly low: boolean
  readonly debt: boolean
  readonly balance: Nano
}

export const levelsOf = (account: Account): Levels => {
  const balance = account.available + account.held
  return {
    low: account.entitled && account.lowBelow !== null && balance < account.lowBelow,
    debt: account.debt > 0n,
    balance,
  }
}

const NOTHING: ReadonlyArray<SignalNotice> = []

const crossings = (before: Levels, account: Account, now: Instant): Array<SignalNotice> => {
  const after = levelsOf(account)
  const signals: Array<SignalNotice> = []
  // Nearly every charge crosses none.
  if (after.low === before.low && after.debt === before.debt) return signals
  const add = (kind: SignalKind, text: string) => signals.push({ kind, at: now, text })
  if (after.low !== before.low)
    add(after.low ? "low_began" : "low_ended", `threshold ${formatUsd(account.lowBelow ?? 0n)} USD`)
  if (after.debt !== before.debt) add(after.debt ? "debt_began" : "debt_ended", `debt ${formatUsd(account.debt)} USD`)
  return signals
}

/** R11: shares of what the cycle was given, in percent. */
const MARKS = [
  { kind: "credit_at_50", percent: 50n },
  { kind: "credit_at_20", percent: 20n },
  { kind: "credit_at_0", percent: 0n },
] as const

/**
 * R11: what use has just brought the balance down to. Credit that expires, or goes back in an exchange, is not used. A
 * reversal lets a mark be passed again: whoever tells people counts cycles, not signals.
 */
const marksPassed = ({ balance: before }: Levels, account: Account, now: Instant): ReadonlyArray<SignalNotice> => {
  const { cycle } = account
  const after = account.available + account.held
  if (cycle === null || now >= cycle.end || after >= before) return NOTHING
  const granted = account.granted - cycle.granted
  // Nearly every charge passes none.
  if (granted <= 0n || after * 2n > granted) return NOTHING
  const passed = MARKS.filter(({ percent }) => after * 100n <= granted * percent && before * 100n > granted * percent)
  const text = encodeCreditMark({ cycleStart: cycle.start, granted })
  return passed.map(({ kind }) => ({ kind, at: now, text }))
}

/** A call that is told to come back is not among them: credit is on its way. */
const SHORT = new Set(["insufficient_balance", "payment_past_due"])

/**
 * A broke client in a loop must not flood anyone: refused for want of credit at most once a minute an account. New
 * credit begins the minute again: what it did not suffice for may want another top-up (R9.4).
 */
const REFUSED_EVERY_MS = 60_000

export class Signals {
  /** Memory only: after a restart one more signal is harmless. */
  readonly #refusedAt = new Map<string, Instant>()

  of(
    before: Levels,
    account: Account,
    outcome: Outcome | null,
    entries: ReadonlyArray<Entry>,
    now: Instant,
  ): ReadonlyArray<SignalNotice> {
    const refusedForCredit = outcome !== null && outcome._tag === "refused" && SHORT.has(outcome.refusal.code)
    if (entries.length === 0 && !refusedForCredit) return NOTHING
    const signals = crossings(before, account, now)
    let [isUsed, hasExpired] = [false, false]
    for (const entry of entries) {
      if (entry.kind === "charged") isUsed = true
      else if (entry.kind === "lot_expired") hasExpired = true
      if (entry.kind === "lot_expired")
        signals.push({ kind: "lot_expired", at: entry.at, text: `${formatUsd(entry.expired)} USD of ${entry.cause}` })
      else if (entry.kind === "hold_expired") signals.push({ kind: "hold_expired", at: entry.at, text: entry.cause })
      else if (entry.granted > 0n) this.#refusedAt.delete(account.id)
    }
    if (isUsed && !hasExpired) signals.push(...marksPassed(before, account, now))
    if (refusedForCredit && now - (this.#refusedAt.get(account.id) ?? -REFUSED_EVERY_MS) >= REFUSED_EVERY_MS) {
      if (this.#refusedAt.size > 10_000) this.#refusedAt.clear()
      this.#refusedAt.set(account.id, now)
      signals.push({ kind: "credit_refused", at: now, text: outcome.refusal.detail })
    }
    return signals
  }
}
