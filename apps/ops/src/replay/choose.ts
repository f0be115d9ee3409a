/**
 * Which messages of a stream a replay sends again, and what of them. Pure. Left out is what is a copy already, what
 * lies in a dead letter or was decided there (`dlq redrive` is for that), and what may charge a card and is too old
 * (R10.2).
 */
import { HEADERS, STREAMS } from "@credits/contracts"
import { chargesNamed, isDivisible, partitionsOf, partsOf, withItems } from "./message.ts"
import { isTooOld, type Now } from "./redrive.ts"

export interface Selection {
  readonly stream: string
  readonly fromSeq: number
  readonly toSeq: number
  /** When it was stored, ms of real time, inclusive; null: no bound. */
  readonly fromTime: number | null
  readonly toTime: number | null
  readonly account: string | null
  readonly partition: number | null
}

export interface Stored {
  readonly subject: string
  readonly seq: number
  readonly text: string
  readonly at: number
  readonly headers: Readonly<Record<string, string>> | undefined
}

export const SKIPPED = ["notSelected", "copies", "deadLetters", "unreadable"] as const
export type Skipped = (typeof SKIPPED)[number]

export type Choice =
  | { readonly t: "send"; readonly text: string; readonly items: number; readonly accounts: ReadonlyArray<string> }
  | { readonly t: "skip"; readonly why: Skipped }
  | { readonly t: "old"; readonly charges: ReadonlyArray<string> }

const skip = (why: Skipped): Choice => ({ t: "skip", why })

/** Places in the stream that dead letters came from, also discarded and redriven ones: seq → indexes. */
export type SetAside = ReadonlyMap<number, ReadonlySet<number>>

export interface Circumstances {
  readonly setAside: SetAside
  /** Sequence of the oldest message of the stream: a copy of one that is gone is an original. */
  readonly first: number
  readonly now: Now
}

/** `<run>:<seq>` → seq; null: it is no copy. */
const copiedFrom = (headers: Stored["headers"]): number | null => {
  const copied = headers?.[HEADERS.replay]
  return copied === undefined ? null : Number(copied.slice(copied.lastIndexOf(":") + 1))
}

/** An item of these is what a letter's index counts; elsewhere a letter is about its whole message. */
const hasItemLetters = (stream: string): boolean =>
  stream === STREAMS.usage.name || stream === STREAMS.ledgerCommands.name

const isInTime = ({ fromTime, toTime }: Selection, at: number): boolean =>
  (fromTime === null || at >= fromTime) && (toTime === null || at <= toTime)

export const choose = (selection: Selection, message: Stored, { setAside, first, now }: Circumstances): Choice => {
  const { stream, account, partition } = selection
  const { subject, seq, text, at, headers } = message
  if (seq < selection.fromSeq || seq > selection.toSeq || !isInTime(selection, at)) return skip("notSelected")
  const original = copiedFrom(headers)
  if (original !== null && original >= first) return skip("copies")
  const { items, accounts } = partsOf(stream, text)
  if (items === null) return skip("unreadable")
  if (partition !== null && !partitionsOf(subject, accounts).has(partition)) return skip("notSelected")
  if (account !== null && !accounts.includes(account)) return skip("notSelected")
  const aside = setAside.get(seq)
  if (aside !== undefined && !hasItemLetters(stream)) return skip("deadLetters")
  if (isTooOld(stream, text, at, now)) return { t: "old", charges: chargesNamed(text) }
  const isWanted = (index: number): boolean =>
    aside?.has(index) !== true &&
    (!isDivisible(stream) || account === null || accounts[index] === account) &&
    (!isDivisible(stream) || partition === null || partitionsOf(subject, [accounts[index] ?? null]).has(partition))
  const wanted = items.filter((_, index) => isWanted(index))
  if (wanted.length === 0) return skip("deadLetters")
  return {
    t: "send",
    text: wanted.length === items.length ? text : withItems(stream, text, wanted),
    items: wanted.length,
    accounts: accounts.filter((each, index): each is string => each !== null && isWanted(index)),
  }
}

/** What each reader of the stream makes of a message it had before: why nothing happens twice. */
export const EFFECTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [STREAMS.usage.name]: {
    pricing: "rates it again; the ledger charges an id once, and a BYOK call is recorded once (R6.6, R8.1)",
  },
  [STREAMS.ledgerCommands.name]: { ledger: "charges an id once; the same id again changes nothing (R6.6)" },
  [STREAMS.ledgerJournal.name]: { pricing: "knows an entry by its number, and skips what it has counted" },
  [STREAMS.ledgerSignals.name]: {
    topup: "looks at the balance as it is now, and charges only if that is low now (R9.4)",
    notifications: "tells a cause once",
  },
  [STREAMS.payments.name]: {
    subscriptions: "decides a charge once",
    topup: "decides a charge once, and grants it once",
    notifications: "tells a cause once",
  },
  [STREAMS.subscriptions.name]: {
    topup: "keeps the newest standing of a plan; an older fact changes nothing",
    notifications: "tells a cause once",
  },
  [STREAMS.topups.name]: { notifications: "tells a cause once" },
}
