/**
 * What payments is asked and answers over request–reply, JSON on `payments.request.<op>`, and the facts it publishes on
 * the stream PAYMENTS. Owns shapes only. Amounts of charges are whole cents; instants are milliseconds.
 */

/**
 * A message that may lead to a charge is sent again only while the card processor still knows the keys of the first
 * time: it forgets them after 24 h, less room for what waits in queues (R10.2). Older ones are asked of payments.
 */
export const MONEY_REPLAY_AGE_MAX_MS = 20 * 60 * 60 * 1000

export type PaymentsRequest =
  | RequestCharge
  | CloseObligation
  | ReadCharge
  | ListCharges
  | LookUpCharge
  | ResolveCharge
  | RefundCharge
  | ReadMethod
  | SetUpMethod
  | SaveMethod
  | RemoveMethod
  | TakeWebhook
  | RunReconciliation
  | ListFindings
export type PaymentsOp = PaymentsRequest["op"]

/** What each operation answers in `ok`. */
export interface PaymentsAnswers {
  readonly charge: ChargeAnswer
  readonly "charge-close": CloseAnswer
  readonly "charge-show": ChargeView
  readonly "charge-list": ChargePage
  readonly "charge-look-up": LookUpAnswer
  readonly "charge-resolve": ChargeView
  readonly "charge-refund": ChargeView
  /** null: the account has none. */
  readonly method: MethodView | null
  readonly "method-setup": SetUpAnswer
  readonly "method-save": MethodView
  /** null: there is none now, whether there was one or not. */
  readonly "method-remove": null
  readonly webhook: WebhookAnswer
  readonly "recon-run": ReconciliationAnswer
  /** What stands open, oldest first. */
  readonly "recon-findings": { readonly items: ReadonlyArray<Finding> }
}

/** Events of the card processor that payments acts on: what its endpoint for webhooks is subscribed to. */
export const PROCESSOR_EVENTS = [
  "payment_intent.succeeded",
  "payment_intent.payment_failed",
  "payment_intent.canceled",
  "payment_intent.requires_action",
  "charge.refunded",
  "refund.failed",
  "charge.dispute.created",
  "payment_method.detached",
  "payment_method.updated",
  "payment_method.automatically_updated",
] as const

export type ChargeKind = "first" | "renewal" | "upgrade" | "topup"

/**
 * Charges the saved method for one obligation (R10.1). The same obligation and attempt is the same charge, whatever is
 * sent again; another amount under them is `id_conflict`. A higher attempt is a new try after a definite failure of the
 * one before. An obligation that has succeeded answers that success, whatever the attempt. Answered when it is decided,
 * `pending` after `waitMs`, or `pending` at once when its turn comes later and the customer is not there; the fact
 * follows in any case.
 */
export interface RequestCharge {
  readonly op: "charge"
  readonly account: string
  /** `first:<sub>` `renewal:<sub>:<n>` `upgrade:<quote>` `topup:<account>:<month>:<seq>` */
  readonly obligation: string
  readonly kind: ChargeKind
  /** From 1. */
  readonly attempt: number
  readonly amountCents: number
  readonly description: string
  /** The customer is there and can authenticate; false: off session. */
  readonly present: boolean
  /** Default 8,000. 0: only accept it. */
  readonly waitMs?: number
  /** The asker's business instant. When the clock was just moved, whoever is asked reads it before deciding. */
  readonly askedAt?: number
}

/**
 * No further attempt for this obligation, ever (R4.7, R5.4): answers `closed`, or `succeeded` when it had been paid, or
 * `pending` while an attempt is undecided (then nothing is closed).
 */
export interface CloseObligation {
  readonly op: "charge-close"
  readonly account: string
  readonly obligation: string
}
export interface CloseAnswer {
  readonly status: "closed" | "succeeded" | "pending"
}

/** By charge id; `account` given: another account's charge is `not_found`. */
export interface ReadCharge {
  readonly op: "charge-show"
  readonly chargeId: string
  readonly account?: string
}
/** Newest first. Without account: of all (operators). */
export interface ListCharges {
  readonly op: "charge-list"
  readonly account?: string
  readonly status?: ChargeStatus
  /** 1–200, default 50. */
  readonly limit?: number
  readonly cursor?: string
}
/**
 * Asks the processor now how one charge stands, whatever the schedule of the looks that payments makes by itself
 * (R10.2). No person's word decides: what the processor shows does.
 */
export interface LookUpCharge {
  readonly op: "charge-look-up"
  readonly chargeId: string
  /** Who wants it taken over, and why. Absent: it is only told, and nothing is changed. */
  readonly take?: { readonly by: string; readonly reason: string }
}
export interface LookUpAnswer {
  /** The processor's own word for the payment's state; null: it has no payment of this charge. */
  readonly shown: string | null
  readonly before: ChargeStatus
  /** As it is now; without `take` as it would be. */
  readonly charge: ChargeView
}
/**
 * A person decides an unknown outcome after looking at the processor (R10.2). Refused while it is still being looked up
 * by itself.
 */
export interface ResolveCharge {
  readonly op: "charge-resolve"
  readonly chargeId: string
  readonly outcome: "succeeded" | "not_executed"
  readonly by: string
  readonly reason: string
}
/** R5.2: proven duplicates and errors only. */
export interface RefundCharge {
  readonly op: "charge-refund"
  readonly chargeId: string
  readonly by: string
  readonly reason: string
}
export interface ReadMethod {
  readonly op: "method"
  readonly account: string
}
/** A secret for the processor's own card element. */
export interface SetUpMethod {
  readonly op: "method-setup"
  readonly account: string
}
export interface SetUpAnswer {
  readonly clientSecret: string
  readonly publishableKey: string
}
/** Saves what the element returned as the account's one method, replacing the one before. */
export interface SaveMethod {
  readonly op: "method-save"
  readonly account: string
  readonly setupToken: string
  readonly id: string
}
export interface RemoveMethod {
  readonly op: "method-remove"
  readonly account: string
  readonly id: string
}
/** A webhook as it came: `body` base64 of the raw bytes, `signature` the header. */
export interface TakeWebhook {
  readonly op: "webhook"
  readonly body: string
  readonly signature: string
}
/** `known`: it was acted on before. `ignored`: about nothing of ours. */
export interface WebhookAnswer {
  readonly taken: "acted" | "known" | "ignored"
}
export interface RunReconciliation {
  readonly op: "recon-run"
  /** `[from, to)`; default the last 48 h. */
  readonly from?: number
  readonly to?: number
}
export interface ListFindings {
  readonly op: "recon-findings"
}

export type PaymentsReply<A> = { readonly ok: A } | { readonly refused: PaymentsRefusal }
export interface PaymentsRefusal {
  readonly code:
    | "invalid"
    | "id_conflict"
    | "payment_method_required"
    /** The token is not known to the processor, or the card cannot be saved. */
    | "setup_token_invalid"
    | "card_refused"
    | "signature_invalid"
    | "not_found"
    | "not_resolvable"
    | "not_refundable"
    | "obligation_closed"
    | "unknown_op"
    | "unavailable"
    | "clock_advancing"
  readonly detail: string
  readonly field?: string
}

/**
 * R10.2. `submitting` and `unknown` are undecided: the amount counts as spent until they are decided. `review`: unknown
 * for more than 24 h, a person must look. `canceled`: closed before it succeeded.
 */
export type ChargeStatus =
  | "planned"
  | "submitting"
  | "succeeded"
  | "declined"
  | "action_required"
  | "not_executed"
  | "unknown"
  | "review"
  | "canceled"

/** Why not, by what can be done about it (field notes A5). */
export interface Decline {
  /** `soft`: may work later. `final`: never with this card. `fix`: with corrected card data. */
  readonly class: "soft" | "final" | "fix"
  /** The processor's code, for operators; `generic` where the customer must not learn it (lost, stolen, fraud). */
  readonly code: string
  /** One sentence for the customer. */
  readonly detail: string
}

/**
 * Code of a decline that no bank has spoken: the customer did not authenticate in time. The bank's page may still be
 * open, and authenticated there the charge succeeds all the same, unless its obligation is closed.
 */
export const AUTHENTICATION_EXPIRED_CODE = "authentication_expired"

export interface ChargeView {
  readonly chargeId: string
  readonly account: string
  readonly obligation: string
  readonly kind: ChargeKind
  readonly attempt: number
  readonly amountCents: number
  readonly description: string
  readonly status: ChargeStatus
  readonly decline: Decline | null
  /** action_required: what the processor's element needs to let the customer authenticate. */
  readonly clientSecret: string | null
  readonly expiresAt: number | null
  readonly method: MethodView | null
  readonly refunded: boolean
  readonly disputed: boolean
  /** When it was authorized: the month of R9.3. */
  readonly at: number
  /** When it was decided. */
  readonly decidedAt: number | null
  readonly processorId: string | null
}

/** `pending`: not decided within the wait. */
export type ChargeAnswer =
  | { readonly status: "decided"; readonly charge: ChargeView }
  | { readonly status: "pending"; readonly charge: ChargeView }

export interface ChargePage {
  readonly items: ReadonlyArray<ChargeView>
  readonly nextCursor: string | null
}

/** R10.3: all that is kept of a card. */
export interface MethodView {
  /** The processor's id. */
  readonly id: string
  readonly brand: string
  readonly last4: string
  readonly expMonth: number
  readonly expYear: number
  readonly fingerprint: string
  /** `blocked`: a final decline; only another card helps. `expired` by its date. */
  readonly status: "usable" | "blocked" | "expired"
}

/** R10.4. */
export interface Finding {
  readonly kind: "missing_here" | "missing_there" | "amount_mismatch" | "status_mismatch" | "duplicate" | "disputed"
  readonly chargeId: string | null
  readonly processorId: string | null
  readonly obligation: string | null
  readonly account: string | null
  readonly detail: string
  readonly foundAt: number
}
export interface ReconciliationAnswer {
  readonly from: number
  readonly to: number
  readonly compared: number
  readonly findings: ReadonlyArray<Finding>
}

/** Subject `payments.fact`, stream PAYMENTS. Repeats have the same `id` and must change nothing. */
export interface PaymentFact {
  readonly v: 1
  readonly id: string
  readonly kind:
    | "charge_succeeded"
    | "charge_declined"
    | "charge_action_required"
    | "charge_not_executed"
    | "charge_unknown"
    | "charge_canceled"
    | "charge_refunded"
    /** What was told as refunded came back to us: the customer does not have it. */
    | "charge_refund_failed"
    | "charge_disputed"
    | "method_saved"
    | "method_removed"
    | "method_blocked"
    | "method_expiring"
  readonly account: string
  readonly at: number
  readonly charge: ChargeView | null
  readonly method: MethodView | null
}
