/**
 * The state of one account's auto top-up, and what can be said of it without deciding anything: whether a top-up may
 * begin, where it stands in the two drawings, its text form. Pure. What changes it is in `topup.ts` and `flight.ts`.
 */
import type { ChargeAnswer, PaymentFact, SignalKind, SubscriptionFact, TopupFact } from "@credits/contracts"
import type { SagaDecision, SagaInput, SagaStep } from "@credits/actor/saga"
import type { Instant, Nano } from "@credits/kernel"
import { monthIn, monthOf, roomFor, type Month, type MonthKey } from "./cap.ts"
import type { Consent, ConsentRow } from "./consent.ts"
import { UNKNOWN_CARD, UNKNOWN_PLAN, type CardStanding, type PlanStanding, type Reading } from "./standing.ts"

/** Why it stands still until the customer acts (R9.6, R5.2). */
export interface Suspension {
  readonly reason: string
  /** What ends it: a card being saved or the customer's renewed consent; or the consent alone. */
  readonly lifts: "card" | "consent"
  readonly at: Instant
}

/** No attempt before: an hour after one that failed (R9.6). */
export interface Pause {
  /** Fingerprint of the card that was declined; null: nothing was executed, whatever the card. */
  readonly card: string | null
  readonly until: Instant
}

/** One top-up on its way: its amount counts against the cap from the first moment on (I7). */
export interface Flight {
  readonly obligation: string
  /** The month it is reserved in, and its number there. */
  readonly month: MonthKey
  readonly seq: number
  readonly amountCents: number
  /**
   * `marking`: the ledger is told, nothing was asked of payments. `charging`: payments is asked. `being_confirmed`: the
   * outcome is not known, the fact will tell. `closing`: it waits for a customer who is not there, and payments is told
   * to cancel it. `clearing`: it failed, the ledger is told.
   */
  readonly stage: "marking" | "charging" | "being_confirmed" | "closing" | "clearing"
  /** Until when the ledger answers `top_up_in_progress`. */
  readonly markUntil: Instant
  /** When payments authorized it: decides the month; null while not known. */
  readonly authorizedAt: Instant | null
}

/** A payment that was given back: the credit it bought is to be taken back (R5.2). */
export interface Refund {
  readonly obligation: string
  readonly amountCents: number
}

/** A proven payment whose credit is on its way (I8). */
export interface Granting {
  readonly obligation: string
  readonly amountCents: number
  readonly chargeId: string
  readonly month: MonthKey
}

export interface TopupState {
  readonly account: string
  readonly plan: PlanStanding
  readonly card: CardStanding
  /** null: off. */
  readonly consent: Consent | null
  /** Records of the consent's log so far. */
  readonly records: number
  readonly suspension: Suspension | null
  /** Declines in a row (R9.6). */
  readonly failures: number
  /** Fingerprint of the card they were of. */
  readonly failedCard: string | null
  /** Cards that are left in peace. */
  readonly pauses: ReadonlyArray<Pause>
  readonly lastFailure: string | null
  /** An authorization was refused for want of credit and nothing was charged since (R9.4). */
  readonly isWanted: boolean
  /** When that was. */
  readonly wantedAt: Instant
  /** When credit last came, of a top-up or of the plan: a call refused before may well be covered now. */
  readonly settledAt: Instant
  /** A look at the balance under way; `again`: something happened meanwhile that it may not have seen. */
  readonly look: { readonly n: number; readonly again: boolean } | null
  readonly looks: number
  readonly flight: Flight | null
  readonly grants: ReadonlyArray<Granting>
  readonly refunds: ReadonlyArray<Refund>
  readonly months: ReadonlyArray<Month>
  /** The month whose beginning has been acted on. */
  readonly month: MonthKey
  /** Charges whose dispute was acted on. */
  readonly disputes: ReadonlyArray<string>
  readonly facts: number
}

export type TopupCommand =
  | {
      readonly op: "enable"
      readonly capCents: number
      readonly textVersion: string
      readonly source: string
      /** What was read of plan and card just before; null: it is on already, nothing more is asked (R9.1). */
      readonly reading: Reading | null
    }
  | { readonly op: "disable"; readonly source: string }
  | { readonly op: "suspend"; readonly by: string; readonly reason: string }

export type TopupStep = SagaStep &
  (
    | { readonly kind: "look" }
    | { readonly kind: "mark"; readonly until: Instant }
    | { readonly kind: "clear" }
    | { readonly kind: "charge"; readonly obligation: string; readonly amountCents: number }
    | { readonly kind: "close"; readonly obligation: string; readonly amountCents: number }
    | { readonly kind: "grant"; readonly obligation: string; readonly amountCents: number }
    | { readonly kind: "revoke"; readonly obligation: string; readonly amountCents: number }
  )

export type TopupOutcome =
  /** `balance`: available + held, nano-USD. `isOpen`: see `isOpenTo` in `asking.ts`. */
  | { readonly kind: "looked"; readonly balance: Nano; readonly isOpen: boolean }
  | { readonly kind: "marked" }
  | { readonly kind: "cleared" }
  | { readonly kind: "charged"; readonly answer: ChargeAnswer }
  /** Payments will not charge this obligation, and has not. */
  | { readonly kind: "refused"; readonly code: string }
  /** Canceled: it can never be paid any more. */
  | { readonly kind: "closed" }
  | { readonly kind: "granted" }
  | { readonly kind: "revoked" }

export type TopupNotice =
  | { readonly type: "signal"; readonly kind: SignalKind; readonly at: Instant }
  | { readonly type: "subscription"; readonly fact: SubscriptionFact }
  | { readonly type: "payment"; readonly fact: PaymentFact }
  /** The service has started. */
  | { readonly type: "start" }

/** What goes to the read tables, or to the counters. */
export type TopupRow =
  | ({ readonly type: "consent" } & ConsentRow)
  | { readonly type: "enabled"; readonly account: string; readonly isEnabled: boolean }
  /** A top-up was due and the cap alone was in its way. */
  | { readonly type: "cap_rejection"; readonly account: string }

export type TopupInput = SagaInput<TopupCommand, TopupOutcome, TopupNotice>
export type TopupDecision = SagaDecision<TopupState, TopupFact, TopupRow>

export const newTopup = (account: string): TopupState => ({
  account,
  plan: UNKNOWN_PLAN,
  card: UNKNOWN_CARD,
  consent: null,
  records: 0,
  suspension: null,
  failures: 0,
  failedCard: null,
  pauses: [],
  lastFailure: null,
  isWanted: false,
  wantedAt: -1,
  settledAt: -1,
  look: null,
  looks: 0,
  flight: null,
  grants: [],
  refunds: [],
  months: [],
  month: "",
  disputes: [],
  facts: 0,
})

/** Whether the plan is one that auto top-up is for. */
export const hasPlan = ({ plan }: Pick<TopupState, "plan">): boolean =>
  plan.policy !== null && plan.status !== "free" && plan.status !== "unknown"

/** R9.7, R5.4: canceling pauses it unless the customer keeps it on; past due always does. */
export const isPaused = (state: Pick<TopupState, "plan" | "consent">): boolean => {
  const { plan, consent } = state
  if (plan.status === "canceling") return consent?.keptOn !== true
  return plan.status === "past_due" || !hasPlan(state)
}

export const hasCard = ({ card }: Pick<TopupState, "card">): boolean => card.card?.isUsable === true

/** R9.6: the card's hour after a soft decline, or the processor's. */
export const isWaiting = ({ pauses, card }: TopupState): boolean =>
  pauses.some((pause) => pause.card === null || pause.card === card.card?.fingerprint)

/** What may be charged now; 0: the cap leaves nothing. Not to be asked while a top-up is on its way. */
export const roomNow = (state: TopupState, now: Instant): number => {
  const { consent, plan, months } = state
  if (consent === null || plan.policy === null) return 0
  return roomFor(plan.policy.amountCents, consent.capCents, monthIn(months, monthOf(now)).spentCents)
}

/** Why no top-up may begin, the cap last; null: one may, if the balance asks for it. */
export const obstacle = (state: TopupState, now: Instant): string | null => {
  if (state.consent === null) return "off"
  if (state.suspension !== null) return "suspended"
  if (isPaused(state)) return "paused"
  if (!hasCard(state)) return "card"
  if (isWaiting(state)) return "waiting"
  return roomNow(state, now) === 0 ? "cap" : null
}

/** Where it stands, as the customer's word goes. */
const willPhase = (state: TopupState): string => {
  if (state.consent === null) return "off"
  if (state.suspension !== null) return "suspended"
  if (isPaused(state)) return "paused"
  return isWaiting(state) ? "waiting" : "on"
}

/** Where it stands, as one top-up goes. */
const chargePhase = ({ flight, grants, look }: TopupState): string => {
  if (flight !== null) return flight.stage
  if (grants.length > 0) return "granting"
  return look === null ? "idle" : "looking"
}

export const phasesOf = (state: TopupState): Readonly<Record<string, string>> => ({
  consent: willPhase(state),
  charge: chargePhase(state),
})

/** What older rows do not say. */
const SINCE_ADDED: Pick<TopupState, "refunds" | "wantedAt"> = { refunds: [], wantedAt: -1 }

/** The policy's threshold is the only amount. */
export const encodeTopup = (state: TopupState): string => {
  const { plan } = state
  if (plan.policy === null) return JSON.stringify(state)
  const policy = { ...plan.policy, threshold: plan.policy.threshold.toString() }
  return JSON.stringify({ ...state, plan: { ...plan, policy } })
}

export const decodeTopup = (text: string): TopupState => {
  const state: TopupState = { ...SINCE_ADDED, ...(JSON.parse(text) as TopupState) }
  const { policy } = state.plan
  return policy === null
    ? state
    : { ...state, plan: { ...state.plan, policy: { ...policy, threshold: BigInt(policy.threshold) } } }
}
