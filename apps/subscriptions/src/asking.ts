/**
 * Asking the ledger and payments: one question, its answer or the reason there is none. Owns deadlines; every question
 * carries the id that makes it harmless to repeat, so silence and "not now" are simply no answer yet.
 */
import { askOwner, type BusHandle } from "@credits/bus"
import {
  SUBJECTS,
  type LedgerRefusal,
  type LedgerRequest,
  type PaymentsRefusal,
  type PaymentsRequest,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"

/** Nobody could answer now: ask again. */
export class NotAnswered extends Error {
  constructor(who: string, detail: string) {
    super(`${who}: ${detail}`)
    this.name = "NotAnswered"
  }
}

type Reply<Refusal> = { readonly ok: unknown } | { readonly refused: Refusal }

/** Payments answers a charge when it is decided, at the latest after this. */
export const CHARGE_WAIT_MS = 8_000
const PAYMENTS_DEADLINE_MS = CHARGE_WAIT_MS + 2_000
/** A charge is silent while it is being decided; only a lost question is asked again. */
const PAYMENTS_SILENCE_MS = CHARGE_WAIT_MS + 1_000

const NOT_NOW = new Set(["unavailable", "overloaded", "clock_advancing"])

const read = <Refusal extends { readonly code: string; readonly detail: string }>(
  who: string,
  text: string,
): Reply<Refusal> => {
  const reply = JSON.parse(text) as Reply<Refusal>
  if ("refused" in reply && NOT_NOW.has(reply.refused.code)) throw new NotAnswered(who, reply.refused.detail)
  return reply
}

export class Asking {
  readonly #bus: BusHandle

  constructor(bus: BusHandle) {
    this.#bus = bus
  }

  /** @throws NotAnswered */
  async ledger(request: LedgerRequest): Promise<Reply<LedgerRefusal>> {
    const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
    return read("ledger", await askOwner(this.#bus.connection, subject, JSON.stringify(request)))
  }

  /** @throws NotAnswered */
  async payments(request: PaymentsRequest): Promise<Reply<PaymentsRefusal>> {
    const text = await askOwner(this.#bus.connection, SUBJECTS.paymentsRequest(request.op), JSON.stringify(request), {
      deadlineMs: PAYMENTS_DEADLINE_MS,
      silenceMs: PAYMENTS_SILENCE_MS,
    })
    return read("payments", text)
  }
}
