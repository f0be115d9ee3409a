/**
 * Reads the ledger's journal back from the ledger's own database (`ledger.history`), partition by partition, from the
 * beginning: everything there is, whatever the streams still hold.
 */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import { SUBJECTS, type HistoryAnswer, type JournalEntry } from "@credits/contracts"
import { failed, sentence, type CommandFailure } from "./failure.ts"
import { parseReply } from "./ledger.ts"

/** A page is a few reads of the ledger's database; a quiet partition may need a longer search. */
const ANSWER_MS = 15_000

const readPage = (bus: BusHandle, partition: number, after: number): Effect.Effect<HistoryAnswer, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const { ask } = await import("@credits/bus")
      return ask(bus.connection, SUBJECTS.ledgerHistory, JSON.stringify({ partition, after }), ANSWER_MS)
    },
    catch: (error) => failed("unavailable", `the ledger's journal could not be read: ${sentence(error)}`),
  }).pipe(Effect.flatMap((text) => parseReply<HistoryAnswer>(text)))

/** Every entry of a partition, in order; what is written meanwhile is read too, up to where it stood at the start. */
export const readJournal = (
  bus: BusHandle,
  partition: number,
  each: (entry: JournalEntry) => void,
  progress: (entries: number, last: number) => void,
): Effect.Effect<number, CommandFailure> =>
  Effect.gen(function* () {
    let after = 0
    for (let end = Infinity; after < end;) {
      const page = yield* readPage(bus, partition, after)
      if (end === Infinity) end = page.last
      if (page.entries.length === 0) return after
      for (const entry of page.entries) if (entry.seq > after) each(entry)
      const { seq } = page.entries.at(-1)!
      if (seq <= after) return yield* failed("malformed_answer", `the ledger's answer does not follow entry ${after}`)
      after = seq
      progress(after, end)
    }
    return after
  })
