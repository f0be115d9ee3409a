/**
 * The host of a partition worker: requests and stream messages in, answers, journal, signals, dead letters and ticks out.
 * Owns NATS and back-pressure; decides nothing. Plain callbacks per message, Effect only around its life.
 */
import { Worker } from "node:worker_threads"
import type { ControlAnswer, ControlRequest, TickMessage } from "@credits/contracts"
import { HEADERS, partitions as allPartitions, type StreamSpec } from "@credits/contracts"
import {
  Bus,
  orderedReader,
  publishAtomic,
  serve,
  startClock,
  realClock,
  type BusHandle,
  type OrderedReader,
  type OutgoingMessage,
  type Responder,
  type RunningClock,
} from "@credits/bus"
import { Effect, type Scope } from "effect"
import { BLOCK_SEPARATOR } from "./block.ts"
import {
  JOURNAL_BYTES_MAX,
  type FromWorker,
  type JournalItem,
  type OutboxItem,
  type ToWorker,
  type WorkerMetrics,
} from "./protocol.ts"

export interface HostOptions {
  readonly workerUrl: URL
  readonly workerData: unknown
  readonly service: string
  readonly commandStream: StreamSpec
  readonly commandSubject: (partition: number) => string
  readonly requestSubject: (partition: number) => string
  /** The same owner with fewer rights: what gateways may ask (decision 20). */
  readonly gatewaySubject: (partition: number) => string
  readonly journalSubject: (partition: number) => string
  readonly tickSubject: (partition: number) => string
  readonly tickInterestSubject: string
  readonly controlSubject: string
  /** CREDITS_ENV: in production the clock cannot be set. */
  readonly environment: string
  readonly log: (
    level: "info" | "warning" | "error",
    message: string,
    detail: Readonly<Record<string, unknown>>,
  ) => void
}

/** A batch's objects die together after its commit: a nursery that holds several batches spares copying them (−20 % CPU). */
const YOUNG_GENERATION_MB = 192
/** 400,000 actors at under 1 KiB, receipts in flight, and room. */
const OLD_GENERATION_MB = 4_096
/** Requests not answered yet; more are told to come back (decision 6). */
const OPEN_REQUESTS_MAX = 16_384
/** Stream messages in the worker's mailbox: the reader pauses above, goes on below half. */
const QUEUED_BYTES_MAX = 32 * 1024 * 1024
const PUBLISH_MESSAGES_MAX = 256
const PUBLISH_BYTES_MAX = 8 * 1024 * 1024
const PUBLISH_RETRY_MS = 200
/** An edge repeats its interest every 5 s (decision 9). */
const INTEREST_MS = 15_000

const OVERLOADED = JSON.stringify({
  refused: { code: "overloaded", detail: "too many requests wait; try again", retryAfter: 100 },
})

export interface PartitionHost {
  /** Newest counters of the worker. */
  readonly metrics: () => WorkerMetrics | null
  /** Resolves when the worker has ended; rejects when it failed. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

class Host {
  readonly #o: HostOptions
  readonly #bus: BusHandle
  readonly #worker: Worker
  readonly #subscriptions = new Map<number, { unsubscribe(): void }>()
  readonly #responders: Array<Responder> = []
  readonly #controls = new Map<number, (answer: ControlAnswer) => void>()
  readonly #journal: Array<JournalItem> = []
  readonly #outbox: Array<OutboxItem> = []
  readonly #ended = Promise.withResolvers<void>()
  #reader: OrderedReader | null = null
  #clock: RunningClock = realClock
  #requests: { partitions: Array<number>; restricted: Array<boolean>; replies: Array<string>; texts: Array<string> } = {
    partitions: [],
    restricted: [],
    replies: [],
    texts: [],
  }
  #messages: { partitions: Array<number>; seqs: Array<number>; payloads: Array<Uint8Array> } = {
    partitions: [],
    seqs: [],
    payloads: [],
  }
  #flushing = false
  #open = 0
  #queuedBytes = 0
  #nextToken = 1
  #publishing = false
  #stopping = false
  #metrics: WorkerMetrics | null = null

  constructor(bus: BusHandle, options: HostOptions) {
    this.#o = options
    this.#bus = bus
    this.#worker = new Worker(options.workerUrl, {
      workerData: options.workerData,
      name: options.service,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB, maxOldGenerationSizeMb: OLD_GENERATION_MB },
    })
    this.#worker.on("message", (message: FromWorker) => this.#hear(message))
    this.#worker.on("error", (error) => this.#ended.reject(error))
    this.#worker.on("exit", () => this.#ended.resolve())
  }

  get metrics(): WorkerMetrics | null {
    return this.#metrics
  }
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  async start(): Promise<void> {
    const { connection } = this.#bus
    if (this.#o.environment !== "production") {
      this.#clock = await startClock(this.#bus, (clock) => this.#tell({ t: "clock", clock }))
    }
    this.#responders.push(serve(connection, this.#o.controlSubject, (text) => this.#control(text)))
    const interest = connection.subscribe(this.#o.tickInterestSubject, {
      callback: () => this.#tell({ t: "interest", until: Date.now() + INTEREST_MS }),
    })
    this.#subscriptions.set(-1, interest)
  }

  #control(text: string): Promise<string> {
    const request = JSON.parse(text) as ControlRequest
    const token = this.#nextToken++
    const { promise, resolve } = Promise.withResolvers<string>()
    this.#controls.set(token, (answer) => {
      const pending = this.#journal.length + this.#outbox.length
      resolve(
        JSON.stringify({
          ...answer,
          outboxPending: answer.outboxPending + pending,
          detail: { ...answer.detail, metrics: this.#metrics },
        }),
      )
    })
    this.#tell({ t: "control", token, run: request.op === "clock" && request.run ? request.now : null })
    return promise
  }

  #hear(message: FromWorker): void {
    switch (message.t) {
      case "replies":
        this.#open -= message.replies.length
        for (let i = 0; i < message.replies.length; i++)
          this.#bus.connection.publish(message.replies[i]!, message.texts[i]!)
        break
      case "journal":
        this.#journal.push(...message.items)
        void this.#publish()
        break
      case "outbox":
        this.#outbox.push(...message.items)
        void this.#publish()
        break
      case "ticks":
        for (const [partition, accounts] of message.items) {
          const head: Pick<TickMessage, "v" | "partition"> = { v: 1, partition }
          this.#bus.connection.publish(
            this.#o.tickSubject(partition),
            `${JSON.stringify(head).slice(0, -1)},"accounts":[${accounts.join(",")}]}`,
          )
        }
        break
      case "consumed":
        this.#queuedBytes -= message.bytes
        if (this.#queuedBytes < QUEUED_BYTES_MAX / 2) this.#reader?.resume()
        break
      case "owned":
        this.#own(message.partitions)
        void this.#read(message.partitions, message.cursor, message.incarnation)
        break
      case "lost":
        this.#o.log("warning", "partitions lost", { count: message.partitions.length, why: message.why })
        this.#loseAll(message.partitions)
        break
      case "control":
        this.#controls.get(message.token)?.(message.answer)
        this.#controls.delete(message.token)
        break
      case "log":
        this.#o.log(message.level, message.message, message.detail)
        break
      case "metrics":
        this.#metrics = message.metrics
        break
      case "stopped":
        void this.#worker.terminate()
        break
    }
  }

  /** No queue group: the owner answers, nobody else (field notes B6). */
  #own(partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) {
      if (this.#subscriptions.has(partition)) continue
      const full = this.#listen(this.#o.requestSubject(partition), partition, false)
      const restricted = this.#listen(this.#o.gatewaySubject(partition), partition, true)
      this.#subscriptions.set(partition, {
        unsubscribe: () => {
          full.unsubscribe()
          restricted.unsubscribe()
        },
      })
    }
  }

  #listen(subject: string, partition: number, restricted: boolean): { unsubscribe(): void } {
    return this.#bus.connection.subscribe(subject, {
      callback: (error, msg) => {
        if (error !== null || msg.reply === undefined) return
        if (this.#open >= OPEN_REQUESTS_MAX) {
          msg.respond(OVERLOADED)
          return
        }
        this.#open += 1
        this.#requests.partitions.push(partition)
        this.#requests.restricted.push(restricted)
        this.#requests.replies.push(msg.reply)
        this.#requests.texts.push(msg.string())
        this.#flushSoon()
      },
    })
  }

  #loseAll(partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) {
      this.#subscriptions.get(partition)?.unsubscribe()
      this.#subscriptions.delete(partition)
    }
    // What was asked of a lost partition is answered by its next owner: the callers repeat.
    this.#open = 0
    void this.#reader?.close()
    this.#reader = null
    this.#queuedBytes = 0
  }

  async #read(partitions: ReadonlyArray<number>, cursor: number, incarnation: string): Promise<void> {
    await this.#reader?.close()
    this.#messages = { partitions: [], seqs: [], payloads: [] }
    this.#queuedBytes = 0
    const subjects = new Map(partitions.map((partition) => [this.#o.commandSubject(partition), partition]))
    this.#reader = orderedReader(this.#bus, {
      stream: this.#o.commandStream.name,
      // One wildcard for all is measured faster than 64 filters; fewer partitions need their own.
      filters: partitions.length === allPartitions.length ? this.#o.commandStream.subjects : [...subjects.keys()],
      startSeq: cursor + 1,
      incarnation: incarnation === "" ? undefined : incarnation,
      onCreated: (state) => this.#tell({ t: "stream", incarnation: state.incarnation, last: state.last }),
      onGap: (gap) => {
        this.#o.log(
          "error",
          "cursor_gap: the command stream does not fit the database; nothing is skipped, partitions stop",
          { ...gap },
        )
        this.#tell({ t: "gap", detail: `cursor_gap: ${gap.reason}` })
      },
      onTrouble: (detail) => this.#o.log("warning", "reading commands", { detail }),
      onMessage: ({ subject, seq, data }) => {
        const partition = subjects.get(subject)
        if (partition === undefined) return
        // A copy with its own memory: the transport gives Node Buffers, whose slice() is a view of a shared one.
        const payload = new Uint8Array(data)
        this.#messages.partitions.push(partition)
        this.#messages.seqs.push(seq)
        this.#messages.payloads.push(payload)
        this.#queuedBytes += payload.byteLength
        if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#reader?.pause()
        this.#flushSoon()
      },
    })
  }

  /** What one turn of the loop received goes to the worker in one message. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      if (this.#requests.replies.length > 0) {
        this.#tell({ t: "requests", ...this.#requests })
        this.#requests = { partitions: [], restricted: [], replies: [], texts: [] }
      }
      if (this.#messages.seqs.length > 0) {
        const message: ToWorker = { t: "messages", ...this.#messages }
        this.#worker.postMessage(
          message,
          this.#messages.payloads.map((payload) => payload.buffer as ArrayBuffer),
        )
        this.#messages = { partitions: [], seqs: [], payloads: [] }
      }
    })
  }

  /** One atomic batch after the other: a partition's messages stay in order, the next after the PubAck (decision 9). */
  async #publish(): Promise<void> {
    if (this.#publishing) return
    this.#publishing = true
    try {
      while (this.#journal.length + this.#outbox.length > 0 && !this.#stopping) {
        if (this.#journal.length > 0) await this.#publishJournal()
        if (this.#outbox.length > 0) await this.#publishOutbox()
      }
    } finally {
      this.#publishing = false
    }
  }

  async #publishJournal(): Promise<void> {
    const { messages, items } = takeJournal(this.#journal, this.#o.journalSubject)
    if (!(await this.#send(messages))) return
    this.#journal.splice(0, items.length)
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0)
    this.#tell({
      t: "journaled",
      items: items.map((item) => [item.partition, item.lastSeq, item.lastId] as const),
      bytes,
    })
  }

  /** Signals and dead letters go to different streams: one message, one PubAck; they are few. */
  async #publishOutbox(): Promise<void> {
    const first = this.#outbox[0]!
    const same = this.#outbox.slice(0, PUBLISH_MESSAGES_MAX)
    const prefix = first.subject.slice(0, first.subject.lastIndexOf("."))
    const until = same.findIndex((item) => item.subject.slice(0, item.subject.lastIndexOf(".")) !== prefix)
    const items = until === -1 ? same : same.slice(0, until)
    if (!(await this.#send(items.map(({ subject, payload }) => ({ subject, payload }))))) return
    this.#outbox.splice(0, items.length)
    this.#tell({ t: "outboxed", ids: items.map((item) => item.id) })
  }

  /** Until stored: an unknown outcome is sent again, readers know repeats by their seq. */
  async #send(messages: ReadonlyArray<OutgoingMessage>): Promise<boolean> {
    while (!this.#stopping) {
      try {
        await publishAtomic(this.#bus.js, messages)
        return true
      } catch (error) {
        this.#o.log("warning", "publishing waits", { error: String(error), messages: messages.length })
        await new Promise((resolve) => setTimeout(resolve, PUBLISH_RETRY_MS))
      }
    }
    return false
  }

  async stop(): Promise<void> {
    for (const [, subscription] of this.#subscriptions) subscription.unsubscribe()
    await this.#reader?.close()
    this.#clock.stop()
    this.#tell({ t: "stop" })
    await this.ended.catch(() => undefined)
    this.#stopping = true
    for (const responder of this.#responders) await responder.stop()
  }
}

/** The head of the queue as messages: neighbours of one partition are joined up to the size limit. */
const takeJournal = (
  queue: ReadonlyArray<JournalItem>,
  subjectOf: (partition: number) => string,
): { readonly messages: ReadonlyArray<OutgoingMessage>; readonly items: ReadonlyArray<JournalItem> } => {
  const open = new Map<number, { after: number; last: number; texts: Array<string>; bytes: number }>()
  const done: Array<readonly [number, { after: number; last: number; texts: Array<string> }]> = []
  let bytes = 0
  let count = 0
  for (const item of queue) {
    if (bytes + item.bytes > PUBLISH_BYTES_MAX && count > 0) break
    if (done.length + open.size >= PUBLISH_MESSAGES_MAX) break
    const current = open.get(item.partition)
    if (current !== undefined && current.bytes + item.bytes <= JOURNAL_BYTES_MAX) {
      current.texts.push(item.text)
      current.bytes += item.bytes
      current.last = item.lastSeq
    } else {
      if (current !== undefined) done.push([item.partition, current])
      open.set(item.partition, { after: item.after, last: item.lastSeq, texts: [item.text], bytes: item.bytes })
    }
    bytes += item.bytes
    count += 1
  }
  for (const pair of open) done.push(pair)
  const messages = done.map(([partition, { after, last, texts }]) => ({
    subject: subjectOf(partition),
    payload: `{"v":1,"partition":${partition},"after":${after},"entries":[${texts.join(BLOCK_SEPARATOR)}]}`,
    headers: { [HEADERS.id]: `${partition}.${last}` },
  }))
  return { messages, items: queue.slice(0, count) }
}

/** Starts a host for the life of a scope; closing the scope drains, commits and gives the leases back. */
export const partitionHost = (options: HostOptions): Effect.Effect<PartitionHost, never, Bus | Scope.Scope> =>
  Effect.gen(function* () {
    const bus = yield* Bus
    return yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const host = new Host(bus, options)
        await host.start()
        return { metrics: () => host.metrics, ended: host.ended, stop: () => host.stop() }
      }),
      (host) => Effect.promise(() => host.stop()),
    )
  })
