/**
 * What a stored message is about, stream by stream: its items, whose they are, which charge of a card it names, and the
 * same message with fewer items. Pure. Owns no decision about what is sent again.
 */
import { STREAMS } from "@credits/contracts"
import { partitionOf } from "@credits/kernel"

const usage = STREAMS.usage.name
const commands = STREAMS.ledgerCommands.name
const journal = STREAMS.ledgerJournal.name
const signals = STREAMS.ledgerSignals.name
const facts: ReadonlyArray<string> = [STREAMS.payments.name, STREAMS.subscriptions.name, STREAMS.topups.name]

/** Streams whose messages their readers apply, and may be given again. */
export const REPLAYABLE: ReadonlyArray<string> = [usage, commands, journal, signals, ...facts]

/** What their readers do of it can end in a charge of a card: bounded by the life of the processor's keys (R10.2). */
export const MAY_CHARGE: ReadonlySet<string> = new Set([signals, ...facts])

/** A message taken apart. `items` null: it is no message of its stream, its readers set it aside as a whole. */
export interface Parts {
  readonly items: ReadonlyArray<unknown> | null
  /** Of each item; null: the item names none. */
  readonly accounts: ReadonlyArray<string | null>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const LIST_FIELD: Readonly<Record<string, string>> = {
  [commands]: "charges",
  [journal]: "entries",
  [signals]: "signals",
}

const itemsOf = (stream: string, message: unknown): ReadonlyArray<unknown> | null => {
  if (stream === usage) return Array.isArray(message) ? message : isRecord(message) ? [message] : null
  if (!isRecord(message)) return null
  const field = LIST_FIELD[stream]
  if (field === undefined) return [message]
  const list = message[field]
  return Array.isArray(list) ? list : null
}

const accountOf = (stream: string, item: unknown): string | null => {
  const account =
    stream === commands && Array.isArray(item)
      ? (item[1] as unknown)
      : isRecord(item)
        ? item[stream === usage ? "subject" : "account"]
        : null
  return typeof account === "string" ? account : null
}

export const partsOf = (stream: string, text: string): Parts => {
  const items = itemsOf(stream, parsed(text))
  return { items, accounts: (items ?? []).map((item) => accountOf(stream, item)) }
}

/** Whether a part of the message can be sent without the rest: the journal's entries come only in their blocks. */
export const isDivisible = (stream: string): boolean => stream === usage || stream === commands || stream === signals

/** The same message with only these items. */
export const withItems = (stream: string, text: string, items: ReadonlyArray<unknown>): string =>
  stream === usage
    ? JSON.stringify(items)
    : JSON.stringify({ ...(parsed(text) as Record<string, unknown>), [LIST_FIELD[stream]!]: items })

/** Charges of cards that a fact names. */
export const chargesNamed = (text: string): ReadonlyArray<string> => {
  const fact = parsed(text)
  if (!isRecord(fact)) return []
  const { charge, detail } = fact
  const named = [isRecord(charge) ? charge["chargeId"] : null, isRecord(detail) ? detail["chargeId"] : null]
  return named.filter((id): id is string => typeof id === "string" && id.startsWith("chg_"))
}

/** When it happened, business time in ms; null: the message does not say. */
export const instantIn = (text: string): number | null => {
  const message = parsed(text)
  if (!isRecord(message)) return null
  const first = Array.isArray(message["signals"]) ? (message["signals"][0] as unknown) : message
  const at = isRecord(first) ? first["at"] : null
  return typeof at === "number" ? at : null
}

/** Of a message by its subject where that names one, else of its accounts. */
export const partitionsOf = (subject: string, accounts: ReadonlyArray<string | null>): ReadonlySet<number> => {
  const named = /^ledger\.\w+\.(\d+)$/.exec(subject)
  if (named !== null) return new Set([Number(named[1])])
  return new Set(accounts.flatMap((account) => (account === null ? [] : [partitionOf(account)])))
}

/** Headers for the copy: those of the original without what the server and the bus put there for storing it. */
export const carriedHeaders = (headers: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !name.startsWith("Nats-")))
