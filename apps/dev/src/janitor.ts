/**
 * Frees the streams that feed databases: purges only below the lowest durable cursor of every reader (decision 2),
 * and only when a stream has grown past a mark, so that recent messages stay for people to look at. A reader that is
 * silent, not ready, or names no cursor for a stream keeps everything in it.
 */
import { type BusHandle, streamState } from "@credits/bus"
import { type ControlAnswer, STREAMS, type StreamSpec } from "@credits/contracts"
import { Effect, type Scope } from "effect"
import { readStatus } from "./readiness.ts"

const EVERY = "30 seconds"
/** Purging starts when a stream holds this share of its limit; at the limit publishers are refused. */
const MARK = 0.25

/** Last sequence that every reader has durably applied; undefined when one of them does not say. Pure. */
export const purgeableUpTo = (
  stream: Pick<StreamSpec, "name" | "readers">,
  answers: ReadonlyMap<string, ControlAnswer>,
): number | undefined => {
  if (stream.readers.length === 0) return undefined
  let lowest = Infinity
  for (const reader of stream.readers) {
    const answer = answers.get(reader)
    const cursor = answer?.ready === true ? answer.cursors[stream.name] : undefined
    if (cursor === undefined || !Number.isSafeInteger(cursor)) return undefined
    lowest = Math.min(lowest, cursor)
  }
  return lowest
}

/** One look at all streams. `mark` is a share of each stream's byte limit. */
export const cleanUp = async (bus: BusHandle, say: (line: string) => void, mark = MARK): Promise<void> => {
  const answers = new Map<string, ControlAnswer>()
  const states = await Promise.all(
    Object.values(STREAMS)
      .filter((stream) => stream.readers.length > 0)
      .map(async (stream) => ({ stream, state: await streamState(bus.jsm, stream.name) })),
  )
  const grown = states.filter(({ stream, state }) => state.bytes > stream.maxBytes * mark)
  for (const reader of new Set(grown.flatMap(({ stream }): ReadonlyArray<string> => stream.readers))) {
    const answer = await readStatus(bus, `${reader}.control`)
    if (answer !== undefined) answers.set(reader, answer)
  }
  for (const { stream, state } of grown) {
    const upTo = purgeableUpTo(stream, answers)
    if (upTo === undefined || upTo < state.first) continue
    // `seq` is the first one kept.
    await bus.jsm.streams.purge(stream.name, { seq: Math.min(upTo, state.last) + 1 })
    say(`${stream.name}: freed ${Math.min(upTo, state.last) - state.first + 1} applied messages`)
  }
}

/** Cleans up for the life of the scope. A round that fails is told and tried again at the next. */
export const janitor = (bus: BusHandle, say: (line: string) => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.tryPromise(() => cleanUp(bus, say)).pipe(
    Effect.catch((error) => Effect.sync(() => say(`could not look at the streams: ${String(error.cause)}`))),
    Effect.delay(EVERY),
    Effect.forever,
    Effect.forkScoped,
    Effect.asVoid,
  )
