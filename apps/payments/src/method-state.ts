/**
 * The state of one account's payment method and how others see it. Owns shapes and views; what changes it is in
 * `method.ts`. Pure.
 */
import type { SagaAnswer, SagaContext, SagaDecision, SagaInput, SagaStep } from "@credits/actor/saga"
import type { MethodView, PaymentFact } from "@credits/contracts"
import type { Instant } from "@credits/kernel"
import { cardView, DECLINES_MAX, DECLINES_SPAN_MS, type BlockedCard, type Card, type CardDecline } from "./card.ts"
import type { ChargeableMethod } from "./charge-state.ts"
import { blockedCard, TOO_MANY_DECLINES } from "./decline.ts"

/** A piece of work at the processor; one of them is under way at a time. */
export interface MethodTask {
  readonly kind: "setup" | "save" | "detach"
  /** Number of the task in the account's life: part of its idempotency keys. */
  readonly number: number
  /** save: what the card element returned. detach: the method. setup: empty. */
  readonly subject: string
  /** save: the caller's request. */
  readonly request: string
  readonly tries: number
  /** Number of the key: another one when the first's stored answer is a server error. */
  readonly round: number
  /** Not before; null: now. */
  readonly at: Instant | null
}

/** A secret for the card element, good for a while. */
export interface CardSetup {
  readonly id: string
  readonly clientSecret: string
  readonly at: Instant
}

export interface SaveResult {
  readonly request: string
  readonly answer: SagaAnswer
}

export interface MethodState {
  readonly account: string
  /** The processor's customer; made once. */
  readonly customer: string | null
  /** Number of the key it is made under. */
  readonly customerRound: number
  readonly card: Card | null
  /** The reminder for this card has been told. */
  readonly isExpiryTold: boolean
  readonly tasks: ReadonlyArray<MethodTask>
  readonly taskNumber: number
  readonly setup: CardSetup | null
  /** Why the last setup came to nothing; null when it came to something. */
  readonly setupFailed: string | null
  /** Answers of the last saves, for whoever still waits. */
  readonly results: ReadonlyArray<SaveResult>
  readonly declines: ReadonlyArray<CardDecline>
  readonly blocked: ReadonlyArray<BlockedCard>
  readonly facts: number
}

export type MethodCommand =
  | { readonly op: "method-setup" }
  | { readonly op: "method-save"; readonly id: string; readonly setupToken: string }
  | { readonly op: "method-remove"; readonly id: string }

export interface MethodStep extends SagaStep {
  readonly kind: "customer" | "setup" | "save" | "detach"
}

export type MethodOutcome =
  | { readonly kind: "customer"; readonly id: string }
  | { readonly kind: "setup"; readonly id: string; readonly clientSecret: string }
  | { readonly kind: "saved"; readonly card: Card }
  | { readonly kind: "refused"; readonly code: "setup_token_invalid" | "card_refused"; readonly detail: string }
  | { readonly kind: "detached" }
  /** No definite answer; `isOver`: the key will say the same for ever. */
  | { readonly kind: "again"; readonly detail: string; readonly isOver: boolean }

export type MethodNotice =
  /** A charge of this account's card was declined. */
  | {
      readonly type: "declined"
      readonly key: string
      readonly fingerprint: string
      readonly code: string
      readonly isFinal: boolean
    }
  /** The processor's own view of a card, fetched because an event named it. */
  | { readonly type: "card"; readonly card: Card }
  /** It belongs to the customer no more. */
  | { readonly type: "detached"; readonly id: string }

/** Whose a customer or a card of the processor is. */
export interface OwnerRow {
  /** `cus_…`, `pm_…`. */
  readonly id: string
  readonly account: string
}

export type MethodInput = SagaInput<MethodCommand, MethodOutcome, MethodNotice>
export type MethodContext = SagaContext<unknown>
export type MethodDecision = SagaDecision<MethodState, PaymentFact, OwnerRow>

export const newMethod = (account: string): MethodState => ({
  account,
  customer: null,
  customerRound: 1,
  card: null,
  isExpiryTold: false,
  tasks: [],
  taskNumber: 0,
  setup: null,
  setupFailed: null,
  results: [],
  declines: [],
  blocked: [],
  facts: 0,
})

export const blockOf = (state: MethodState, fingerprint: string): BlockedCard | undefined =>
  state.blocked.find((each) => each.fingerprint === fingerprint)

export const methodView = (state: MethodState, now: Instant): MethodView | null => {
  const { card } = state
  return card === null ? null : cardView(card, blockOf(state, card.fingerprint) !== undefined, now)
}

/** What a charge needs to know; null: the account has no card. */
export const chargeable = (state: MethodState, now: Instant): ChargeableMethod | null => {
  const { card, customer } = state
  const method = methodView(state, now)
  if (card === null || customer === null || method === null) return null
  const block = blockOf(state, card.fingerprint)
  if (block !== undefined) return { customer, method, refusal: blockedCard(block.code) }
  const lately = state.declines.filter(
    (each) => each.fingerprint === card.fingerprint && now - each.at < DECLINES_SPAN_MS,
  )
  return { customer, method, refusal: lately.length >= DECLINES_MAX ? TOO_MANY_DECLINES : null }
}
