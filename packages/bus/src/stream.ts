/**
 * What a stream looks like now, and reading it in order from a sequence that a database remembers (decision 2). There
 * is no acknowledgement: the cursor is the caller's. A reader never skips silently: whenever its consumer is
 * (re)created it compares the stream's incarnation, first and last sequence with the cursor and stops with a gap
 * otherwise; one that reads all subjects of its stream also looks again when a sequence is not the next.
 */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream"
import { createInbox, type Msg, type NatsConnection, nuid, type Subscription } from "@nats-io/nats-core"
import { type ApiErrorLike, apiErrorOf, BusUnavailable, clientErrorOf } from "./errors.ts"
import type { BusHandle } from "./connection.ts"
import { tellDefect } from "./guard.ts"
import { onReconnect, request } from "./link.ts"

/** Metadata of a restored stream: the incarnation it continues. The server gives it a creation instant of its own. */
export const CONTINUES = "credits.continues"

/** Which stream this is, for cursors. */
export const incarnationOf = (info: Pick<StreamInfo, "config" | "created">): string =>
  info.config.metadata?.[CONTINUES] ?? String(info.created)

export interface StreamState {
  /**
   * Creation instant of the stream as text: another one is another stream, whatever its name. A stream restored beside
   * its databases keeps that of the one it continues (`stream-backup.ts`).
   */
  readonly incarnation: string
  /** Sequence of the oldest message; `last + 1` when empty. */
  readonly first: number
  /** Sequence of the newest message ever stored; 0 for a new stream. */
  readonly last: number
  readonly messages: number
  readonly bytes: number
}

const lookAt = async (
  jsm: JetStreamManager,
  stream: string,
): Promise<{ readonly state: StreamState; readonly subjects: ReadonlyArray<string> }> => {
  try {
    const info = await jsm.streams.info(stream)
    const { config, state } = info
    const { first_seq: first, last_seq: last, messages, bytes } = state
    const bounds = { first: messages === 0 ? last + 1 : first, last, messages, bytes }
    return { state: { incarnation: incarnationOf(info), ...bounds }, subjects: config.subjects ?? [] }
  } catch (cause) {
    throw clientErrorOf(stream, cause)
  }
}

/** @throws BusUnavailable | BusRefused (no such stream) */
export const streamState = async (jsm: JetStreamManager, stream: string): Promise<StreamState> =>
  (await lookAt(jsm, stream)).state

/** Why a cursor no longer fits its stream: commands between the cursor and the stream were lost or are not ours. */
export interface CursorGap {
  readonly stream: string
  readonly reason: "other_incarnation" | "trimmed" | "beyond_the_end"
  /** Last sequence the caller has applied. */
  readonly cursor: number
  readonly expectedIncarnation: string | undefined
  readonly state: StreamState
}

/** Decision 2: same incarnation and first ≤ cursor + 1 ≤ last + 1. Undefined when the cursor fits. */
export const cursorGapOf = (
  stream: string,
  cursor: number,
  expectedIncarnation: string | undefined,
  state: StreamState,
): CursorGap | undefined => {
  const gap = (reason: CursorGap["reason"]): CursorGap => ({ stream, reason, cursor, expectedIncarnation, state })
  if (expectedIncarnation !== undefined && expectedIncarnation !== state.incarnation) return gap("other_incarnation")
  if (cursor > state.last) return gap("beyond_the_end")
  if (cursor + 1 < state.first) return gap("trimmed")
  return undefined
}

export interface StreamMessage {
  readonly subject: string
  /** Sequence in the stream. */
  readonly seq: number
  /** A view of the socket's buffer: decode or copy it inside `onMessage`. */
  readonly data: Uint8Array
  readonly raw: Msg
}

export interface OrderedReaderOptions {
  readonly stream: string
  /** Subjects to read; several make one consumer, not several (field notes: 64 consumers are slower). */
  readonly filters: ReadonlyArray<string>
  /** First sequence wanted: lowest cursor + 1. */
  readonly startSeq: number
  /** Incarnation stored with the cursor; undefined when nothing was read before. */
  readonly incarnation?: string | undefined
  /**
   * Called synchronously, in order, without gaps or repeats between two `onCreated` calls of one reader. One that
   * throws gets the same message again after a pause.
   */
  readonly onMessage: (message: StreamMessage) => void
  /** After every (re)creation of the consumer, before its first message. */
  readonly onCreated?: (state: StreamState, nextSeq: number) => void
  /** The reader has stopped for good: commands would be skipped. */
  readonly onGap: (gap: CursorGap) => void
  /** Something went wrong and will be tried again. */
  readonly onTrouble?: (detail: string) => void
  /** Messages asked of the server ahead of delivery (default 512). After `pause` at most this many still arrive. */
  readonly aheadMessages?: number
  /** Bytes asked ahead (default 16 MiB); must exceed the largest message. */
  readonly aheadBytes?: number
}

export interface OrderedReader {
  /** Asks for no more messages; those asked for still arrive. Cheap: call it whenever the caller's queue is long. */
  pause(): void
  resume(): void
  /** Sequence of the last message given to `onMessage`, or `startSeq - 1`. */
  readonly position: number
  readonly paused: boolean
  /** Recreates the consumer at another sequence (after a reload from the database). */
  restartAt(seq: number): void
  close(): Promise<void>
}

const AHEAD_MESSAGES = 512
const AHEAD_BYTES = 16 * 1024 * 1024
const PULL_EXPIRES_MS = 30_000
const HEARTBEAT_MS = 2_000
/** Three missed heartbeats; a blocked event loop does not count (see `#watch`). */
const SILENCE_MS = 3 * HEARTBEAT_MS
/**
 * The server forgets a consumer that asks for nothing: longer than the longest pause we expect, short enough not to
 * pile up.
 */
const INACTIVE_MS = 120_000
const RECREATE_BACKOFF_MS = [50, 100, 250, 500, 1_000, 2_000] as const
const CREATE_TIMEOUT_MS = 5_000
const NANOS_PER_MS = 1_000_000

/** Stream and consumer sequence from an ack subject, v1 (9 tokens) or v2 (11 and more, from 2.15 on opt-in). */
const sequencesOf = (reply: string): { readonly seq: number; readonly delivered: number } => {
  const tokens = reply.split(".")
  const at = tokens.length >= 11 ? 7 : 5
  return { seq: Number(tokens[at]), delivered: Number(tokens[at + 1]) }
}

/**
 * Plain JSON on the API subject that names stream and consumer: the client library uses a subject without the name for
 * several filters, which no permission could tell apart from other consumers.
 */
const createConsumer = async (
  nc: NatsConnection,
  stream: string,
  name: string,
  startSeq: number,
  filters: ReadonlyArray<string>,
): Promise<void> => {
  const config = {
    name,
    deliver_policy: "by_start_sequence",
    opt_start_seq: startSeq,
    ack_policy: "none",
    replay_policy: "instant",
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
    ...(filters.length > 0 ? { filter_subjects: filters } : {}),
  }
  const subject = `$JS.API.CONSUMER.CREATE.${stream}.${name}`
  const body = JSON.stringify({ stream_name: stream, config, action: "create" })
  const reply = await request(nc, subject, body, { timeoutMs: CREATE_TIMEOUT_MS })
  const answer = reply.json<{ readonly error?: ApiErrorLike }>()
  if (answer.error !== undefined) throw apiErrorOf(subject, answer.error)
}

class Reader implements OrderedReader {
  readonly #bus: BusHandle
  readonly #options: OrderedReaderOptions
  readonly #aheadMessages: number
  readonly #aheadBytes: number
  #position: number
  #incarnation: string | undefined
  /** Counts creations; whatever belongs to an earlier one is stale and ignored. */
  #generation = 0
  #subscription: Subscription | undefined
  #consumer: string | undefined
  #inbox = ""
  #delivered = 0
  /** Messages asked for and not yet arrived. */
  #asked = 0
  #paused = false
  #closed = false
  #heardAt = 0
  #watchedAt = 0
  #failures = 0
  /** Every message of the stream is for this reader: its sequences have no gaps. */
  #isWhole = false
  /** A message that came after a hole, and for which the stream was looked at again. */
  #afterHole = 0
  readonly #watcher: NodeJS.Timeout
  readonly #forgetReconnects: () => void

  constructor(bus: BusHandle, options: OrderedReaderOptions) {
    this.#bus = bus
    this.#options = options
    this.#aheadMessages = options.aheadMessages ?? AHEAD_MESSAGES
    this.#aheadBytes = options.aheadBytes ?? AHEAD_BYTES
    this.#position = options.startSeq - 1
    this.#incarnation = options.incarnation
    this.#watchedAt = performance.now()
    this.#watcher = setInterval(() => this.#watch(), HEARTBEAT_MS / 2)
    this.#forgetReconnects = onReconnect(bus.connection, () => this.#recreate("reconnected"))
    void this.#create(++this.#generation)
  }

  get position(): number {
    return this.#position
  }

  get paused(): boolean {
    return this.#paused
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#heardAt = performance.now()
    this.#pull()
  }

  restartAt(seq: number): void {
    this.#position = seq - 1
    this.#recreate("restarted by the caller")
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#watcher)
    this.#generation++
    this.#subscription?.unsubscribe()
    this.#forgetReconnects()
    // The consumer itself is left to its inactive threshold: services have no permission to delete consumers.
  }

  #recreate(why: string): void {
    if (this.#closed) return
    this.#options.onTrouble?.(`${this.#options.stream}: ${why}; reading again from ${this.#position + 1}`)
    void this.#create(++this.#generation)
  }

  /** Creates a consumer at position + 1, checks that nothing is missing, then asks for messages. */
  async #create(generation: number): Promise<void> {
    const { stream, filters } = this.#options
    this.#subscription?.unsubscribe()
    this.#subscription = undefined
    this.#consumer = undefined
    this.#asked = 0
    this.#delivered = 0
    const name = `r_${nuid.next()}`
    try {
      await createConsumer(this.#bus.connection, stream, name, this.#position + 1, filters)
      // Asked after the creation: the first sequence only grows, so what is there now was there then.
      const { state, subjects } = await lookAt(this.#bus.jsm, stream)
      if (generation !== this.#generation) return
      const gap = cursorGapOf(stream, this.#position, this.#incarnation, state)
      if (gap !== undefined) {
        void this.close()
        return this.#options.onGap(gap)
      }
      this.#incarnation = state.incarnation
      this.#isWhole = filters.length === 0 || subjects.every((subject) => filters.includes(subject))
      this.#options.onCreated?.(state, this.#position + 1)
      this.#listen(generation, name)
    } catch (cause) {
      if (generation !== this.#generation) return
      this.#options.onTrouble?.(`${stream}: ${clientErrorOf(stream, cause).message}`)
      this.#createLater()
    }
  }

  #createLater(): void {
    const generation = this.#generation
    const wait = RECREATE_BACKOFF_MS[Math.min(this.#failures++, RECREATE_BACKOFF_MS.length - 1)]!
    setTimeout(() => {
      if (generation === this.#generation && !this.#closed) void this.#create(++this.#generation)
    }, wait)
  }

  #listen(generation: number, name: string): void {
    this.#inbox = createInbox(
      (this.#bus.connection as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix,
    )
    const inbox = this.#inbox
    this.#consumer = name
    this.#subscription = this.#bus.connection.subscribe(inbox, {
      callback: (error, msg) => {
        if (generation !== this.#generation) return
        if (error !== null) return this.#recreate(error.message)
        this.#heardAt = performance.now()
        if (msg.subject === inbox) this.#protocol(msg)
        else this.#deliver(msg)
      },
    })
    this.#heardAt = performance.now()
    this.#pull()
  }

  #deliver(msg: Msg): void {
    const { seq, delivered } = sequencesOf(msg.reply ?? "")
    if (delivered !== this.#delivered + 1) return this.#recreate(`message ${delivered} after ${this.#delivered}`)
    if (this.#isWhole && seq !== this.#position + 1 && seq !== this.#afterHole) {
      // Trimmed under us? The server goes on with what is left and says nothing: look again before anything is skipped.
      this.#afterHole = seq
      return this.#recreate(`message ${seq} after ${this.#position}`)
    }
    this.#delivered = delivered
    if (this.#asked > 0) this.#asked--
    const before = this.#position
    this.#position = seq
    try {
      this.#options.onMessage({ subject: msg.subject, seq, data: msg.data, raw: msg })
    } catch (error) {
      // Not taken: it must come again, after a pause, instead of being skipped.
      this.#position = before
      return this.#notTaken(seq, error)
    }
    this.#failures = 0
    if (this.#asked <= this.#aheadMessages / 2) this.#pull()
  }

  #notTaken(seq: number, error: unknown): void {
    this.#generation++
    this.#subscription?.unsubscribe()
    this.#consumer = undefined
    tellDefect(`${this.#options.stream} message ${seq}`, error)
    this.#options.onTrouble?.(`${this.#options.stream}: message ${seq} was not taken: ${String(error)}`)
    this.#createLater()
  }

  /** Status messages: heartbeats, the end of a pull with what it left over, or the end of the consumer. */
  #protocol(msg: Msg): void {
    const code = msg.headers?.code ?? 0
    if (code === 100) return
    const left = Number(msg.headers?.get("Nats-Pending-Messages") ?? 0)
    this.#asked = Math.max(0, this.#asked - left)
    const description = msg.headers?.description ?? ""
    if (code === 503 || /consumer deleted|leadership change|server shutdown/i.test(description)) {
      return this.#recreate(description || "the consumer is gone")
    }
    if (code === 400) return this.#recreate(description)
    this.#pull()
  }

  #pull(): void {
    if (this.#paused || this.#closed || this.#consumer === undefined) return
    const batch = this.#aheadMessages - this.#asked
    if (batch <= 0) return
    this.#asked += batch
    const request = {
      batch,
      max_bytes: this.#aheadBytes,
      expires: PULL_EXPIRES_MS * NANOS_PER_MS,
      idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
    }
    this.#bus.connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${this.#options.stream}.${this.#consumer}`,
      JSON.stringify(request),
      { reply: this.#inbox },
    )
  }

  #watch(): void {
    const now = performance.now()
    const loopWasBlocked = now - this.#watchedAt > HEARTBEAT_MS
    this.#watchedAt = now
    // A blocked loop has unread heartbeats in its socket: give them one round to arrive.
    if (loopWasBlocked) this.#heardAt = Math.max(this.#heardAt, now - HEARTBEAT_MS)
    if (this.#consumer === undefined || this.#asked === 0) return
    if (now - this.#heardAt > SILENCE_MS && !this.#bus.connection.isClosed()) this.#recreate("no heartbeat")
  }
}

/**
 * One ordered reader over one stream. Reading starts at once; `close` ends it. Survives reconnects, restarts of the
 * server and deleted consumers by itself; a trimmed, wiped or restored stream ends it with `onGap`.
 */
export const orderedReader = (bus: BusHandle, options: OrderedReaderOptions): OrderedReader => {
  if (bus.connection.isClosed()) {
    throw new BusUnavailable({ subject: options.stream, outcome: "not_stored", detail: "the connection is closed" })
  }
  return new Reader(bus, options)
}
