/**
 * What auto top-up is asked and answers over request–reply, JSON on `topup.request.<op>`, and the facts it publishes on
 * the stream TOPUPS. Owns shapes only. Amounts are whole cents; instants are milliseconds.
 */

export type TopupRequest = ReadTopup | EnableTopup | DisableTopup | SuspendTopup | ListConsents
export type TopupOp = TopupRequest["op"]

/** What each operation answers in `ok`. */
export interface TopupAnswers {
  readonly show: TopupView
  readonly enable: TopupView
  readonly disable: TopupView
  readonly suspend: TopupView
  /** Oldest first. */
  readonly consents: { readonly items: ReadonlyArray<ConsentRecord> }
}

export interface ReadTopup {
  readonly op: "show"
  readonly account: string
}
/** R9.1: turns it on, or changes the cap. Only the customer's own action. */
export interface EnableTopup {
  readonly op: "enable"
  readonly id: string
  readonly account: string
  /** 500 to 1,000,000 (R9.3). */
  readonly monthlyCapCents: number
  readonly consent: { readonly textVersion: string; readonly source: string }
}
export interface DisableTopup {
  readonly op: "disable"
  readonly id: string
  readonly account: string
  readonly source: string
}
/** Operators: stops it until the customer acts. */
export interface SuspendTopup {
  readonly op: "suspend"
  readonly id: string
  readonly account: string
  readonly by: string
  readonly reason: string
}
export interface ListConsents {
  readonly op: "consents"
  readonly account: string
}

export type TopupReply<A> = { readonly ok: A } | { readonly refused: TopupRefusal }
export interface TopupRefusal {
  readonly code:
    | "invalid"
    | "plan_required"
    | "payment_method_required"
    | "id_conflict"
    | "unknown_op"
    | "unavailable"
    | "clock_advancing"
  readonly detail: string
  readonly field?: string
}

/**
 * `off`; `ready` (on, nothing to do); `charging` (a top-up in flight); `being_confirmed` (its outcome is unknown);
 * `waiting` (a soft decline, next try later); `cap_reached`; `paused` (canceling or past due); `suspended` (the
 * customer must act).
 */
export type TopupState =
  | "off"
  | "ready"
  | "charging"
  | "being_confirmed"
  | "waiting"
  | "cap_reached"
  | "paused"
  | "suspended"

export interface TopupView {
  readonly account: string
  readonly enabled: boolean
  readonly monthlyCapCents: number | null
  /** "2026-11": the UTC calendar month the cap counts in. */
  readonly monthKey: string
  readonly spentThisMonthCents: number
  /** In flight and unknown. */
  readonly pendingCents: number
  readonly remainingCents: number
  /** The plan's policy (R9.2); null without a plan. */
  readonly thresholdCents: number | null
  readonly amountCents: number | null
  readonly state: TopupState
  readonly lastFailureReason: string | null
  readonly consentedAt: number | null
}

/** Append-only (R9.1). */
export interface ConsentRecord {
  readonly at: number
  readonly action: "enabled" | "cap_changed" | "disabled" | "ended_by_lapse" | "suspended"
  readonly textVersion: string | null
  readonly monthlyCapCents: number | null
  readonly source: string
}

/** Subject `topup.fact`, stream TOPUPS. Repeats have the same `id` and must change nothing. */
export interface TopupFact {
  readonly v: 1
  readonly id: string
  readonly kind: "enabled" | "cap_changed" | "disabled" | "succeeded" | "failed" | "suspended" | "cap_80" | "cap_100"
  readonly account: string
  readonly at: number
  readonly topup: TopupView
  readonly detail: Readonly<Record<string, string | number | null>>
}
