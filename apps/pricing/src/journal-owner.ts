/**
 * Asking the ledger for journal entries that the stream does not give (decision 9). Owns reading the answer; what is
 * done with it is the projection's.
 */
import { ask, type BusHandle } from "@credits/bus"
import { SUBJECTS, type HistoryAnswer, type LedgerReply } from "@credits/contracts"

/** A page is a few reads of the ledger's database; a quiet partition may need a longer search. */
const ANSWER_MS = 10_000

/**
 * What a partition has after a seq; no entries: nothing newer. @throws BusUnavailable (nobody there) | Error (no answer
 * of this version)
 */
export const readHistory = async (bus: BusHandle, partition: number, after: number): Promise<HistoryAnswer> => {
  const text = await ask(bus.connection, SUBJECTS.ledgerHistory, JSON.stringify({ partition, after }), ANSWER_MS)
  const reply = JSON.parse(text) as LedgerReply<HistoryAnswer>
  if ("refused" in reply) throw new Error(`the ledger answered ${reply.refused.code}: ${reply.refused.detail}`)
  const { v, partition: answered, entries } = reply.ok
  if (v !== 1 || answered !== partition || !Array.isArray(entries)) throw new Error("not a journal of version 1")
  return reply.ok
}
