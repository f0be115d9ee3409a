/**
 * Moves events from the spool into the usage stream. Owns batching, what is in flight and the repeats; the spool owns
 * the disk and the caller's `send` owns the connection.
 *
 * Only a PubAck counts: the NATS client drops buffered publishes silently on a disconnect. So every publish is a
 * request, few are in flight, and when one fails everything from the last acknowledged event on is sent again, in
 * order.
 */
import { MESSAGE_BYTES_MAX, USAGE_EVENTS_PER_MESSAGE_MAX } from "@credits/contracts"
import type { SpoolPosition } from "./spool-cursor.ts"
import type { Spool } from "./spool.ts"

export interface UsagePublisherOptions {
  /** Events of one message, at most (contract: 500). */
  readonly eventsPerMessageMax?: number
  /** Messages without a PubAck yet, at most; more than one is only sent when it is full. Default 4. */
  readonly inFlightMax?: number
  /** First pause after a failed publish, doubled up to `backoffMaxMs`; half of it is random. Default 50 ms. */
  readonly backoffMs?: number
  /** Default 2,000 ms. */
  readonly backoffMaxMs?: number
}

export interface UsagePublisherStats {
  readonly published: number
  readonly messages: number
  readonly failures: number
  /** Why the last publish failed; null after a success. */
  readonly lastError: string | null
}

interface InFlight {
  readonly end: SpoolPosition
  readonly events: number
  /** Settles with null when acknowledged, else with the reason. Never rejects. */
  readonly outcome: Promise<Error | null>
}

const OPEN = Buffer.from("[")
const COMMA = Buffer.from(",")
const CLOSE = Buffer.from("]")

const messageOf = (events: ReadonlyArray<Buffer>): Buffer => {
  const parts: Array<Buffer> = []
  for (const event of events) parts.push(parts.length === 0 ? OPEN : COMMA, event)
  parts.push(CLOSE)
  return Buffer.concat(parts)
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

const isBehind = (a: SpoolPosition, b: SpoolPosition): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)

export class UsagePublisher {
  readonly #spool: Spool
  readonly #send: (payload: Buffer) => Promise<void>
  readonly #eventsMax: number
  readonly #inFlightMax: number
  readonly #backoffMs: number
  readonly #backoffMaxMs: number
  #inFlight: Array<InFlight> = []
  /** Read from the spool up to here; everything between `spool.acknowledged` and this is in flight. */
  #sent: SpoolPosition
  #wake: () => void = () => {}
  #waiters: Array<{ readonly until: SpoolPosition; readonly resolve: () => void }> = []
  #stopped = false
  /** After a failure: only `retryNow` and `stop` end the pause, new events do not. */
  #pausing = false
  #running: Promise<void> | null = null
  #stats = { published: 0, messages: 0, failures: 0, lastError: null as string | null }

  constructor(spool: Spool, send: (payload: Buffer) => Promise<void>, options: UsagePublisherOptions = {}) {
    this.#spool = spool
    this.#send = send
    this.#eventsMax = Math.min(
      options.eventsPerMessageMax ?? USAGE_EVENTS_PER_MESSAGE_MAX,
      USAGE_EVENTS_PER_MESSAGE_MAX,
    )
    this.#inFlightMax = options.inFlightMax ?? 4
    this.#backoffMs = options.backoffMs ?? 50
    this.#backoffMaxMs = options.backoffMaxMs ?? 2_000
    this.#sent = spool.acknowledged
  }

  get stats(): UsagePublisherStats {
    return { ...this.#stats }
  }

  start(): void {
    this.#spool.onAppended = () => {
      if (!this.#pausing) this.#wake()
    }
    this.#running ??= this.#run()
  }

  /** Sends at once what waits for a pause to end: the connection is back. */
  retryNow(): void {
    this.#wake()
  }

  /** Resolves when everything that is on disk now is in the stream. */
  drained(): Promise<void> {
    const until = this.#spool.written
    if (!isBehind(this.#spool.acknowledged, until)) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ until, resolve }))
  }

  /** Stops sending and waits for what is in flight; what is not acknowledged stays on disk. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    let backoff = this.#backoffMs
    while (!this.#stopped) {
      try {
        if (await this.#step()) backoff = this.#backoffMs
      } catch (error) {
        // The bus did not take a message, or the disk did not give one: again from the last acknowledged event on.
        await this.#failed(asError(error), backoff)
        backoff = Math.min(backoff * 2, this.#backoffMaxMs)
      }
    }
  }

  /** Sends what may be sent and waits for the next thing to happen; true when a message was acknowledged. */
  async #step(): Promise<boolean> {
    const woken = this.#nextWake()
    await this.#fill()
    const head = this.#inFlight[0]
    if (head === undefined) {
      await woken
      return false
    }
    // More may be sent as soon as something is appended, or when the oldest message is decided.
    const outcome = await Promise.race([head.outcome, woken])
    if (outcome === "woken") return false
    if (outcome !== null) throw outcome
    await this.#acknowledged(head)
    return true
  }

  #nextWake(): Promise<"woken"> {
    return new Promise((resolve) => {
      this.#wake = () => resolve("woken")
    })
  }

  /** One message may go out with what there is; a further one only when it is full (natural batching). */
  async #fill(): Promise<void> {
    while (!this.#stopped && this.#inFlight.length < this.#inFlightMax) {
      // The smallest event we accept is well above 200 bytes: fewer bytes than this cannot fill a message.
      if (
        this.#inFlight.length > 0 &&
        this.#spool.unread(this.#sent) < Math.min(this.#eventsMax * 200, MESSAGE_BYTES_MAX)
      ) {
        return
      }
      const batch = await this.#spool.read(this.#sent, this.#eventsMax, MESSAGE_BYTES_MAX - 2)
      if (batch === null) return
      this.#sent = batch.end
      this.#inFlight.push({
        end: batch.end,
        events: batch.events.length,
        outcome: batch.events.length === 0 ? Promise.resolve(null) : this.#outcomeOf(messageOf(batch.events)),
      })
    }
  }

  #outcomeOf(payload: Buffer): Promise<Error | null> {
    return this.#send(payload).then(() => null, asError)
  }

  async #acknowledged(message: InFlight): Promise<void> {
    this.#inFlight.shift()
    this.#stats.published += message.events
    this.#stats.messages++
    this.#stats.lastError = null
    try {
      await this.#spool.acknowledge(message.end)
    } finally {
      // It is in the stream, whether or not the disk lets go of what is behind it.
      this.#waiters = this.#waiters.filter((waiter) => {
        if (isBehind(message.end, waiter.until)) return true
        waiter.resolve()
        return false
      })
    }
  }

  async #failed(error: Error, backoff: number): Promise<void> {
    this.#stats.failures++
    this.#stats.lastError = error.message
    // The later ones may have been stored; they are sent again all the same, so that the order stays that of the spool.
    await Promise.all(this.#inFlight.map((message) => message.outcome))
    this.#inFlight = []
    this.#sent = this.#spool.acknowledged
    if (this.#stopped) return
    this.#pausing = true
    const woken = this.#nextWake()
    let timer: NodeJS.Timeout | undefined
    const pause = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, backoff * (0.5 + Math.random() / 2))
    })
    await Promise.race([pause, woken])
    clearTimeout(timer)
    this.#pausing = false
  }
}
