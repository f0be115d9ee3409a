/**
 * The streams auto top-up hears: signals of the ledger, facts of payments and subscriptions. Owns who must hear of a
 * message; a message that cannot be read throws and becomes a dead letter.
 */
import type { SagaStream } from "@credits/actor/saga"
import {
  MESSAGE_VERSION,
  STREAMS,
  type PaymentFact,
  type SignalKind,
  type SignalMessage,
  type SubscriptionFact,
} from "@credits/contracts"
import { isAccountId } from "@credits/kernel"
import { readObligation } from "./flight.ts"
import type { TopupNotice } from "./topup-state.ts"

const read = <A extends { readonly v: number }>(text: string): A => {
  const message = JSON.parse(text) as A
  if (message.v !== MESSAGE_VERSION) throw new Error(`a message of version ${String(message.v)}`)
  return message
}

const factFor = <F extends PaymentFact | SubscriptionFact>(text: string): F => {
  const fact = read<F>(text)
  if (!isAccountId(fact.account)) throw new Error("a fact without an account")
  return fact
}

/** R9.4: what may call for a top-up. */
const CALLS: ReadonlySet<SignalKind> = new Set(["low_began", "credit_refused", "debt_began"])

const signals: SagaStream<TopupNotice> = {
  stream: STREAMS.ledgerSignals.name,
  filters: STREAMS.ledgerSignals.subjects,
  route: (text) =>
    read<SignalMessage>(text)
      .signals.filter(({ kind }) => CALLS.has(kind))
      .map(({ account, kind, at }) => ({ id: account, notice: { type: "signal", kind, at } })),
}

/** A renewal's or a purchase's charge; whoever is disputed is disputed everywhere (R5.2). */
const isOthers = ({ kind, charge }: PaymentFact): boolean =>
  charge !== null && kind !== "charge_disputed" && readObligation(charge.obligation) === null

const payments: SagaStream<TopupNotice> = {
  stream: STREAMS.payments.name,
  filters: STREAMS.payments.subjects,
  route: (text) => {
    const fact = factFor<PaymentFact>(text)
    if (isOthers(fact)) return []
    return [{ id: fact.account, notice: { type: "payment", fact } }]
  },
}

const subscriptions: SagaStream<TopupNotice> = {
  stream: STREAMS.subscriptions.name,
  filters: STREAMS.subscriptions.subjects,
  route: (text) => {
    const fact = factFor<SubscriptionFact>(text)
    return [{ id: fact.account, notice: { type: "subscription", fact } }]
  },
}

export const streams: ReadonlyArray<SagaStream<TopupNotice>> = [signals, payments, subscriptions]
