/**
 * The border of `ledger.history`: a reader of the journal that misses entries asks from its position and gets them from
 * the database (decision 9). Opens it at the first question; most ledgers are never asked for more than "is there
 * anything newer".
 */
import { JournalPast } from "@credits/actor"
import { Bus, serveScoped } from "@credits/bus"
import { partitions, SUBJECTS } from "@credits/contracts"
import type { OpenedDatabase } from "@credits/store"
import { Effect } from "effect"
import { openTables, type StoreOptions } from "./store.ts"

/** A position in a partition's journal, or the reason that the text is none. */
export const decodeHistoryRequest = (text: string): { readonly partition: number; readonly after: number } | string => {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return "a request must be JSON"
  }
  const { partition, after } = (raw ?? {}) as { readonly partition?: unknown; readonly after?: unknown }
  if (typeof partition !== "number" || !partitions.includes(partition)) return "partition must be one of the ledger's"
  if (typeof after !== "number" || !Number.isSafeInteger(after) || after < 0) return "after must be the seq of an entry"
  return { partition, after }
}

const refused = (code: "invalid" | "unavailable", detail: string): string =>
  JSON.stringify({ refused: { code, detail } })

/** Answers for the life of the scope. */
export const serveHistory = (options: StoreOptions, onError: (error: unknown) => void) =>
  Effect.gen(function* () {
    const { connection } = yield* Bus
    let opened: Promise<OpenedDatabase<unknown>> | undefined
    let past: JournalPast | undefined
    const open = async (): Promise<JournalPast> => {
      // A reader may ask before the deciding thread has made the tables of a new system.
      opened ??= openTables(options, 1)
      return (past ??= new JournalPast(await opened))
    }
    yield* Effect.addFinalizer(() => Effect.promise(async () => (await opened?.catch(() => undefined))?.close()))
    yield* serveScoped(connection, SUBJECTS.ledgerHistory, async (text) => {
      const request = decodeHistoryRequest(text)
      if (typeof request === "string") return refused("invalid", request)
      try {
        const { after, last, text: entries } = await (await open()).read(request.partition, request.after)
        // The texts are JSON as the database holds them, as in the journal's own messages.
        return `{"ok":{"v":1,"partition":${request.partition},"after":${after},"last":${last},"entries":[${entries}]}}`
      } catch (error) {
        if (past === undefined) opened = undefined
        onError(error)
        return refused("unavailable", "the journal could not be read; ask again")
      }
    })
  })
