/**
 * Looking at what a stream holds, by sequence, without a consumer: for people and for figures, never for a service that
 * applies messages (that is `stream.ts`). Owns the walk, and what JetStream's own advisories say.
 */
import { type MsgHdrs } from "@nats-io/nats-core"
import { type DeadLetter, STREAMS } from "@credits/contracts"
import type { BusHandle } from "./connection.ts"

export interface StoredMessage {
  readonly subject: string
  readonly seq: number
  readonly data: Uint8Array
  readonly headers: Readonly<Record<string, string>> | undefined
  /** When the server stored it, ms. */
  readonly at: number
}

/** Asked for at once; the server cuts a batch that grows too large. */
const BATCH = 200

/** Plain pairs; undefined without any. Cheap for a message without headers, a parse for one with. */
export const plainHeaders = (headers: MsgHdrs | undefined): Readonly<Record<string, string>> | undefined => {
  if (headers === undefined) return undefined
  const plain: Record<string, string> = {}
  for (const name of headers.keys()) plain[name] = headers.get(name)
  return plain
}

/** What was deleted at the end leaves the stream's last sequence as it was: nothing is there, and nothing is wrong. */
const isNothingThere = (error: unknown): boolean => error instanceof Error && error.message === "message not found"

/** The next messages from `from` on, at most a batch; none: there are no more. @throws errors of the client */
export const readStored = async (
  bus: BusHandle,
  stream: string,
  from: number,
): Promise<ReadonlyArray<StoredMessage>> => {
  const read: Array<StoredMessage> = []
  try {
    for await (const found of await bus.jsm.direct.getBatch(stream, { seq: from, batch: BATCH })) {
      const { subject, seq, data, header, time } = found
      read.push({ subject, seq, data, headers: plainHeaders(header), at: time.getTime() })
    }
  } catch (error) {
    if (!isNothingThere(error)) throw error
  }
  return read
}

/** Messages from `from` to `to` that are there, oldest first, until `visit` says false. @throws errors of the client */
export const walkStored = async (
  bus: BusHandle,
  stream: string,
  { from, to = Number.MAX_SAFE_INTEGER }: { readonly from: number; readonly to?: number },
  visit: (message: StoredMessage) => boolean | void | Promise<boolean | void>,
): Promise<void> => {
  const { state } = await bus.jsm.streams.info(stream)
  const end = Math.min(to, state.last_seq)
  let next = Math.max(from, state.first_seq)
  while (state.messages > 0 && next <= end) {
    const read = await readStored(bus, stream, next)
    if (read.length === 0) return
    for (const message of read) {
      if (message.seq > end || (await visit(message)) === false) return
      next = message.seq + 1
    }
  }
}

/** One message; null when it is not there (any more). */
export const findStored = async (bus: BusHandle, stream: string, seq: number): Promise<StoredMessage | null> => {
  let found: StoredMessage | null = null
  await walkStored(bus, stream, { from: seq, to: seq }, (message) => void (found = message))
  return found
}

/** A consumer, ours or a stranger's, gave a message up. */
export interface Advisory {
  /** Where the advisory lies. */
  readonly seq: number
  readonly kind: "max_deliveries" | "terminated"
  readonly origin: { readonly stream: string; readonly seq: number }
  readonly consumer: string
  readonly deliveries: number
  readonly at: number
}

interface AdvisoryText {
  readonly stream?: string
  readonly consumer?: string
  readonly stream_seq?: number
  readonly deliveries?: number
}

const text = new TextDecoder()

const parsed = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(text.decode(data))
  } catch {
    return null
  }
}

const advisoryOf = ({ subject, seq, data, at }: StoredMessage): Advisory => {
  const said = (parsed(data) ?? {}) as AdvisoryText
  return {
    seq,
    kind: subject.includes("MSG_TERMINATED") ? "terminated" : "max_deliveries",
    origin: { stream: said.stream ?? "?", seq: said.stream_seq ?? 0 },
    consumer: said.consumer ?? "?",
    deliveries: said.deliveries ?? 0,
    at,
  }
}

/**
 * Advisories about messages that no dead letter tells of, oldest first: something gave up without saying so. Reads the
 * letters only when there are advisories.
 */
export const advisoriesWithoutLetter = async (bus: BusHandle): Promise<ReadonlyArray<Advisory>> => {
  const said: Array<Advisory> = []
  await walkStored(bus, STREAMS.advisories.name, { from: 1 }, (message) => void said.push(advisoryOf(message)))
  if (said.length === 0) return said
  const told = new Set<string>()
  await walkStored(bus, STREAMS.deadLetters.name, { from: 1 }, ({ data }) => {
    const origin = (parsed(data) as DeadLetter | null)?.origin
    if (origin !== undefined) told.add(`${origin.stream} ${origin.seq}`)
  })
  return said.filter(({ origin }) => !told.has(`${origin.stream} ${origin.seq}`))
}
