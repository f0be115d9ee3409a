/**
 * Spans on their way to a collector: a bounded queue, one request at a time, tried again with growing pauses. A
 * collector that is slow or away costs nobody anything: what does not fit into the queue is dropped and counted.
 */
import { otlpBody } from "./otlp.ts"
import type { Attributes, SpanRecord } from "./span.ts"

/** About 1 KiB each. */
export const SPANS_QUEUED_MAX = 8_192
/** Spans of one request: some 500 KiB of JSON, 5 ms of work. */
const SPANS_PER_REQUEST_MAX = 512
const EVERY_MS = 1_000
const REQUEST_MS = 5_000
const PAUSE_MAX_MS = 30_000
/** What is queued when the process ends has so long to leave. */
const FLUSH_MS = 2_000

export interface ExporterOptions {
  /** The whole address, `…/v1/traces`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly resource: Attributes
}

export interface ExporterMetrics {
  spansExported: number
  /** For want of room, or because the collector refused them for good. */
  spansDropped: number
  spansQueued: number
  exportFailures: number
}

/** A collector that answers so will answer the same spans so again. */
const isFinal = (status: number): boolean => status >= 400 && status < 500 && status !== 429 && status !== 408

export class Exporter {
  readonly #o: ExporterOptions
  readonly #queue: Array<SpanRecord> = []
  readonly #counts = { spansExported: 0, spansDropped: 0, exportFailures: 0 }
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #failures = 0
  #isStopping = false

  constructor(options: ExporterOptions) {
    this.#o = options
  }

  get metrics(): ExporterMetrics {
    return { ...this.#counts, spansQueued: this.#queue.length }
  }

  push(span: SpanRecord): void {
    if (this.#queue.length >= SPANS_QUEUED_MAX) {
      this.#counts.spansDropped += 1
      return
    }
    this.#queue.push(span)
    if (this.#sending === undefined) this.#schedule(EVERY_MS)
  }

  #schedule(ms: number): void {
    if (this.#timer !== undefined || this.#isStopping) return
    // A span that waits does not keep a process alive.
    this.#timer = setTimeout(() => this.#start(), ms).unref()
  }

  #start(): void {
    this.#timer = undefined
    this.#sending = this.#run().finally(() => {
      this.#sending = undefined
      const pause = Math.min(PAUSE_MAX_MS, EVERY_MS * 2 ** this.#failures)
      if (this.#queue.length > 0) this.#schedule(pause)
    })
  }

  /** Until the queue is empty or the collector fails. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const spans = this.#queue.slice(0, SPANS_PER_REQUEST_MAX)
      const outcome = await this.#post(spans)
      if (outcome === "failed") {
        this.#failures += 1
        this.#counts.exportFailures += 1
        return
      }
      this.#queue.splice(0, spans.length)
      this.#failures = 0
      this.#counts[outcome === "taken" ? "spansExported" : "spansDropped"] += spans.length
    }
  }

  async #post(spans: ReadonlyArray<SpanRecord>): Promise<"taken" | "refused" | "failed"> {
    const { url, headers, resource } = this.#o
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: otlpBody(resource, spans),
        signal: AbortSignal.timeout(this.#isStopping ? FLUSH_MS : REQUEST_MS),
      })
      await response.arrayBuffer()
      return response.ok ? "taken" : isFinal(response.status) ? "refused" : "failed"
    } catch {
      return "failed"
    }
  }

  /** What is queued is tried once more, within a bound. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#timer)
    const flushed = (async () => {
      await this.#sending
      await this.#run()
    })()
    const giveUp = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref())
    await Promise.race([flushed, giveUp])
  }
}
