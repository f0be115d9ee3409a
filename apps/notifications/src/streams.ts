/**
 * The streams notifications hears. Owns which message is a notice for whom; a message that cannot be read throws and
 * becomes a dead letter.
 */
import type { SagaStream } from "@credits/actor/saga"
import {
  MESSAGE_VERSION,
  STREAMS,
  type PaymentFact,
  type SignalMessage,
  type StreamSpec,
  type SubscriptionFact,
  type TopupFact,
} from "@credits/contracts"
import { isAccountId } from "@credits/kernel"
import { fromPayment } from "./from-payment.ts"
import { fromSignal } from "./from-signal.ts"
import { fromSubscription } from "./from-subscription.ts"
import { fromTopup } from "./from-topup.ts"
import type { Notice } from "./notification.ts"

const read = <A extends { readonly v: number }>(text: string): A => {
  const message = JSON.parse(text) as A
  if (message.v !== MESSAGE_VERSION) throw new Error(`a message of version ${String(message.v)}`)
  return message
}

const routed = (notice: Notice | null): ReadonlyArray<{ readonly id: string; readonly notice: Notice }> => {
  if (notice === null) return []
  if (!isAccountId(notice.account)) throw new Error("a fact without an account")
  return [{ id: notice.account, notice }]
}

const heard = <A extends { readonly v: number }>(
  { name, subjects }: StreamSpec,
  noticesOf: (message: A) => ReadonlyArray<Notice | null>,
): SagaStream<Notice> => ({
  stream: name,
  filters: subjects,
  beginsAtFirst: true,
  route: (text) => noticesOf(read<A>(text)).flatMap(routed),
})

export const streams: ReadonlyArray<SagaStream<Notice>> = [
  heard<SignalMessage>(STREAMS.ledgerSignals, ({ signals }) => signals.map(fromSignal)),
  heard<PaymentFact>(STREAMS.payments, (fact) => [fromPayment(fact)]),
  heard<SubscriptionFact>(STREAMS.subscriptions, (fact) => [fromSubscription(fact)]),
  heard<TopupFact>(STREAMS.topups, (fact) => [fromTopup(fact)]),
]
