/** What the streams look like now: read-only questions to JetStream, with one sentence when a stream is not there. */
import * as Effect from "effect/Effect"
import { bucketStream, type BusHandle, incarnationOf } from "@credits/bus"
import { BUCKETS, STREAMS } from "@credits/contracts"
import { failed, notFound, sentence, type CommandFailure } from "./failure.ts"

/** Streams of the contracts, then the streams behind its buckets. */
export const STREAM_NAMES: ReadonlyArray<string> = [
  ...Object.values(STREAMS).map((spec) => spec.name),
  ...Object.values(BUCKETS).map(bucketStream),
]

export interface StreamFacts {
  readonly name: string
  readonly subjects: ReadonlyArray<string>
  readonly messages: number
  readonly bytes: number
  readonly maxBytes: number
  readonly first: number
  readonly last: number
  readonly consumers: number
  readonly created: string
  /** What cursors in databases call this stream: `created`, or that of the stream it was restored from. */
  readonly incarnation: string
  /** The server's clock when it answered, ISO 8601. */
  readonly serverTime: string | null
  readonly config: Readonly<Record<string, unknown>>
  /** Services whose database cursor follows this stream. */
  readonly readers: ReadonlyArray<string>
}

const readersOf = (name: string): ReadonlyArray<string> =>
  Object.values(STREAMS).find((spec) => spec.name === name)?.readers ?? []

const STREAM_NOT_FOUND = 10059

const isMissing = (error: unknown): boolean =>
  (error as { code?: unknown } | null)?.code === STREAM_NOT_FOUND || /stream not found/i.test(sentence(error))

const noSuchStream = (name: string): CommandFailure =>
  notFound(`there is no stream ${name}`, `the streams of this system: ${STREAM_NAMES.join(", ")}`)

export const readStream = (bus: BusHandle, name: string): Effect.Effect<StreamFacts, CommandFailure> =>
  // Another name is not even permitted to the ops user.
  STREAM_NAMES.includes(name) ? readKnown(bus, name) : Effect.fail(noSuchStream(name))

const readKnown = (bus: BusHandle, name: string): Effect.Effect<StreamFacts, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const info = await bus.jsm.streams.info(name)
      const { state, config } = info
      return {
        name,
        subjects: config.subjects ?? [],
        messages: state.messages,
        bytes: state.bytes,
        maxBytes: config.max_bytes,
        first: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
        last: state.last_seq,
        consumers: state.consumer_count,
        created: String(info.created),
        incarnation: incarnationOf(info),
        serverTime: (info as { ts?: string }).ts ?? null,
        config: config as unknown as Readonly<Record<string, unknown>>,
        readers: readersOf(name),
      }
    },
    catch: (error) =>
      isMissing(error) ? noSuchStream(name) : failed("unavailable", `cannot read stream ${name}: ${sentence(error)}`),
  })
