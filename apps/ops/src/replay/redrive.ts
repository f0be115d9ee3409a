/**
 * What becomes of a dead letter that is sent again: its original, to the subject it came from, into the same handler.
 * Pure. Owns which text that is, and that nothing which may charge a card is sent again after the card processor has
 * forgotten its keys (R10.2).
 */
import {
  encodeCharges,
  HEADERS,
  MONEY_REPLAY_AGE_MAX_MS,
  STREAMS,
  SUBJECTS,
  type ChargeTuple,
  type DeadLetter,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { carriedHeaders, chargesNamed, instantIn, MAY_CHARGE, partsOf, REPLAYABLE, withItems } from "./message.ts"

/** The message that the letter is about, as it lies in its stream; null: it is gone. */
export interface Original {
  readonly subject: string
  readonly text: string
  /** When it was stored, ms of real time. */
  readonly at: number
}

export interface Now {
  readonly real: number
  /** The business clock, which the sandbox moves, and with it what the sandbox's processor remembers. */
  readonly business: number
}

export type Redrive =
  | { readonly t: "send"; readonly subject: string; readonly payload: string; readonly headers: Record<string, string> }
  /** Too old for what it may lead to: the charges it names are asked of payments, which looks them up. */
  | { readonly t: "resolver"; readonly charges: ReadonlyArray<string>; readonly ageMs: number }
  | { readonly t: "impossible"; readonly why: string }

const impossible = (why: string): Redrive => ({ t: "impossible", why })

/** The older of the two clocks' answers: the sandbox's processor forgets by business time, a real one by real time. */
export const ageOf = (text: string, storedAt: number, now: Now): number => {
  const happened = instantIn(text)
  return Math.max(now.real - storedAt, happened === null ? 0 : now.business - happened)
}

export const isTooOld = (stream: string, text: string, storedAt: number, now: Now): boolean =>
  MAY_CHARGE.has(stream) && ageOf(text, storedAt, now) > MONEY_REPLAY_AGE_MAX_MS

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A charge as the ledger keeps it in a letter, or as it came. */
const chargeIn = (payload: string): ChargeTuple | null => {
  const value = parsed(payload)
  if (Array.isArray(value)) return value.length === 7 ? (value as unknown as ChargeTuple) : null
  if (typeof value !== "object" || value === null) return null
  const { id, account, occurredAt, cost, holdId, hash, usage } = value as Record<string, unknown>
  const tuple = [id, account, occurredAt, cost, holdId, hash, usage]
  return tuple.includes(undefined) ? null : (tuple as unknown as ChargeTuple)
}

interface Text {
  readonly subject: string
  readonly payload: string
}

/** From the stream when it is still there: exactly what came. */
const fromStream = ({ origin }: DeadLetter, { subject, text }: Original): Text => {
  const { items } = partsOf(origin.stream, text)
  const isPart = origin.stream === STREAMS.usage.name || origin.stream === STREAMS.ledgerCommands.name
  const item = isPart && origin.index >= 0 ? items?.[origin.index] : undefined
  return { subject, payload: item === undefined ? text : withItems(origin.stream, text, [item]) }
}

/** From the letter, when what it keeps is whole. */
const fromLetter = ({ origin, payload }: DeadLetter): Text | null => {
  switch (origin.stream) {
    case STREAMS.usage.name: {
      const event = parsed(payload)
      // A call with the customer's own key is kept as it is recorded, not as it came.
      const isEvent = typeof event === "object" && event !== null && ("specversion" in event || Array.isArray(event))
      if (!isEvent) return null
      return { subject: SUBJECTS.usage, payload: Array.isArray(event) ? payload : JSON.stringify([event]) }
    }
    case STREAMS.ledgerCommands.name: {
      const charge = chargeIn(payload)
      if (charge === null || typeof charge[1] !== "string") return null
      return { subject: SUBJECTS.ledgerCommand(partitionOf(charge[1])), payload: encodeCharges([charge]) }
    }
    case STREAMS.ledgerSignals.name: {
      const message = parsed(payload) as { readonly partition?: unknown } | undefined
      const partition = message?.partition
      return typeof partition === "number" ? { subject: SUBJECTS.ledgerSignal(partition), payload } : null
    }
    default: {
      const spec = Object.values(STREAMS).find(({ name }) => name === origin.stream)
      return parsed(payload) === undefined || spec === undefined ? null : { subject: spec.subjects[0]!, payload }
    }
  }
}

export const redriveOf = (letter: DeadLetter, letterAt: number, original: Original | null, now: Now): Redrive => {
  const { stream } = letter.origin
  if (!REPLAYABLE.includes(stream)) return impossible(`nothing is sent again to ${stream}`)
  const text = original?.text ?? letter.payload
  const storedAt = Math.min(letterAt, original?.at ?? letterAt)
  if (isTooOld(stream, text, storedAt, now)) {
    return { t: "resolver", charges: chargesNamed(text), ageMs: ageOf(text, storedAt, now) }
  }
  const sent = original === null ? fromLetter(letter) : fromStream(letter, original)
  if (sent === null) return impossible("its message has left the stream, and what the letter keeps is not the whole")
  const headers = {
    ...carriedHeaders(letter.headers),
    [HEADERS.messageId]: `redrive:${letter.id}`,
    [HEADERS.redrive]: letter.id,
  }
  return { t: "send", ...sent, headers }
}
