/** Reads the dead letters: what no service could use, with its reason (stream DEAD_LETTERS). Never changes them. */
import * as Effect from "effect/Effect"
import type { BusHandle } from "@credits/bus"
import { STREAMS, type DeadLetter } from "@credits/contracts"
import { failed, sentence, type CommandFailure } from "./failure.ts"

/** A dead letter and where it lies. */
export interface StoredLetter {
  readonly seq: number
  readonly letter: DeadLetter
}

export interface LetterFilter {
  readonly service?: string
  readonly reason?: string
  readonly account?: string
}

/** Messages asked for at once: a dead letter is a few KiB at most. */
const BATCH = 200

const decode = (seq: number, data: Uint8Array): StoredLetter => {
  const text = new TextDecoder().decode(data)
  try {
    return { seq, letter: JSON.parse(text) as DeadLetter }
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
    return { seq, letter: unreadable }
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
  const stream = STREAMS.deadLetters.name
  const { state } = await bus.jsm.streams.info(stream)
  let next = Math.max(from, state.first_seq)
  while (state.messages > 0 && next <= state.last_seq) {
    let read = 0
    for await (const message of await bus.jsm.direct.getBatch(stream, { seq: next, batch: BATCH })) {
      read += 1
      next = message.seq + 1
      if (!visit(decode(message.seq, message.data))) return
    }
    if (read === 0) return
  }
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
