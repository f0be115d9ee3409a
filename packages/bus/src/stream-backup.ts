/**
 * One stream into a file and back, with its sequences and its incarnation: what a cursor in a restored database needs
 * to find (decision 2). Owns JetStream's snapshot and restore protocol (ADR-19 of nats-architecture-and-design); which
 * streams, and when, is for the caller. The file is the server's own: a compressed archive, of no use to anybody else.
 */
import { createReadStream, createWriteStream } from "node:fs"
import { open } from "node:fs/promises"
import { once } from "node:events"
import { createInbox, type Msg } from "@nats-io/nats-core"
import type { StreamConfig } from "@nats-io/jetstream"
import type { BusHandle } from "./connection.ts"
import { inboxPrefixOf } from "./connection.ts"
import { CONTINUES, incarnationOf } from "./stream.ts"
import { apiErrorOf, BusRefused, BusUnavailable, clientErrorOf } from "./errors.ts"

/** Bounds of what is in a stream, as the server says. */
export interface StreamBounds {
  readonly messages: number
  readonly bytes: number
  readonly first_seq: number
  readonly last_seq: number
}

/** What belongs to a stream's file and is not in it. */
export interface StreamBackup {
  readonly name: string
  readonly config: StreamConfig
  readonly state: StreamBounds
  /** What cursors call this stream. */
  readonly incarnation: string
}

/** Below the servers' largest message (1 MiB) with its headers. */
const CHUNK_BYTES = 512 * 1024
const API_MS = 10_000
/** A server that sends nothing for so long has gone, and with it this transfer. */
const SILENCE_MS = 30_000

interface ApiAnswer {
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string }
}

const refusing =
  (name: string) =>
  (cause: unknown): never => {
    throw clientErrorOf(name, cause)
  }

const callApi = async <A>(bus: BusHandle, subject: string, body: unknown): Promise<A> => {
  let answer: Msg
  try {
    answer = await bus.connection.request(subject, JSON.stringify(body), { timeout: API_MS })
  } catch (cause) {
    throw clientErrorOf(subject, cause)
  }
  return answerOf<A>(subject, answer)
}

const answerOf = <A>(subject: string, message: Msg): A => {
  const answer = message.json<ApiAnswer>()
  if (answer.error !== undefined) throw apiErrorOf(subject, answer.error)
  return answer as A
}

export interface BackUpOptions {
  /** Whose connection it is: the one inbox it may listen to. */
  readonly user: string
  /** Hears the bytes written so far. */
  readonly told?: (bytes: number) => void
}

/**
 * Writes a stream as it is now to `file` (made anew), messages alone: readers keep their place in their databases. On
 * disk when it resolves.
 * @throws BusRefused | BusUnavailable; the file is then worth nothing.
 */
export const backUpStream = async (
  bus: BusHandle,
  name: string,
  file: string,
  options: BackUpOptions,
): Promise<StreamBackup> => {
  const subject = `$JS.API.STREAM.SNAPSHOT.${name}`
  const deliver = createInbox(inboxPrefixOf(options.user))
  const out = createWriteStream(file, { flags: "w", mode: 0o600 })
  await once(out, "open")
  const chunks = bus.connection.subscribe(deliver)
  try {
    const request = { deliver_subject: deliver, no_consumers: true, jsck: true, chunk_size: CHUNK_BYTES }
    const incarnation = incarnationOf(await bus.jsm.streams.info(name).catch(refusing(name)))
    const { config, state } = await callApi<{ config: StreamConfig; state: StreamBounds }>(bus, subject, request)
    let bytes = 0
    let ended = false
    let timer = setTimeout(() => chunks.unsubscribe(), SILENCE_MS)
    try {
      for await (const chunk of chunks) {
        clearTimeout(timer)
        if (chunk.data.length === 0) {
          const status = chunk.headers?.code ?? 0
          // 204, and nothing at all on older servers: the end. Anything else is why there is none.
          if (status >= 400) throw new BusRefused({ subject, detail: chunk.headers?.description ?? String(status) })
          ended = true
          break
        }
        if (!out.write(chunk.data)) await once(out, "drain")
        bytes += chunk.data.length
        options.told?.(bytes)
        chunk.respond()
        timer = setTimeout(() => chunks.unsubscribe(), SILENCE_MS)
      }
    } finally {
      clearTimeout(timer)
    }
    if (!ended) throw new BusUnavailable({ subject, outcome: "unknown", detail: "the copy stopped before its end" })
    out.end()
    await once(out, "close")
    await flushed(file)
    return { name, config, state: boundsOf(state), incarnation }
  } finally {
    chunks.unsubscribe()
    out.destroy()
  }
}

const boundsOf = ({ messages, bytes, first_seq, last_seq }: StreamBounds): StreamBounds => ({
  messages,
  bytes,
  first_seq,
  last_seq,
})

const flushed = async (file: string): Promise<void> => {
  const handle = await open(file, "r+")
  await handle.sync()
  await handle.close()
}

/**
 * Makes the stream of a backup: same sequences, same incarnation, `replicas` copies.
 * @throws BusRefused when there is a stream of this name already, or the file is not what it should be |
 * BusUnavailable
 */
export const restoreStream = async (
  bus: BusHandle,
  backup: StreamBackup,
  file: string,
  replicas: number = backup.config.num_replicas,
): Promise<StreamBounds> => {
  const subject = `$JS.API.STREAM.RESTORE.${backup.name}`
  const metadata = { ...backup.config.metadata, [CONTINUES]: backup.incarnation }
  const config = { ...backup.config, metadata, num_replicas: replicas }
  const { deliver_subject } = await callApi<{ deliver_subject: string }>(bus, subject, { config, state: backup.state })
  const send = async (data: Uint8Array): Promise<Msg> => {
    try {
      return await bus.connection.request(deliver_subject, data, { timeout: SILENCE_MS })
    } catch (cause) {
      throw clientErrorOf(subject, cause)
    }
  }
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
    const answer = await send(chunk as Buffer)
    if (answer.data.length > 0) answerOf(subject, answer)
  }
  const { state } = answerOf<{ state: StreamBounds }>(subject, await send(new Uint8Array()))
  if (state.last_seq !== backup.state.last_seq || state.messages !== backup.state.messages) {
    const { messages, last_seq: last } = backup.state
    const detail = `${state.messages} messages up to ${state.last_seq}, not ${messages} up to ${last}`
    throw new BusRefused({ subject, detail })
  }
  return boundsOf(state)
}
