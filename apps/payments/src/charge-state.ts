/**
 * The state of one obligation's charge, and how others see it. Owns shapes and the view; what changes it is in
 * `charge.ts` and the files it names. Pure. Amounts are whole cents, instants business time.
 */
import type {
  ChargeKind,
  ChargeStatus,
  ChargeView,
  Decline,
  MethodView,
  PaymentFact,
  RefundCharge,
  ResolveCharge,
} from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import type { SagaContext, SagaDecision, SagaInput, SagaStep } from "@credits/actor/saga"
import type { CardError } from "./decline.ts"
import type { IntentSnapshot } from "./intent.ts"

/** An attempt as it was asked: frozen before anything is sent, never computed again. */
export interface Terms {
  readonly attempt: number
  readonly amountCents: number
  readonly description: string
  readonly present: boolean
  /** The processor's customer. */
  readonly customer: string
  readonly method: MethodView
  /** When it was authorized: the month of R9.3. */
  readonly at: Instant
}

export type CallKind = "create" | "update" | "confirm" | "lookup" | "cancel" | "refund"

/** The one call to the processor that comes next. */
export interface Work {
  readonly call: CallKind
  /** `pause`: waits until `at`. `slot`: wants its turn. `queued`: its turn is at `at`. `run`: under way. */
  readonly stage: "pause" | "slot" | "queued" | "run"
  readonly at: Instant
  /** Makes this turn's step unlike every other. */
  readonly turn: number
}

/** An idempotency key in use, stored before it is sent. */
export interface Key {
  readonly text: string
  /** Since when: the processor forgets keys. */
  readonly since: Instant
}

/** What the processor holds for this obligation. */
export interface Intent {
  readonly id: string
  readonly clientSecret: string
  /** What it will charge when confirmed. */
  readonly terms: Terms
}

/** A call whose outcome is not known. */
export interface Doubt {
  readonly call: "create" | "confirm"
  readonly since: Instant
  readonly tries: number
  /** The key's stored answer is a server error: the execution is over, and the key of no more use. */
  readonly isOver: boolean
}

/** Calls that certainly were not executed (R10.2: not_executed), being repeated. */
export interface Refusals {
  readonly since: Instant
  readonly tries: number
}

/** A decline that the account's method must hear of. */
export interface Untold {
  readonly attempt: number
  readonly fingerprint: string
  readonly code: string
  readonly isFinal: boolean
}

export interface Closing {
  readonly tries: number
  readonly round: number
}

export interface Refund {
  readonly by: string
  readonly reason: string
  readonly at: Instant
  readonly tries: number
  readonly round: number
}

export interface ChargeState {
  readonly obligation: string
  readonly chargeId: string | null
  readonly account: string
  readonly kind: ChargeKind
  /** null: nobody has asked yet. */
  readonly status: ChargeStatus | null
  /** The newest attempt. */
  readonly terms: Terms | null
  readonly intent: Intent | null
  /** Of the newest call that changes something. */
  readonly key: Key | null
  /** Numbers of keys used up: a creation's for the charge, a confirmation's within the attempt. */
  readonly rounds: { readonly create: number; readonly confirm: number }
  readonly work: Work | null
  readonly turn: number
  readonly doubt: Doubt | null
  readonly refusals: Refusals | null
  /** Looks at an authentication that the customer is at. */
  readonly looks: number
  readonly expiresAt: Instant | null
  readonly decline: Decline | null
  /** The method has still to hear of this attempt's decline. */
  readonly untold: Untold | null
  /** Why nothing was executed, for operators. */
  readonly failure: string | null
  readonly closing: Closing | null
  /** What was taken when it succeeded; not always what the newest attempt asked. */
  readonly taken: Terms | null
  readonly refund: Refund | null
  readonly refundRefused: string | null
  /** Number of the next refund's key: those before are used up. Absent: 1. */
  readonly refundRound?: number
  /** The processor's ids of refunds that failed after they had been told. */
  readonly failedRefunds?: ReadonlyArray<string>
  readonly refunded: boolean
  readonly disputed: boolean
  readonly decidedAt: Instant | null
  readonly facts: number
}

/** Terms of a new attempt as the service knows them; `refusal`: the card is not to be charged. */
export interface ChargeableMethod {
  readonly customer: string
  readonly method: MethodView
  readonly refusal: Decline | null
}

export type ChargeCommand =
  | {
      readonly op: "charge"
      readonly account: string
      readonly kind: ChargeKind
      readonly attempt: number
      readonly amountCents: number
      readonly description: string
      readonly present: boolean
      /** null: the account has none. */
      readonly saved: ChargeableMethod | null
    }
  | { readonly op: "charge-close"; readonly account: string }
  /** `shown`: as the processor showed it just now; null: it has no intent of this charge. */
  | {
      readonly op: "charge-look-up"
      readonly shown: IntentSnapshot | null
      readonly by: string
      readonly reason: string
    }
  | Pick<ResolveCharge, "op" | "outcome" | "by" | "reason">
  | Pick<RefundCharge, "op" | "by" | "reason">

export interface ChargeStep extends SagaStep {
  readonly kind: "slot" | CallKind | "tell"
}

/** What came of a step. */
export type ChargeOutcome =
  /** slot: may be sent from then on. */
  | { readonly kind: "slot"; readonly at: Instant }
  /** The processor answered with the intent. */
  | { readonly kind: "intent"; readonly intent: IntentSnapshot }
  /** lookup by our charge id: the processor has none. */
  | { readonly kind: "none" }
  /** confirm: the card's no. */
  | { readonly kind: "card"; readonly error: CardError }
  /** Certainly not executed, the key is unused: too many requests, no connection, our credentials. */
  | { readonly kind: "refused"; readonly detail: string; readonly retryAfterMs: number }
  /** Certainly not executed and never will be: our mistake. `intent`: as looked at afterwards. */
  | { readonly kind: "failed"; readonly detail: string; readonly intent: IntentSnapshot | null }
  /** May have been executed. `isOver`: what we got is the stored answer of an execution that has ended. */
  | { readonly kind: "unknown"; readonly detail: string; readonly isOver: boolean }
  /** The key tells nothing: too old to be sent, or used for something else. Only a look at the intent helps. */
  | { readonly kind: "key_useless"; readonly detail: string }
  | { readonly kind: "refunded" }
  | { readonly kind: "told" }

export type ChargeNotice =
  | { readonly type: "intent"; readonly intent: IntentSnapshot }
  /** A refund that had been accepted came back; `intent`: as it is since. */
  | { readonly type: "refund_failed"; readonly refund: string; readonly intent: IntentSnapshot }

/** A line for the read tables. */
export interface ChargeRow {
  readonly chargeId: string
  readonly account: string
  readonly obligation: string
  readonly status: ChargeStatus
  readonly processorId: string | null
  readonly at: Instant
  readonly decidedAt: Instant | null
  readonly view: ChargeView
  /** An operator's word, kept for ever. */
  readonly action: { readonly at: Instant; readonly what: string; readonly by: string; readonly reason: string } | null
}

export type ChargeInput = SagaInput<ChargeCommand, ChargeOutcome, ChargeNotice>
export type ChargeContext = SagaContext<unknown>
export type ChargeDecision = SagaDecision<ChargeState, PaymentFact, ChargeRow>

export const newCharge = (obligation: string): ChargeState => ({
  obligation,
  chargeId: null,
  account: "",
  kind: "first",
  status: null,
  terms: null,
  intent: null,
  key: null,
  rounds: { create: 1, confirm: 1 },
  work: null,
  turn: 0,
  doubt: null,
  refusals: null,
  looks: 0,
  expiresAt: null,
  decline: null,
  untold: null,
  failure: null,
  closing: null,
  taken: null,
  refund: null,
  refundRefused: null,
  refunded: false,
  disputed: false,
  decidedAt: null,
  facts: 0,
})

const DECIDED: ReadonlySet<ChargeStatus | null> = new Set<ChargeStatus>([
  "succeeded",
  "declined",
  "action_required",
  "not_executed",
  "canceled",
])

/** Nothing of the newest attempt is under way or unknown. */
export const isDecided = (state: ChargeState): boolean => DECIDED.has(state.status)

/** A charge that exists. */
export type AskedCharge = ChargeState & {
  readonly chargeId: string
  readonly status: ChargeStatus
  readonly terms: Terms
}

export const isAsked = (state: ChargeState): state is AskedCharge => state.terms !== null

export const viewOf = (state: AskedCharge): ChargeView => {
  const { status } = state
  const terms = state.taken ?? state.terms
  // A top-up's customer is not there, and gets a new obligation next time: its secret stays here.
  const secret = status === "action_required" && state.kind !== "topup" ? (state.intent?.clientSecret ?? null) : null
  return {
    chargeId: state.chargeId,
    account: state.account,
    obligation: state.obligation,
    kind: state.kind,
    attempt: terms.attempt,
    amountCents: terms.amountCents,
    description: terms.description,
    status,
    decline: status === "declined" ? state.decline : null,
    clientSecret: secret,
    expiresAt: status === "action_required" ? state.expiresAt : null,
    method: terms.method,
    refunded: state.refunded,
    disputed: state.disputed,
    at: terms.at,
    decidedAt: state.decidedAt,
    processorId: state.intent?.id ?? null,
  }
}

export const rowOf = (state: AskedCharge, action: ChargeRow["action"]): ChargeRow => ({
  chargeId: state.chargeId,
  account: state.account,
  obligation: state.obligation,
  status: state.status,
  processorId: state.intent?.id ?? null,
  at: state.terms.at,
  decidedAt: state.decidedAt,
  view: viewOf(state),
  action,
})
