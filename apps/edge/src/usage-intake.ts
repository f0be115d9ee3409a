/**
 * Usage over HTTP: one CloudEvent or an array of them into messages of the usage stream (contract section 4). Pure. Bad
 * events are refused one by one with their reason; the good events of the same request still count. Prices, holds and
 * accounts are not looked at here: that is pricing's and the ledger's.
 */
import { decodeUsageEvent, EVENT_BYTES_MAX, MESSAGE_BYTES_MAX, USAGE_EVENTS_PER_MESSAGE_MAX } from "@credits/contracts"

/**
 * A valid event has some 250 bytes, so a body of 1 MiB holds fewer; more are only ever junk to be answered one by one.
 */
export const EVENTS_PER_REQUEST_MAX = 5_000

export interface RejectedEvent {
  readonly id: string
  readonly code: string
  readonly detail: string
}

export interface UsageIntake {
  readonly accepted: number
  readonly rejected: ReadonlyArray<RejectedEvent>
  /** JSON arrays, each within the limits of one message (decision 4). */
  readonly messages: ReadonlyArray<string>
}

/** An id for the answer even of an event that has none that may be repeated back. */
const idOf = (value: unknown, index: number): string => {
  const id = typeof value === "object" && value !== null ? (value as { readonly id?: unknown }).id : undefined
  return typeof id === "string" && id.length <= 128 ? id : `#${index}`
}

/** NUL cannot be stored as text by every database (bad input, C12). */
const NUL = "\\u0000"

const checkEvent = (value: unknown, text: string): { code: string; detail: string } | null => {
  if (Buffer.byteLength(text) > EVENT_BYTES_MAX) {
    return { code: "too_large", detail: `an event may have at most ${EVENT_BYTES_MAX} bytes` }
  }
  if (text.includes(NUL)) return { code: "invalid_field", detail: "text must not contain NUL" }
  const event = decodeUsageEvent(value)
  return "code" in event ? { code: event.code, detail: event.detail } : null
}

const TOO_DEEP = { code: "malformed", detail: "the event is nested too deeply" }

/** JSON text of an event; null when it is nested so deeply that writing it would overflow the stack. */
const textOf = (value: unknown): string | null => {
  try {
    return JSON.stringify(value)
  } catch {
    return null
  }
}

/** Groups texts into JSON arrays of ≤ 500 events and ≤ 512 KiB. */
export const packEvents = (texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const messages: Array<string> = []
  let group: Array<string> = []
  let bytes = 2
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1
    if (group.length === USAGE_EVENTS_PER_MESSAGE_MAX || bytes + size > MESSAGE_BYTES_MAX) {
      messages.push(`[${group.join(",")}]`)
      group = []
      bytes = 2
    }
    group.push(text)
    bytes += size
  }
  if (group.length > 0) messages.push(`[${group.join(",")}]`)
  return messages
}

/** With the trace of the request that brought it, unless it names its own; the event says the same as before. */
const tracedText = (value: unknown, text: string, trace: string | undefined): string =>
  trace === undefined || "traceparent" in (value as object) ? text : `${text.slice(0, -1)},"traceparent":"${trace}"}`

/**
 * `body` is parsed JSON: an array (batch mode) or one event (structured mode). `trace`: `traceparent` of the request,
 * if it is traced.
 */
export const takeUsage = (body: unknown, trace?: string): UsageIntake => {
  const events = Array.isArray(body) ? (body as ReadonlyArray<unknown>) : [body]
  const rejected: Array<RejectedEvent> = []
  const texts: Array<string> = []
  events.forEach((value, index) => {
    const text = textOf(value)
    const wrong = text === null ? TOO_DEEP : checkEvent(value, text)
    if (wrong === null) texts.push(tracedText(value, text!, trace))
    else rejected.push({ id: idOf(value, index), ...wrong })
  })
  return { accepted: texts.length, rejected, messages: packEvents(texts) }
}
