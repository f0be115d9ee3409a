/**
 * The ledger's outputs (decision 9). Journal and signal messages of a partition come strictly in order; each names the
 * seq of the message before it, so a reader that misses one knows.
 */
import type { EntryKind, LotKind, NanoText } from "./ledger.ts"

/** One entry as published: `body` is exactly what the database holds. */
export interface JournalEntry {
  readonly seq: number
  readonly account: string
  /** Number of this entry in its account. */
  readonly n: number
  readonly at: number
  readonly kind: EntryKind
  readonly body: EntryBody
}

/** Deltas of the eight buckets as integer strings of nano-USD; absent = 0. */
export interface EntryBody {
  readonly granted?: NanoText
  readonly debt?: NanoText
  readonly spent?: NanoText
  readonly held?: NanoText
  readonly available?: NanoText
  readonly frozen?: NanoText
  readonly expired?: NanoText
  readonly revoked?: NanoText
  /** [lot id, change of its remaining amount] in the order they paid. */
  readonly lots?: ReadonlyArray<readonly [id: string, change: NanoText]>
  /** Charges and their reversals: the usage line (`decodeUsageLine`) and when the usage happened. */
  readonly usage?: string
  readonly usedAt?: number
  readonly holdId?: string
  /** The lot that the entry opened. */
  readonly opened?: { readonly kind: LotKind; readonly amount: NanoText }
  readonly cause?: string
  readonly [more: string]: unknown
}

export interface JournalMessage {
  readonly v: 1
  readonly partition: number
  /** seq of the last entry of the message before this one; 0 at the beginning. */
  readonly after: number
  readonly entries: ReadonlyArray<JournalEntry>
}

/** `ledger.history`: entries of a partition after a seq, for a reader whose journal misses them. */
export interface HistoryRequest {
  readonly partition: number
  /** seq of the last entry the reader has. */
  readonly after: number
}
/**
 * The journal again, from the database, as one message would carry it. It may begin before what was asked; no entries:
 * there are no newer ones.
 */
export interface HistoryAnswer extends JournalMessage {
  /** seq of the partition's newest entry. */
  readonly last: number
}

export type SignalKind =
  | "low_began"
  | "low_ended"
  | "credit_refused"
  | "debt_began"
  | "debt_ended"
  | "lot_expired"
  | "hold_expired"
  /** R11: use has brought the balance to this share of what the cycle was given; `detail` is a `CreditMark`. */
  | "credit_at_50"
  | "credit_at_20"
  | "credit_at_0"

/** `detail` of the signals `credit_at_…`: the cycle it is about, and what that was given (nano-USD). */
export interface CreditMark {
  readonly cycleStart: number
  readonly granted: bigint
}
export const encodeCreditMark = ({ cycleStart, granted }: CreditMark): string => `${cycleStart}|${granted}`
/** null: the text is none. */
export const decodeCreditMark = (detail: string): CreditMark | null => {
  const match = /^(\d{1,16})\|(\d{1,19})$/.exec(detail)
  return match === null ? null : { cycleStart: Number(match[1]), granted: BigInt(match[2]!) }
}

export interface Signal {
  readonly seq: number
  readonly account: string
  readonly kind: SignalKind
  readonly at: number
  /** Balance (available + held) after it, nano-USD. */
  readonly balance: NanoText
  readonly detail: string
}

export interface SignalMessage {
  readonly v: 1
  readonly partition: number
  readonly after: number
  readonly signals: ReadonlyArray<Signal>
}

/** Newest balances of the accounts that changed: `[account, seq, available, held, debt, frozen]`. */
export interface TickMessage {
  readonly v: 1
  readonly partition: number
  readonly accounts: ReadonlyArray<
    readonly [account: string, seq: number, available: NanoText, held: NanoText, debt: NanoText, frozen: NanoText]
  >
  /** Account → `traceparent` of what last changed it, for those that are traced. */
  readonly traces?: Readonly<Record<string, string>>
}

/** A message or event nobody could use, kept with its reason until a person decides. Stream DEAD_LETTERS. */
export interface DeadLetter {
  readonly v: 1
  readonly id: string
  readonly service: string
  /**
   * Stable code: `malformed`, `invalid_field`, `model_unknown`, `wrong_sum`, `id_conflict`, `no_entitlement`,
   * `too_large`, `defect`, …
   */
  readonly reason: string
  readonly detail: string
  readonly origin: { readonly stream: string; readonly seq: number; readonly index: number }
  readonly account: string | null
  readonly at: number
  /** The original, as text (base64 with prefix `base64:` when it was not UTF-8). */
  readonly payload: string
  /** Headers of the message it came in; absent: there were none. */
  readonly headers?: Readonly<Record<string, string>>
}
