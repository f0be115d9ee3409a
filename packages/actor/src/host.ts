/**
 * The host of a partition worker: requests and stream messages in, answers, journal, signals, dead letters and ticks
 * out. Owns NATS and back-pressure; decides nothing. Plain callbacks per message, Effect only around its life.
 */
import { Worker } from "node:worker_threads"
import type { ControlAnswer, ControlRequest, StreamSpec, TickMessage } from "@credits/contracts"
import { partitions as allPartitions } from "@credits/contracts"
import {
  Bus,
  orderedReader,
  plainHeaders,
  processName,
  serve,
  startClock,
  realClock,
  type BusHandle,
  type OrderedReader,
  type Responder,
  type RunningClock,
} from "@credits/bus"
import { FreeSpace, type FreeSpaceOptions } from "@credits/store"
import { Effect, type Scope } from "effect"
import { NO_SPACE, OVERLOADED } from "./host-refusals.ts"
import { HostSpans } from "./host-spans.ts"
import { SyncGate } from "./log-sync.ts"
import { Outlet } from "./outlet.ts"
import { type FromWorker, type ToWorker, type Unsynced, type WorkerMetrics } from "./protocol.ts"

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
  /** Below its mark the command stream is not read on and nothing new is promised (decision 21). */
  readonly freeSpace: FreeSpaceOptions
  /**
   * Whether a request asks for a new promise, which is refused below the mark; the rest is answered as ever. Both lanes
   * of requests carry such that must go on (a gateway's release too), so the text decides; it is looked at only then.
   */
  readonly isPromise: (text: string) => boolean
  readonly log: (
    level: "info" | "warning" | "error",
    message: string,
    detail: Readonly<Record<string, unknown>>,
  ) => void
}

/**
 * A batch's objects die together after its commit: a nursery that holds several batches spares copying them (−20 %
 * CPU).
 */
const YOUNG_GENERATION_MB = 192
/** 400,000 actors at under 1 KiB, receipts in flight, and room. */
const OLD_GENERATION_MB = 4_096
/** Requests not answered yet; more are told to come back (decision 6). */
const OPEN_REQUESTS_MAX = 16_384
/** Stream messages in the worker's mailbox: the reader pauses above, goes on below half. */
const QUEUED_BYTES_MAX = 32 * 1024 * 1024
/** An edge repeats its interest every 5 s (decision 9). */
const INTEREST_MS = 15_000

export interface PartitionHost {
  /** Newest counters of the worker. */
  readonly metrics: () => WorkerMetrics | null
  /** Resolves when the worker has ended; rejects when it failed. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

/** What one turn of the loop received. */
const noRequests = () => ({
  partitions: [] as Array<number>,
  restricted: [] as Array<boolean>,
  replies: [] as Array<string>,
  texts: [] as Array<string>,
  traces: [] as Array<readonly [index: number, trace: string]>,
})
const noMessages = () => ({
  partitions: [] as Array<number>,
  seqs: [] as Array<number>,
  payloads: [] as Array<Uint8Array>,
  headers: [] as Array<string>,
})

class Host {
  readonly #o: HostOptions
  readonly #bus: BusHandle
  readonly #worker: Worker
  readonly #subscriptions = new Map<number, { unsubscribe(): void }>()
  readonly #responders: Array<Responder> = []
  readonly #controls = new Map<number, (answer: ControlAnswer) => void>()
  readonly #outlet: Outlet
  readonly #ended = Promise.withResolvers<void>()
  #reader: OrderedReader | null = null
  #space: FreeSpace | null = null
  #clock: RunningClock = realClock
  readonly #spans: HostSpans
  #requests = noRequests()
  #messages = noMessages()
  #flushing = false
  /** Every request is counted until the worker has answered it or says that it never will. */
  #open = 0
  #queuedBytes = 0
  #nextToken = 1
  #metrics: WorkerMetrics | null = null
  #generation = 0

  constructor(bus: BusHandle, options: HostOptions) {
    this.#o = options
    this.#bus = bus
    this.#spans = new HostSpans(options.service)
    this.#outlet = new Outlet(
      bus,
      options.journalSubject,
      (message) => this.#tell(message),
      (level, detail) => options.log(level, "publishing waits", detail),
    )
    this.#worker = new Worker(options.workerUrl, {
      workerData: options.workerData,
      name: options.service,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB, maxOldGenerationSizeMb: OLD_GENERATION_MB },
    })
    const gate = new SyncGate((message) => this.#hear(message), this.#ended.reject)
    this.#worker.on("message", (message: FromWorker | Unsynced) => gate.take(message))
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
    this.#space = await FreeSpace.watch(this.#o.freeSpace, (space) => this.#spaceChanged(space))
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
    this.#outlet.hurry()
    const { promise, resolve } = Promise.withResolvers<string>()
    this.#controls.set(token, (answer) => {
      const own = { ...this.#space?.metrics, ...this.#outlet.metrics, ...this.#spans.metrics }
      const metrics = { ...this.#metrics, ...own, requestsUnanswered: this.#open }
      resolve(
        JSON.stringify({
          ...answer,
          outboxPending: answer.outboxPending + this.#outlet.pending,
          detail: { ...answer.detail, outbox_refused: this.#outlet.refused, owner: processName, metrics },
        }),
      )
    })
    if (request.op === "clock") {
      // Whoever is asked something next must not stand a step behind, whether or not anything runs now.
      this.#tell({ t: "clock", clock: { ...this.#clock.setting, frozenAt: request.now } })
    }
    this.#tell({ t: "control", token, run: request.op === "clock" && request.run ? request.now : null })
    return promise
  }

  #hear(message: FromWorker): void {
    switch (message.t) {
      case "replies":
        this.#open -= message.replies.length
        message.replies.forEach((reply, i) => this.#bus.connection.publish(reply, message.texts[i]!))
        this.#spans.answered(message.replies, message.texts)
        break
      case "unanswered":
        this.#open -= message.count
        break
      case "spans":
        this.#spans.measured(message.spans)
        break
      case "journal":
        this.#outlet.journal(message.items)
        break
      case "outbox":
        this.#outlet.outbox(message.items)
        break
      case "ticks":
        for (const [partition, accounts, traces] of message.items) {
          const subject = this.#o.tickSubject(partition)
          const told = traces.length > 0 && { traces: this.#spans.ticked(subject, traces) }
          const head: Omit<TickMessage, "accounts"> = { v: 1, partition, ...told }
          const started = JSON.stringify(head).slice(0, -1)
          this.#bus.connection.publish(subject, `${started},"accounts":[${accounts.join(",")}]}`)
        }
        break
      case "consumed":
        this.#queuedBytes -= message.bytes
        if (this.#queuedBytes < QUEUED_BYTES_MAX / 2 && !this.#isSpaceLow) this.#reader?.resume()
        break
      case "owned":
        this.#own(message.partitions)
        void this.#read(message.partitions, message.cursor, message.incarnation, message.generation)
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
        if (this.#isSpaceLow && this.#o.isPromise(msg.string())) {
          msg.respond(NO_SPACE)
          return
        }
        this.#open += 1
        const trace = this.#spans.received(msg, msg.reply, partition)
        if (trace !== undefined) this.#requests.traces.push([this.#requests.replies.length, trace])
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
    this.#spans.lost()
    void this.#reader?.close()
    this.#reader = null
    this.#queuedBytes = 0
  }

  async #read(
    partitions: ReadonlyArray<number>,
    cursor: number,
    incarnation: string,
    generation: number,
  ): Promise<void> {
    this.#generation = generation
    const before = this.#reader
    this.#reader = null
    await before?.close()
    if (generation !== this.#generation) return
    this.#messages = noMessages()
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
      onMessage: ({ subject, seq, data, raw }) => {
        const partition = subjects.get(subject)
        if (partition === undefined || generation !== this.#generation) return
        // A copy with its own memory: the transport gives Node Buffers, whose slice() is a view of a shared one.
        const payload = new Uint8Array(data)
        this.#messages.partitions.push(partition)
        this.#messages.seqs.push(seq)
        this.#messages.payloads.push(payload)
        const headers = plainHeaders(raw.headers)
        this.#messages.headers.push(headers === undefined ? "" : JSON.stringify(headers))
        this.#queuedBytes += payload.byteLength
        if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#reader?.pause()
        this.#flushSoon()
      },
    })
    if (this.#isSpaceLow) this.#reader.pause()
  }

  get #isSpaceLow(): boolean {
    return this.#space?.isLow === true
  }

  /** What was asked of the stream still arrives and waits here; what the worker has is finished (decision 21). */
  #spaceChanged({ isLow, sentence }: FreeSpace): void {
    this.#o.log(isLow ? "warning" : "info", sentence, {})
    if (isLow) this.#reader?.pause()
    else if (this.#queuedBytes < QUEUED_BYTES_MAX / 2) this.#reader?.resume()
    this.#flushSoon()
  }

  /** What one turn of the loop received goes to the worker in one message. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      if (this.#requests.replies.length > 0) {
        this.#tell({ t: "requests", ...this.#requests })
        this.#requests = noRequests()
      }
      if (this.#messages.seqs.length > 0 && !this.#isSpaceLow) {
        const message: ToWorker = { t: "messages", generation: this.#generation, ...this.#messages }
        this.#worker.postMessage(
          message,
          this.#messages.payloads.map((payload) => payload.buffer as ArrayBuffer),
        )
        this.#messages = noMessages()
      }
    })
  }

  async stop(): Promise<void> {
    this.#space?.stop()
    for (const [, subscription] of this.#subscriptions) subscription.unsubscribe()
    await this.#reader?.close()
    this.#clock.stop()
    this.#tell({ t: "stop" })
    await this.ended.catch(() => undefined)
    this.#outlet.stop()
    for (const responder of this.#responders) await responder.stop()
  }
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
