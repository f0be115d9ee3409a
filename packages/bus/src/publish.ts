/**
 * Durable publishing: one message; an atomic batch that is stored as a whole or not at all (ADR-50 of NATS); or several
 * in order, of which a beginning is stored. One batch is one fsync of the server, which is why everything that comes in
 * numbers is published in batches (decision 7).
 */
import type { JetStreamClient, PubAck } from "@nats-io/jetstream"
import { headers as makeHeaders, type Msg, type MsgHdrs, type NatsConnection, nuid } from "@nats-io/nats-core"
import { ATOMIC_BATCH_MESSAGES_MAX } from "@credits/contracts"
import { type ApiErrorLike, apiErrorOf, type BusError, BusRefused, BusUnavailable, clientErrorOf } from "./errors.ts"
import { ready, request, send } from "./link.ts"

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

const parseAck = (reply: Msg, subject: string): PubAck & { readonly count?: number } => {
  const ack = reply.json<PubAck & { readonly count?: number; readonly error?: ApiErrorLike }>()
  if (ack.error !== undefined) throw apiErrorOf(subject, ack.error)
  return ack
}

/** One message, stored when this resolves. @throws BusFull | BusUnavailable | BusRefused */
export const publish = async (
  js: JetStreamClient,
  subject: string,
  payload: Uint8Array | string,
  headers?: Readonly<Record<string, string>>,
): Promise<Stored> => {
  const settings = { timeoutMs: PUBLISH_TIMEOUT_MS, headers: headersOf({ subject, payload, headers }) }
  const ack = parseAck(await request(connectionOf(js), subject, payload, settings), subject)
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
  await ready(nc, last.subject, PUBLISH_TIMEOUT_MS)
  const batchId = nuid.next()
  const settings = (index: number) => {
    const headers = headersOf(messages[index]!) ?? makeHeaders()
    headers.set("Nats-Batch-Id", batchId)
    headers.set("Nats-Batch-Sequence", String(index + 1))
    if (index === count - 1) headers.set("Nats-Batch-Commit", "1")
    return { timeoutMs: PUBLISH_TIMEOUT_MS, headers }
  }
  const first = messages[0]!
  // The first message is a request too: its answer names the true reason when the server refuses the batch at once.
  const opening = refusalOf(send(nc, first.subject, first.payload, settings(0)), first.subject)
  try {
    for (let index = 1; index < count - 1; index++) {
      nc.publish(messages[index]!.subject, messages[index]!.payload, settings(index))
    }
    const ack = parseAck(await send(nc, last.subject, last.payload, settings(count - 1)), last.subject)
    if (ack.count === count) return { stream: ack.stream, seq: ack.seq }
    const detail = `the server committed ${ack.count ?? 0} of ${count} messages`
    throw new BusUnavailable({ subject: last.subject, outcome: "not_stored", detail })
  } catch (error) {
    // The server answers in order: by now the first answer is there, or it never comes.
    throw (await Promise.race([opening, Promise.resolve(undefined)])) ?? clientErrorOf(last.subject, error)
  }
}

/** How much of a sequence of messages is stored, from its beginning; `error` is why the next one is not. */
export interface StoredPrefix {
  readonly count: number
  readonly error: BusError | null
}

/**
 * An atomic batch makes and removes seven files at the server, however small; a message has a sync of its own. The
 * server's CPU for 17 messages: 3.0 ms as a batch, 2.2 one by one; for 32: 4.0 and 3.9; for 64: 5.2 and 7.0 (2.15.1,
 * two cores). Up to this many, one by one is cheaper.
 */
const CHAIN_MAX = 32
/** "wrong last msg ID": another publisher's message came in between. */
const NOT_NEXT = 10070

/**
 * In order, all of one stream, but not all or nothing: whatever fails, what is stored is a beginning of what was given,
 * without a gap. Each message names the one that it must follow, so all are sent at once and a refused one takes those
 * behind it with it. Never rejects; what was stored without our hearing of it counts as not stored.
 */
export const publishInOrder = async (
  js: JetStreamClient,
  messages: ReadonlyArray<OutgoingMessage>,
): Promise<StoredPrefix> => {
  const rest = (from: number): Promise<StoredPrefix> => publishRest(js, messages.slice(from), from)
  if (messages.length === 0) return { count: 0, error: null }
  if (messages.length === 1 || messages.length > CHAIN_MAX) return rest(0)
  const nc = connectionOf(js)
  const chain = nuid.next()
  try {
    await ready(nc, messages[0]!.subject, PUBLISH_TIMEOUT_MS)
  } catch (error) {
    return { count: 0, error: clientErrorOf(messages[0]!.subject, error) }
  }
  const sent = messages.map(async (message, index) => {
    const headers = headersOf(message) ?? makeHeaders()
    headers.set("Nats-Msg-Id", `${chain}.${index}`)
    if (index > 0) headers.set("Nats-Expected-Last-Msg-Id", `${chain}.${index - 1}`)
    const { subject, payload } = message
    return (await send(nc, subject, payload, { timeoutMs: PUBLISH_TIMEOUT_MS, headers })).json<ChainAck>()
  })
  const acks = await Promise.allSettled(sent)
  const failed = acks.findIndex((ack) => ack.status === "rejected" || ack.value.error !== undefined)
  if (failed === -1) return { count: messages.length, error: null }
  const { subject } = messages[failed]!
  const ack = acks[failed]!
  if (ack.status === "rejected") return { count: failed, error: clientErrorOf(subject, ack.reason) }
  const error = ack.value.error!
  return error.err_code === NOT_NEXT ? rest(failed) : { count: failed, error: apiErrorOf(subject, error) }
}

type ChainAck = { readonly error?: ApiErrorLike }

const publishRest = async (
  js: JetStreamClient,
  messages: ReadonlyArray<OutgoingMessage>,
  before: number,
): Promise<StoredPrefix> => {
  try {
    await publishAtomic(js, messages)
    return { count: before + messages.length, error: null }
  } catch (error) {
    return { count: before, error: clientErrorOf(messages[0]?.subject ?? "-", error) }
  }
}

/** Why the server did not open a batch, as far as it said so. */
const refusalOf = async (opening: Promise<Msg>, subject: string): Promise<BusError | undefined> => {
  try {
    const reply = await opening
    if (reply.data.length > 0) parseAck(reply, subject)
    return undefined
  } catch (cause) {
    const error = clientErrorOf(subject, cause)
    return error instanceof BusUnavailable && error.outcome === "unknown" ? undefined : error
  }
}
