/**
 * The dead letters: what no service could use, with its reason (stream DEAD_LETTERS), the message each is about, and
 * the taking away of one that a person has decided.
 */
import * as Effect from "effect/Effect"
import type { Advisory, BusHandle, StoredMessage } from "@credits/bus"
import { STREAMS, type DeadLetter } from "@credits/contracts"
import { failed, sentence, type CommandFailure } from "./failure.ts"
import { REPLAYABLE } from "./replay/message.ts"
import type { Original } from "./replay/redrive.ts"

/** A dead letter and where it lies. */
export interface StoredLetter {
  readonly seq: number
  /** When it was stored, ms of real time. */
  readonly at: number
  readonly letter: DeadLetter
}

export interface LetterFilter {
  readonly service?: string
  readonly reason?: string
  readonly account?: string
}

const decode = ({ seq, data, at }: StoredMessage): StoredLetter => {
  const text = new TextDecoder().decode(data)
  try {
    return { seq, at, letter: JSON.parse(text) as DeadLetter }
  } catch {
    const unreadable: DeadLetter = {
      v: 1,
      id: `seq ${seq}`,
      service: "?",
      reason: "malformed",
      detail: "this dead letter is itself no JSON",
      origin: { stream: "?", seq: 0, index: 0 },
      account: null,
      at: 0,
      payload: text,
    }
    return { seq, at, letter: unreadable }
  }
}

const matches = (filter: LetterFilter, { letter }: StoredLetter): boolean =>
  (filter.service === undefined || letter.service === filter.service) &&
  (filter.reason === undefined || letter.reason === filter.reason) &&
  (filter.account === undefined || letter.account === filter.account)

const reading = <A>(work: () => Promise<A>): Effect.Effect<A, CommandFailure> =>
  Effect.tryPromise({
    try: work,
    catch: (error) => failed("unavailable", `cannot read the dead letters: ${sentence(error)}`),
  })

/** All letters from `from` on, oldest first, until `visit` answers false. */
const walk = async (bus: BusHandle, from: number, visit: (stored: StoredLetter) => boolean): Promise<void> => {
  const { walkStored } = await import("@credits/bus")
  await walkStored(bus, STREAMS.deadLetters.name, { from }, (message) => visit(decode(message)))
}

export interface LetterList {
  /** The newest that match, newest first. */
  readonly items: ReadonlyArray<StoredLetter>
  readonly matching: number
  /** Matching letters by reason. */
  readonly byReason: Readonly<Record<string, number>>
}

export const listLetters = (
  bus: BusHandle,
  filter: LetterFilter,
  limit: number,
): Effect.Effect<LetterList, CommandFailure> =>
  reading(async () => {
    const newest: Array<StoredLetter> = []
    const byReason: Record<string, number> = {}
    let matching = 0
    await walk(bus, 1, (stored) => {
      if (!matches(filter, stored)) return true
      matching += 1
      byReason[stored.letter.reason] = (byReason[stored.letter.reason] ?? 0) + 1
      newest.push(stored)
      if (newest.length > limit) newest.shift()
      return true
    })
    return { items: newest.toReversed(), matching, byReason }
  })

/** By sequence ("17") or by the letter's own id; null when there is none. */
export const findLetter = (bus: BusHandle, key: string): Effect.Effect<StoredLetter | null, CommandFailure> =>
  reading(async () => {
    const seq = /^\d{1,15}$/.test(key) ? Number(key) : null
    let found: StoredLetter | null = null
    await walk(bus, seq ?? 1, (stored) => {
      if (seq === null ? stored.letter.id === key : stored.seq === seq) found = stored
      return found === null && seq === null
    })
    return found
  })

/** Every letter that matches, oldest first. */
export const matchingLetters = (
  bus: BusHandle,
  isWanted: (stored: StoredLetter) => boolean,
): Effect.Effect<ReadonlyArray<StoredLetter>, CommandFailure> =>
  reading(async () => {
    const found: Array<StoredLetter> = []
    await walk(bus, 1, (stored) => {
      if (isWanted(stored)) found.push(stored)
      return true
    })
    return found
  })

/** What JetStream says was given up, and no letter tells of. */
export const readAdvisories = (bus: BusHandle): Effect.Effect<ReadonlyArray<Advisory>, CommandFailure> =>
  reading(async () => (await import("@credits/bus")).advisoriesWithoutLetter(bus))

/** The message the letter is about; null: it has left its stream. */
export const originalOf = (bus: BusHandle, { origin }: DeadLetter): Effect.Effect<Original | null, CommandFailure> =>
  // Another name is not even permitted to the ops user.
  REPLAYABLE.includes(origin.stream)
    ? reading(async () => {
        const { findStored } = await import("@credits/bus")
        const found = await findStored(bus, origin.stream, origin.seq)
        if (found === null) return null
        return { subject: found.subject, text: new TextDecoder().decode(found.data), at: found.at }
      })
    : Effect.succeed(null)

const GONE = "gone"

/** The letter leaves the stream; one that is gone already has left it. */
export const takeAway = (bus: BusHandle, seq: number): Effect.Effect<void, CommandFailure> =>
  Effect.tryPromise({
    try: () => bus.jsm.streams.deleteMessage(STREAMS.deadLetters.name, seq, false),
    catch: (error) => {
      const isGone = /no message found|not found/i.test(sentence(error))
      return failed(isGone ? GONE : "unavailable", `letter ${seq} could not be taken away: ${sentence(error)}`)
    },
  }).pipe(
    Effect.asVoid,
    Effect.catch((failure) => (failure.code === GONE ? Effect.void : Effect.fail(failure))),
  )
