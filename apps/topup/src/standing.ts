/**
 * What an account's plan and card allow (R9.2, R9.7): heard from the facts of subscriptions and payments, or read from
 * them when nothing was heard yet. Pure. Owns which word is newer; what follows from it is in `topup.ts`.
 */
import type { MethodView, PaymentFact, SubscriptionFact, SubscriptionView } from "@credits/contracts"
import { NANO_PER_CENT, type Instant, type Nano } from "@credits/kernel"

/** The catalogue's policy of a plan (R9.2). */
export interface Policy {
  /** Below this balance, nano-USD. */
  readonly threshold: Nano
  readonly amountCents: number
}

/** A word of another service, and when it was said. */
interface Heard {
  readonly asOf: Instant
  /** The facts of that instant that have been applied; a repeat of one of them changes nothing. */
  readonly facts: ReadonlyArray<string>
}

export interface PlanStanding extends Heard {
  /** `unknown`: nothing was heard or read yet. */
  readonly status: "unknown" | SubscriptionView["status"]
  readonly policy: Policy | null
  /** Whether a fact has told the policy; else it was read from the catalogue. */
  readonly isPolicyTold: boolean
}

export interface Card {
  readonly id: string
  readonly fingerprint: string
  readonly isUsable: boolean
}

export interface CardStanding extends Heard {
  /** Whether anything was heard or read yet. */
  readonly isKnown: boolean
  readonly card: Card | null
}

export const UNKNOWN_PLAN: PlanStanding = {
  status: "unknown",
  policy: null,
  isPolicyTold: false,
  asOf: -1,
  facts: [],
}
export const UNKNOWN_CARD: CardStanding = { isKnown: false, card: null, asOf: -1, facts: [] }

/** Whole cents: the catalogue allows no others (R0.2). */
export const policyOf = (data: { readonly threshold: Nano; readonly amount: Nano } | null): Policy | null =>
  data === null ? null : { threshold: data.threshold, amountCents: Number(data.amount / NANO_PER_CENT) }

export const cardOf = (method: MethodView | null): Card | null =>
  method === null ? null : { id: method.id, fingerprint: method.fingerprint, isUsable: method.status === "usable" }

export const planFromFact = (fact: SubscriptionFact): PlanStanding => {
  const { autoTopUp, subscription } = fact
  const policy =
    autoTopUp === null ? null : { threshold: BigInt(autoTopUp.threshold), amount: BigInt(autoTopUp.amount) }
  const { status } = subscription
  return { status, policy: policyOf(policy), isPolicyTold: policy !== null, asOf: fact.at, facts: [fact.id] }
}

export const cardFromFact = (fact: PaymentFact): CardStanding => ({
  isKnown: true,
  card: fact.kind === "method_removed" ? null : cardOf(fact.method),
  asOf: fact.at,
  facts: [fact.id],
})

/**
 * What is known after a word; null: it says nothing new. Facts of a stream come in order and may come again, a reading
 * (which names no fact) may overtake them. Of equal instants the later word stands: facts still follow to the newest.
 */
export const afterHearing = <A extends Heard>(known: A, next: A): A | null => {
  if (next.asOf > known.asOf) return next
  if (next.asOf < known.asOf || next.facts.some((fact) => known.facts.includes(fact))) return null
  return { ...next, facts: [...known.facts, ...next.facts] }
}

/**
 * What is known of a plan after it was read. The policy that a fact has told stands until a fact tells another: the
 * ledger's signals go by the same one, and a threshold below theirs would be crossed in silence (R9.4).
 */
export const afterReading = (known: PlanStanding, read: PlanStanding): PlanStanding | null => {
  const { policy, isPolicyTold } = known
  return afterHearing(known, isPolicyTold && read.policy !== null ? { ...read, policy, isPolicyTold } : read)
}

/** What was read of an account that asks to be turned on. */
export interface Reading {
  readonly plan: PlanStanding
  readonly card: CardStanding
}
