/**
 * The border of a service: questions on `<service>.request.<op>` and on its control subject. Owns that every question
 * is decoded strictly, counted while it is open and answered once, whatever fails behind it. Knows nothing of what is
 * asked.
 */
import { HEADERS } from "@credits/contracts"
import { tracing, type Attributes, type Span } from "@credits/telemetry"
import type { Msg } from "@nats-io/nats-core"
import { Result, Schema, SchemaIssue } from "effect"
import { type Responder, serve } from "./ask.ts"
import type { BusHandle } from "./connection.ts"
import { tellDefect } from "./guard.ts"

const DETAIL_CHARS_MAX = 500

export interface BorderRefusal {
  readonly code: "invalid" | "unknown_op"
  /** One sentence for a person. */
  readonly detail: string
  /** The field that is wrong, `a.b` within another. */
  readonly field?: string
}
export type Decoded<Request> = { readonly request: Request } | { readonly refused: BorderRefusal }

const strict = { onExcessProperty: "error" } as const
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const invalid = (detail: string, field: string): { readonly refused: BorderRefusal } => ({
  refused: { code: "invalid", detail, ...(field !== "" && { field }) },
})

const invalidBy = (error: Schema.SchemaError): { readonly refused: BorderRefusal } => {
  const [issue] = issuesOf(error.issue).issues
  const path = (issue?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".")
  return invalid((issue?.message ?? error.message).slice(0, DETAIL_CHARS_MAX), path)
}

/**
 * Decoder of a service's requests, one schema an operation, compiled once. Unknown fields are refused, and what is
 * wrong is named. `op` is the last word of the subject; the text names it again, so that a request can be logged alone.
 */
export const requestDecoder = <Request extends { readonly op: string }>(
  service: string,
  schemas: Readonly<Record<Request["op"], unknown>>,
): ((op: string, text: string) => Decoded<Request>) => {
  const decoders = new Map(
    Object.entries(schemas).map(([op, schema]) => {
      const decode = Schema.decodeUnknownResult(schema as Schema.Codec<Request>)
      return [op, (value: unknown) => decode(value, strict)]
    }),
  )
  return (op, text) => {
    const decode = decoders.get(op)
    if (decode === undefined) return { refused: { code: "unknown_op", detail: `${service} knows no request ${op}` } }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return invalid("the request is no JSON", "")
    }
    const result = decode(value)
    return Result.isSuccess(result) ? { request: result.success } : invalidBy(result.failure)
  }
}

export type Answered =
  | { readonly ok: unknown }
  | { readonly refused: { readonly code: string; readonly detail?: string } }

/** Ids that a person follows through the services: no names, no addresses, no amounts. */
const IDENTITY = { account: "credits.account_id", obligation: "credits.obligation", id: "credits.request_id" } as const

const identityOf = (request: unknown): Attributes => {
  const fields = request as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    Object.entries(IDENTITY).flatMap(([field, name]) => {
      const value = fields[field]
      return typeof value === "string" ? [[name, value]] : []
    }),
  )
}

export interface BorderOptions<Request> {
  readonly bus: BusHandle
  /** As people call it: "payments cannot answer now". */
  readonly name: string
  readonly requestSubject: (op: string) => string
  readonly controlSubject: string
  readonly decode: (op: string, text: string) => Decoded<Request>
  readonly handle: (request: Request) => Promise<Answered> | Answered
  /** `status` and `clock`: an answer, not `{ok}`. */
  readonly control: (text: string) => Promise<string>
  /** For counters; without a request when it could not be decoded. */
  readonly onAnswer?: (answer: Answered, request: Request | undefined) => void
  readonly report: (level: "warning", text: string) => void
}

export class Border<Request extends { readonly op: string }> {
  readonly #options: BorderOptions<Request>
  #responders: ReadonlyArray<Responder> = []
  /** Questions being answered. */
  open = 0

  constructor(options: BorderOptions<Request>) {
    this.#options = options
  }

  start(): void {
    const { bus, requestSubject, controlSubject, control, report } = this.#options
    const onError = (error: unknown): void => report("warning", `a request failed: ${String(error)}`)
    const opOf = (subject: string): string => subject.slice(requestSubject("").length)
    this.#responders = [
      serve(bus.connection, requestSubject("*"), (text, msg) => this.#traced(opOf(msg.subject), text, msg), onError),
      serve(bus.connection, controlSubject, control, onError),
    ]
  }

  /** Takes no new question. */
  async stop(): Promise<void> {
    await Promise.all(this.#responders.map((responder) => responder.stop()))
  }

  /** A question that carries a trace is answered as a span of it; everything behind it belongs to that span. */
  async #traced(op: string, text: string, msg: Msg): Promise<string> {
    if (!tracing.isOn) return this.answer(op, text)
    const span = tracing.child(msg.headers?.get(HEADERS.trace), {
      name: `${this.#options.name} ${op}`,
      kind: "server",
      attributes: { "messaging.system": "nats", "messaging.destination.name": msg.subject, "credits.op": op },
    })
    if (span === undefined) return this.answer(op, text)
    const answer = await tracing.within(span, () => this.answer(op, text, span))
    span.end()
    return answer
  }

  /** Never rejects: what cannot be answered is `unavailable`. */
  async answer(op: string, text: string, span?: Span): Promise<string> {
    const { decode, handle, name, report } = this.#options
    let request: Request | undefined
    this.open++
    try {
      const decoded = decode(op, text)
      if ("refused" in decoded) return this.#told(decoded, undefined)
      request = decoded.request
      if (span !== undefined) span.set(identityOf(request))
      const answer = await handle(request)
      span?.set({ "credits.outcome": "ok" in answer ? "ok" : answer.refused.code })
      return this.#told(answer, request)
    } catch (error) {
      report("warning", `${op}: ${String(error)}`)
      return this.#told({ refused: { code: "unavailable", detail: `${name} cannot answer now; ask again` } }, request)
    } finally {
      this.open--
    }
  }

  #told(answer: Answered, request: Request | undefined): string {
    const text = JSON.stringify(answer)
    try {
      this.#options.onAnswer?.(answer, request)
    } catch (error) {
      tellDefect("counting an answer", error)
    }
    return text
  }
}
