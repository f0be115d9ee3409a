/**
 * The few ways a bus operation fails, as tagged errors that stay in one process. Refusals of a service are not here:
 * they are ordinary answers (`{"refused":…}`) and belong to the contracts.
 */
import { errors } from "@nats-io/nats-core"
import { Data } from "effect"

/**
 * The stream is at its byte limit (`discard: new`). Nothing was stored. Back-pressure: wait and repeat (decision 2).
 */
export class BusFull extends Data.TaggedError("BusFull")<{ readonly subject: string; readonly detail: string }> {
  override get message(): string {
    return `the stream behind ${this.subject} is full: ${this.detail}`
  }
}

/**
 * No answer, no connection, no stream or no server. `outcome` is "unknown" when the message may have been stored all
 * the same; repeating is then right only because every message names its events by id (decision 7).
 */
export class BusUnavailable extends Data.TaggedError("BusUnavailable")<{
  readonly subject: string
  readonly outcome: "not_stored" | "unknown"
  readonly detail: string
}> {
  override get message(): string {
    return `the bus did not take ${this.subject} (${this.outcome}): ${this.detail}`
  }
}

/**
 * The server will refuse the same thing again: a missing permission, a message too large, a stream of another shape.
 */
export class BusRefused extends Data.TaggedError("BusRefused")<{ readonly subject: string; readonly detail: string }> {
  override get message(): string {
    return `the bus refuses ${this.subject}: ${this.detail}`
  }
}

export type BusError = BusFull | BusUnavailable | BusRefused

/**
 * JetStream error codes that mean "at its limit" (server/errors.json: max bytes, max messages, storage or memory
 * exhausted).
 */
const FULL_CODES = new Set([10023, 10028, 10047, 10077])

/** The `error` object of a JetStream answer. */
export interface ApiErrorLike {
  readonly code?: number
  readonly err_code?: number
  readonly description?: string
}

/** What a JetStream error object in a PubAck or API answer means for the caller. */
export const apiErrorOf = (subject: string, error: ApiErrorLike): BusError => {
  const detail = `${error.description ?? "unknown"} (${error.err_code ?? error.code ?? 0})`
  if (error.err_code !== undefined && FULL_CODES.has(error.err_code)) return new BusFull({ subject, detail })
  if (/maximum (bytes|messages) exceeded|insufficient (storage|resources|memory)/i.test(detail)) {
    return new BusFull({ subject, detail })
  }
  if (error.code !== undefined && (error.code === 503 || error.code === 429)) {
    return new BusUnavailable({ subject, outcome: "not_stored", detail })
  }
  return new BusRefused({ subject, detail })
}

/** What an error thrown by the NATS client means for the caller. */
export const clientErrorOf = (subject: string, cause: unknown): BusError => {
  if (cause instanceof BusFull || cause instanceof BusUnavailable || cause instanceof BusRefused) return cause
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const root = error.cause instanceof Error ? error.cause : error
  const detail = root === error ? error.message : `${error.message}: ${root.message}`
  if (root instanceof errors.NoRespondersError) return new BusUnavailable({ subject, outcome: "not_stored", detail })
  if (
    root instanceof errors.PermissionViolationError ||
    root instanceof errors.AuthorizationError ||
    root instanceof errors.InvalidArgumentError
  ) {
    return new BusRefused({ subject, detail })
  }
  if (/MAX_PAYLOAD|max_payload/i.test(detail)) return new BusRefused({ subject, detail })
  const api = error as { apiError?: () => ApiErrorLike }
  if (typeof api.apiError === "function") return apiErrorOf(subject, api.apiError())
  return new BusUnavailable({ subject, outcome: "unknown", detail })
}
