/**
 * What the ledger is asked and answers over request–reply, JSON on `ledger.request.<partition of account>`.
 * Amounts are integer strings of nano-USD; instants are milliseconds. Reads and commands share one envelope.
 * A repeated command id with the same body gets the stored first answer; with another body `id_conflict` (R6.6).
 */
import type { UsageLine } from "./charge.ts"

export type NanoText = string
export type LotKind = "plan" | "topup" | "promo" | "adjustment"

/**
 * Ids: `id` is chosen by the caller and is the idempotency key within its `op` and account, for ever (refusals 24 h).
 */
export type LedgerRequest =
  | Authorize
  | Extend
  | Release
  | Grant
  | Revoke
  | Adjust
  | Reverse
  | Entitle
  | Freeze
  | Unfreeze
  | Mark
  | Exchange
  | Group
  | ReadWallet
  | ReadStatement
  | ReadHold

/** R6.1: hold `amount`, or at least `atLeast` of it (partial, R6.2). */
export interface Authorize {
  readonly op: "authorize"
  readonly id: string
  readonly account: string
  readonly amount: NanoText
  readonly atLeast?: NanoText
  /** Life of the hold in ms; default 15 min, at most 1 h (R6.3, contract 4). */
  readonly ttl?: number
  readonly model?: string
}
/** Adds `amount` to an open hold (R6.2); all or nothing. */
export interface Extend {
  readonly op: "extend"
  readonly id: string
  readonly account: string
  readonly holdId: string
  readonly amount: NanoText
}
/** Releases what is left of a hold. Releasing a hold that is no longer open changes nothing and succeeds. */
export interface Release {
  readonly op: "release"
  readonly id: string
  readonly account: string
  readonly holdId: string
}
/** A new lot (R1.2). `cause` is the id of our own intent. */
export interface Grant {
  readonly op: "grant"
  readonly id: string
  readonly account: string
  readonly kind: LotKind
  readonly amount: NanoText
  readonly expiresAt?: number
  readonly cause: string
  readonly reason?: string
}
/** Takes back up to `amount` from what is left, unheld, of a lot; answers what was taken (R4.3). */
export interface Revoke {
  readonly op: "revoke"
  readonly id: string
  readonly account: string
  readonly lotId: string
  readonly amount: NanoText
  readonly cause: string
  readonly reason?: string
}
/**
 * Support: positive = an adjustment lot; negative = taken back from adjustment lots first, then in burn order, refused
 * when not available.
 */
export interface Adjust {
  readonly op: "adjust"
  readonly id: string
  readonly account: string
  readonly amount: NanoText
  readonly reason: string
  readonly expiresAt?: number
}
/**
 * Reverses a charge entry, by `amount` or by all that is left of it (R1.3, R7.4): restores its lots in reverse order.
 * Once per charge, for ever; re-ratings name which reversal theirs is, and each number is done once. All together never
 * give back more than the charge. Refused: `charge_not_found`, `already_reversed`, `invalid`.
 */
export interface Reverse {
  readonly op: "reverse"
  readonly id: string
  readonly account: string
  /** The usage event id of the charge. */
  readonly chargeId: string
  readonly amount?: NanoText
  /** Re-rating: 1 + the reversals this charge has had, of any kind. */
  readonly nth?: number
  readonly reason: string
}
/** Opens the entitlement interval `[from, until)` of a plan, closing the one before it (R1.8, decision 13). */
export interface Entitle {
  readonly op: "entitle"
  readonly id: string
  readonly account: string
  readonly plan: string
  readonly hostedModels: boolean
  /** Default: now. */
  readonly from?: number
  readonly until?: number
  /** Credit cycle shown in the wallet; lots that expired come back to its end (R1.3). */
  readonly cycle?: { readonly start: number; readonly end: number }
  /** Below this balance (holds not subtracted) the signal `low_began` is sent (R9.4). */
  readonly lowBelow?: NanoText
  readonly pastDue?: boolean
  readonly reason?: string
}
export interface Freeze {
  readonly op: "freeze"
  readonly id: string
  readonly account: string
  readonly reason: string
}
export interface Unfreeze {
  readonly op: "unfreeze"
  readonly id: string
  readonly account: string
  readonly reason: string
}
/** Refill (R6.2 `top_up_in_progress`) or renewal (R2.3) in progress until an instant; `until: 0` clears it. */
export interface Mark {
  readonly op: "mark"
  readonly id: string
  readonly account: string
  readonly mark: "refill" | "renewal"
  readonly until: number
}
/**
 * R4.3: takes `back` from what is left, unheld, of the lot that `cause` opened; what is missing of it reduces the new
 * grant, never below 0. No such lot, or an expired one: all of `back` is missing. One entry group: available credit
 * never dips in between. A grant reduced to 0 opens no lot. From `fromExpiresAt` on it is refused (`invalid`, that
 * field): only the asker can count what expired of the lot as given back.
 */
export interface Exchange {
  readonly op: "exchange"
  readonly id: string
  readonly account: string
  /** Cause of the lot to take from. */
  readonly from: string
  readonly back: NanoText
  /** When the lot of `from` ends, if the asker counts on its being there. */
  readonly fromExpiresAt?: number
  readonly grant: {
    readonly kind: LotKind
    readonly amount: NanoText
    readonly expiresAt?: number
    readonly cause: string
  }
  readonly reason?: string
}
/** All or nothing, in order, in one entry group (R4.3). */
export interface Group {
  readonly op: "group"
  readonly id: string
  readonly account: string
  readonly commands: ReadonlyArray<Grant | Revoke | Adjust | Entitle | Mark | Exchange>
}
export interface ReadWallet {
  readonly op: "wallet"
  readonly account: string
}
export interface ReadStatement {
  readonly op: "statement"
  readonly account: string
  /** 1–500, default 50. */
  readonly limit?: number
  /** Opaque, from the page before. */
  readonly cursor?: string
  readonly from?: number
  readonly to?: number
  readonly kind?: string
}
export interface ReadHold {
  readonly op: "hold"
  readonly account: string
  readonly holdId: string
}

export type LedgerReply<A> = { readonly ok: A } | { readonly refused: LedgerRefusal }

export type RefusalCode =
  | "insufficient_balance"
  | "plan_required"
  | "top_up_in_progress"
  | "renewal_in_progress"
  | "payment_past_due"
  | "account_frozen"
  | "hold_not_open"
  | "lot_not_found"
  | "charge_not_found"
  | "already_reversed"
  | "id_conflict"
  | "invalid"
  | "overloaded"
  | "unavailable"
  | "clock_advancing"

export interface LedgerRefusal {
  readonly code: RefusalCode
  /** One sentence for a person. */
  readonly detail: string
  /** Ask again after this many ms (retryable refusals only). */
  readonly retryAfter?: number
  readonly available?: NanoText
  readonly field?: string
}

export interface HoldAnswer {
  readonly holdId: string
  readonly held: NanoText
  readonly expiresAt: number
  readonly availableAfter: NanoText
}
export interface LotAnswer {
  readonly lotId: string
  readonly remaining: NanoText
  readonly availableAfter: NanoText
}
export interface RevokeAnswer {
  readonly revoked: NanoText
  readonly availableAfter: NanoText
}
export interface ExchangeAnswer {
  readonly revoked: NanoText
  /** What was granted after the reduction. */
  readonly granted: NanoText
  /** Null: nothing was left to grant. */
  readonly lotId: string | null
  readonly availableAfter: NanoText
}
export interface DoneAnswer {
  readonly seq: number
  readonly availableAfter: NanoText
}
export interface GroupAnswer {
  readonly answers: ReadonlyArray<LotAnswer | RevokeAnswer | DoneAnswer | ExchangeAnswer>
}

export interface LotView {
  readonly id: string
  readonly kind: LotKind
  readonly granted: NanoText
  readonly remaining: NanoText
  readonly grantedAt: number
  readonly expiresAt: number | null
  readonly cause: string
}
export interface WalletAnswer {
  readonly account: string
  /** "free" when there is no entitlement. */
  readonly plan: string
  readonly hostedModels: boolean
  readonly pastDue: boolean
  readonly available: NanoText
  /** available + held; 0 on Free (R1.7). */
  readonly balance: NanoText
  readonly held: NanoText
  readonly debt: NanoText
  readonly frozen: NanoText
  readonly lots: ReadonlyArray<LotView>
  readonly cycle: {
    readonly start: number
    readonly end: number
    readonly granted: NanoText
    readonly spent: NanoText
  } | null
  readonly holds: number
  readonly freeze: { readonly reason: string; readonly at: number } | null
  readonly totals: {
    readonly granted: NanoText
    readonly spent: NanoText
    readonly expired: NanoText
    readonly revoked: NanoText
  }
  readonly asOf: number
  /** The account's own entry number: grows by one an entry. */
  readonly seq: number
}

export type EntryKind =
  | "granted"
  | "charged"
  | "held"
  | "extended"
  | "released"
  | "hold_expired"
  | "lot_expired"
  | "revoked"
  | "adjusted"
  | "reversed"
  | "entitled"
  | "froze"
  | "unfroze"
  | "marked"

export interface StatementItem {
  readonly seq: number
  readonly at: number
  readonly recordedAt: number
  readonly kind: EntryKind
  /** Change of what the account owns (available + held + frozen − debt). */
  readonly amount: NanoText
  readonly availableAfter: NanoText
  readonly description: string
  readonly lots: ReadonlyArray<{ readonly id: string; readonly amount: NanoText }>
  readonly usage: UsageLine | null
  readonly cause: string
}
export interface StatementAnswer {
  readonly items: ReadonlyArray<StatementItem>
  readonly nextCursor: string | null
}

/** `ledger.control` */
export type ControlRequest =
  | { readonly op: "status" }
  | { readonly op: "clock"; readonly now: number; readonly run: boolean }
/**
 * Answer of `status` and of `clock` (after all due work ≤ now has run): what the clock's quiet rounds compare
 * (decision 16).
 */
export interface ControlAnswer {
  readonly service: string
  readonly ready: boolean
  readonly now: number
  /** Earliest due instant, or null. */
  readonly nextDue: number | null
  /** How much due work has run since the start. */
  readonly ran: number
  /** Stream name → last applied sequence; compared with the stream's end. */
  readonly cursors: Readonly<Record<string, number>>
  readonly outboxPending: number
  readonly openRequests: number
  readonly detail: Readonly<Record<string, unknown>>
}
