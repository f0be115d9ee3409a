/**
 * Durable publishing: one message, or an atomic batch that is stored as a whole or not at all (ADR-50 of NATS).
 * One batch is one fsync of the server, which is why everything that matters is published in batches (decision 7).
 */
import type { JetStreamClient, PubAck } from "@nats-io/jetstream"
import { headers as makeHeaders, type MsgHdrs, type NatsConnection, nuid, type Payload } from "@nats-io/nats-core"
import { ATOMIC_BATCH_MESSAGES_MAX } from "@credits/contracts"
import { apiErrorOf, BusRefused, BusUnavailable, clientErrorOf } from "./errors.ts"

export interface OutgoingMessage {
  readonly subject: string
  readonly payload: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Where a message or a batch was stored: `seq` is the sequence of its last message. */
export interface Stored {
  readonly stream: string
  readonly seq: number
}

/**
 * With `sync_interval: always` under load a commit may wait behind many others; the server drops a batch after 10 s
 * idle.
 */
const PUBLISH_TIMEOUT_MS = 10_000

const connectionOf = (js: JetStreamClient): NatsConnection => (js as unknown as { nc: NatsConnection }).nc

const headersOf = (message: OutgoingMessage): MsgHdrs | undefined => {
  if (message.headers === undefined) return undefined
  const headers = makeHeaders()
  for (const name in message.headers) headers.set(name, message.headers[name]!)
  return headers
}

const parseAck = (subject: string, text: string): PubAck & { readonly count?: number } => {
  const ack = JSON.parse(text) as PubAck & { readonly count?: number; readonly error?: Record<string, never> }
  if (ack.error !== undefined) throw apiErrorOf(subject, ack.error)
  return ack
}

const request = async (
  nc: NatsConnection,
  subject: string,
  payload: Payload,
  headers: MsgHdrs | undefined,
): Promise<string> => {
  // A disconnected client buffers without bound and drops the buffer on a reconnect: refuse early instead.
  if (nc.isClosed()) throw new BusUnavailable({ subject, outcome: "not_stored", detail: "the connection is closed" })
  try {
    const reply = await nc.request(subject, payload, {
      timeout: PUBLISH_TIMEOUT_MS,
      ...(headers === undefined ? {} : { headers }),
    })
    return reply.string()
  } catch (cause) {
    throw clientErrorOf(subject, cause)
  }
}

/** One message, stored when this resolves. @throws BusFull | BusUnavailable | BusRefused */
export const publish = async (
  js: JetStreamClient,
  subject: string,
  payload: Uint8Array | string,
  headers?: Readonly<Record<string, string>>,
): Promise<Stored> => {
  const text = await request(connectionOf(js), subject, payload, headersOf({ subject, payload, headers }))
  const ack = parseAck(subject, text)
  return { stream: ack.stream, seq: ack.seq }
}

/**
 * All or nothing, ≤ 1,000 messages, all of one stream. The messages are stored in the order given, with consecutive
 * sequences ending at the answered `seq`. Messages that other publishers store meanwhile never come in between.
 *
 * @throws BusFull | BusUnavailable | BusRefused
 */
export const publishAtomic = async (js: JetStreamClient, messages: ReadonlyArray<OutgoingMessage>): Promise<Stored> => {
  const count = messages.length
  const last = messages[count - 1]
  if (last === undefined) throw new BusRefused({ subject: "-", detail: "an empty batch" })
  if (count === 1) return publish(js, last.subject, last.payload, last.headers)
  if (count > ATOMIC_BATCH_MESSAGES_MAX) {
    throw new BusRefused({
      subject: last.subject,
      detail: `a batch of ${count} messages; at most ${ATOMIC_BATCH_MESSAGES_MAX}`,
    })
  }
  const nc = connectionOf(js)
  const batchId = nuid.next()
  const batchHeaders = (index: number): MsgHdrs => {
    const headers = headersOf(messages[index]!) ?? makeHeaders()
    headers.set("Nats-Batch-Id", batchId)
    headers.set("Nats-Batch-Sequence", String(index + 1))
    if (index === count - 1) headers.set("Nats-Batch-Commit", "1")
    return headers
  }
  // The first message is a request too: its answer names the true reason when the server refuses the batch from the
  // start.
  const refusedAtFirst: Promise<unknown> = request(nc, messages[0]!.subject, messages[0]!.payload, batchHeaders(0))
    .then((text) => {
      if (text.length > 0) parseAck(messages[0]!.subject, text)
      return undefined
    })
    .catch((error: unknown) => error)
  for (let index = 1; index < count - 1; index++) {
    nc.publish(messages[index]!.subject, messages[index]!.payload, { headers: batchHeaders(index) })
  }
  try {
    const ack = parseAck(last.subject, await request(nc, last.subject, last.payload, batchHeaders(count - 1)))
    if (ack.count !== count) {
      const detail = `the server committed ${ack.count ?? 0} of ${count} messages`
      throw new BusUnavailable({ subject: last.subject, outcome: "not_stored", detail })
    }
    return { stream: ack.stream, seq: ack.seq }
  } catch (error) {
    // The first answer is there by now, or never comes: what the commit said is the second-best reason.
    const first = await Promise.race([refusedAtFirst, Promise.resolve(undefined)])
    throw first instanceof Error ? first : error
  }
}
