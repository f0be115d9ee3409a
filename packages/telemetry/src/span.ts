/**
 * Spans as plain data, and one that is still open. Instants are milliseconds since 1970 with fractions (real time,
 * never the business clock).
 */
import type { TraceContext } from "./trace-context.ts"

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer"
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** A span that has ended. */
export interface SpanRecord {
  readonly context: TraceContext
  /** Span id of its parent, within the same trace. */
  readonly parent?: string | undefined
  readonly name: string
  readonly kind: SpanKind
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly links: ReadonlyArray<TraceContext>
  /** Why it failed; absent: it did not. */
  readonly error?: string | undefined
}

export interface SpanOptions {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes?: Attributes
  readonly links?: ReadonlyArray<TraceContext>
  /** Default: now. */
  readonly startMs?: number
}

/** Real time with the resolution of spans; the same in every thread. */
export const spanClock = (): number => performance.timeOrigin + performance.now()

/** An open span; `end` gives it away, once. */
export class Span {
  readonly context: TraceContext
  readonly #parent: string | undefined
  readonly #options: SpanOptions
  readonly #startMs: number
  readonly #ended: (record: SpanRecord) => void
  #more: Attributes = {}
  #links: ReadonlyArray<TraceContext>
  #isOver = false

  constructor(
    context: TraceContext,
    parent: string | undefined,
    options: SpanOptions,
    ended: (record: SpanRecord) => void,
  ) {
    this.context = context
    this.#parent = parent
    this.#options = options
    this.#startMs = options.startMs ?? spanClock()
    this.#links = options.links ?? []
    this.#ended = ended
  }

  set(attributes: Attributes): void {
    this.#more = { ...this.#more, ...attributes }
  }

  link(...contexts: ReadonlyArray<TraceContext>): void {
    this.#links = [...this.#links, ...contexts]
  }

  end(error?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    const { name, kind, attributes } = this.#options
    this.#ended({
      context: this.context,
      parent: this.#parent,
      name,
      kind,
      startMs: this.#startMs,
      endMs: spanClock(),
      attributes: { ...attributes, ...this.#more },
      links: this.#links,
      error,
    })
  }
}
