/**
 * The stream subscriptions hears: facts of payments. Owns who must hear of a message; a message that cannot be read
 * throws and becomes a dead letter.
 */
import type { SagaStream } from "@credits/actor/saga"
import { MESSAGE_VERSION, STREAMS, type PaymentFact } from "@credits/contracts"
import { isAccountId } from "@credits/kernel"
import { noticeOf, type Notice } from "./payment-notice.ts"

const payments: SagaStream<Notice> = {
  stream: STREAMS.payments.name,
  filters: STREAMS.payments.subjects,
  route: (text) => {
    const fact = JSON.parse(text) as PaymentFact
    const { v } = fact as { readonly v: number }
    if (v !== MESSAGE_VERSION) throw new Error(`a message of version ${String(v)}`)
    if (!isAccountId(fact.account)) throw new Error("a fact without an account")
    const notice = noticeOf(fact)
    return notice === null ? [] : [{ id: fact.account, notice }]
  },
}

export const streams: ReadonlyArray<SagaStream<Notice>> = [payments]
