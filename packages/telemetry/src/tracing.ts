/**
 * Tracing of this process: whether it is on, which requests begin a trace, and the span that the running code belongs
 * to. One for the whole process, like its log. Off (no collector named), every question here is one comparison.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { Exporter, type ExporterMetrics, type ExporterOptions } from "./exporter.ts"
import { Span, type SpanOptions, type SpanRecord } from "./span.ts"
import {
  childContext,
  parseTraceparent,
  rootContext,
  sampledContext,
  traceparentOf,
  type TraceContext,
} from "./trace-context.ts"

export interface TracingOptions extends ExporterOptions {
  /** Share of the requests without a trace of their own that begin one, 0 to 1. */
  readonly ratio: number
}

/** Whose word on "sampled" counts: ours and gateways', not that of anybody with a browser. */
export type Trust = "obeyed" | "heard"

class Tracing {
  readonly #here = new AsyncLocalStorage<TraceContext | undefined>()
  #exporter: Exporter | undefined
  #ratio = 0

  get isOn(): boolean {
    return this.#exporter !== undefined
  }

  /** Undefined while it is off. */
  get metrics(): ExporterMetrics | undefined {
    return this.#exporter?.metrics
  }

  start(options: TracingOptions): void {
    this.#ratio = options.ratio
    this.#exporter = new Exporter(options)
  }

  /** What is queued leaves, within a bound. */
  async stop(): Promise<void> {
    const exporter = this.#exporter
    this.#exporter = undefined
    await exporter?.stop()
  }

  /** Adds a span that somebody else measured. */
  record(span: SpanRecord): void {
    this.#exporter?.push(span)
  }

  #open(context: TraceContext, parent: string | undefined, options: SpanOptions): Span {
    return new Span(context, parent, options, (record) => this.record(record))
  }

  /**
   * A request from outside: goes on with the trace it names, else begins one by ratio. Undefined: it is not traced. Of
   * a caller whose flag is only heard, the trace goes on under our own ratio.
   */
  receive(traceparent: string | undefined, trust: Trust, options: SpanOptions): Span | undefined {
    if (this.#exporter === undefined) return undefined
    const incoming = parseTraceparent(traceparent)
    const isSampled =
      incoming !== undefined && (trust === "obeyed" || !incoming.isSampled)
        ? incoming.isSampled
        : Math.random() < this.#ratio
    if (!isSampled) return undefined
    return incoming === undefined
      ? this.#open(rootContext(), undefined, options)
      : this.#open(childContext(incoming), incoming.spanId, options)
  }

  /** A span below another one of ours, or named by one of our messages; undefined when there is none to be below. */
  child(parent: TraceContext | string | undefined, options: SpanOptions): Span | undefined {
    if (this.#exporter === undefined || parent === undefined) return undefined
    const context = typeof parent === "string" ? sampledContext(parent) : parent
    return context === undefined ? undefined : this.#open(childContext(context), context.spanId, options)
  }

  /** The span of a batch: a trace of its own, linked with what it is made of. */
  batch(options: SpanOptions): Span | undefined {
    return this.#exporter === undefined ? undefined : this.#open(rootContext(), undefined, options)
  }

  /** Runs with this span as the current one, through everything it awaits. */
  within<A>(span: Span | undefined, run: () => A): A {
    return span === undefined ? run() : this.#here.run(span.context, run)
  }

  current(): TraceContext | undefined {
    return this.#exporter === undefined ? undefined : this.#here.getStore()
  }

  /** `traceparent` of the current span, for a message; undefined: carry none. */
  outgoing(): string | undefined {
    const context = this.current()
    return context === undefined ? undefined : traceparentOf(context)
  }

  /** `run` as a span below the current one, which fails with it. */
  measure<A>(options: SpanOptions, run: (span: Span | undefined) => Promise<A>): Promise<A> {
    return this.run(this.child(this.current(), options), run)
  }

  /** `run` as this span, which ends and fails with it. */
  async run<A>(span: Span | undefined, run: (span: Span | undefined) => Promise<A>): Promise<A> {
    if (span === undefined) return run(undefined)
    try {
      const result = await this.within(span, () => run(span))
      span.end()
      return result
    } catch (error) {
      span.end(error instanceof Error ? error.name : "error")
      throw error
    }
  }
}

export const tracing = new Tracing()
