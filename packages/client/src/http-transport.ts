/**
 * A gateway over HTTP (contract section 4), with an API key of the gateway scope: the same answers as on the bus, from
 * an edge. Owns repeats within the deadline, what each status means, and what becomes of a batch that is refused.
 *
 * The platform's fetch keeps connections alive; a redirect is an error, because it would carry the key elsewhere.
 */
import type { Hold as HoldView, UsageAccepted } from "@credits/contracts/http"
import { formatUsd, type Nano, parseInstant, parseUsd } from "@credits/kernel"
import type { CallRefusal, CallRefusalCode } from "./errors.ts"
import { HttpPrices } from "./http-prices.ts"
import type {
  Answer,
  AuthorizeCall,
  Caller,
  ExtendCall,
  Hold,
  RejectedEvent,
  Released,
  ReleaseCall,
  Transport,
} from "./transport.ts"

export interface HttpTransportOptions {
  readonly url: string
  readonly key: string
  readonly deadlineMs: number
  readonly firstConnectMs?: number | undefined
}

/** Silence after which the same request is sent again: the edge or its connection may have died. */
const SILENCE_MS = 1_000
/** After a refused or broken connection. */
const BACKOFF_MS = 50
/** An edge waits up to 10 s for a stream that is busy syncing. */
const SEND_MS = 15_000

interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly retryAfterMs?: number
  readonly availableUsd?: string
}

interface Received<Body> {
  readonly status: number
  readonly body: Body
  /** Of `Retry-After`. */
  readonly retryAfterMs: number | undefined
}

interface Outgoing {
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Codes of problems that the bus has another word for. */
const CODES: Readonly<Record<string, CallRefusalCode>> = {
  invalid_request: "invalid",
  malformed_body: "invalid",
  unknown_field: "invalid",
  idempotency_conflict: "id_conflict",
  hold_not_found: "hold_not_open",
  caller_unknown: "auth_required",
  rate_limited: "overloaded",
  // Of the gateway's own key, which is nothing a customer could be told.
  auth_required: "unavailable",
  wrong_scope: "unavailable",
}

const KNOWN = new Set<string>([
  "insufficient_balance",
  "payment_past_due",
  "plan_required",
  "account_frozen",
  "top_up_in_progress",
  "renewal_in_progress",
  "overloaded",
  "unavailable",
  "clock_advancing",
  "model_unknown",
  "hold_not_open",
] satisfies ReadonlyArray<CallRefusalCode>)

const refusalOf = ({ status, body, retryAfterMs }: Received<unknown>): CallRefusal => {
  const problem = (body ?? {}) as Problem
  const { code = "", detail = `HTTP ${status}`, availableUsd } = problem
  const known = CODES[code] ?? (KNOWN.has(code) ? (code as CallRefusalCode) : "unavailable")
  const available = availableUsd === undefined ? null : parseUsd(availableUsd)
  const after = problem.retryAfterMs ?? retryAfterMs
  return {
    code: known,
    detail,
    ...(after === undefined ? {} : { retryAfterMs: after }),
    ...(available === null ? {} : { available }),
  }
}

const usdOf = (text: string): Nano => {
  const amount = parseUsd(text)
  if (amount === null) throw new Error("the answer names no amount")
  return amount
}

const holdOf = (view: HoldView): Hold => ({
  holdId: view.holdId,
  held: usdOf(view.heldUsd),
  expiresAt: parseInstant(view.expiresAt) ?? 0,
  availableAfter: usdOf(view.availableAfterUsd),
})

/** Nothing was done, and the same request may well be served in a moment. */
const isWorthRepeating = ({ status, body }: Received<unknown>): boolean => {
  if (status === 429 || status === 502 || status === 504) return true
  if (status !== 503) return false
  const { code } = (body ?? {}) as Problem
  return code === undefined || code === "overloaded" || code === "unavailable"
}

const retryAfterOf = (response: Response): number | undefined => {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}

/** Text that is no JSON, a proxy's page for example, says as little as no text. */
const bodyOf = (text: string): unknown => {
  try {
    return text === "" ? null : JSON.parse(text)
  } catch {
    return null
  }
}

const traced = (traceparent: string | undefined): Readonly<Record<string, string>> =>
  traceparent === undefined ? {} : { traceparent }

/** The batch itself is refused: something in it, which has to be found. */
const isRefusedForItself = (status: number): boolean => status === 400 || status === 413 || status === 422

export class HttpTransport implements Transport {
  readonly #base: string
  readonly #key: string
  readonly #deadlineMs: number
  readonly #stopped = new AbortController()
  readonly prices: HttpPrices
  onBack: () => void = () => {}

  private constructor({ url, key, deadlineMs }: HttpTransportOptions) {
    this.#base = url.replace(/\/+$/, "")
    this.#key = key
    this.#deadlineMs = deadlineMs
    this.prices = new HttpPrices(this.#base, this.#stopped.signal)
  }

  /** Reads the price list, which is the first connection. */
  static async open(options: HttpTransportOptions): Promise<HttpTransport> {
    const transport = new HttpTransport(options)
    try {
      await transport.prices.firstRead(options.firstConnectMs)
    } catch (error) {
      transport.stopSending()
      throw error
    }
    return transport
  }

  async #attempt<Body>({ method, path, body, headers }: Outgoing, timeoutMs: number): Promise<Received<Body>> {
    const response = await fetch(this.#base + path, {
      method,
      redirect: "error",
      signal: AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    return { status: response.status, body: bodyOf(text) as Body, retryAfterMs: retryAfterOf(response) }
  }

  /** The same request until it is answered or the deadline passes; null: nobody answered. */
  async #ask<Body>(request: Outgoing): Promise<Received<Body> | null> {
    const deadlineAt = performance.now() + this.#deadlineMs
    let last: Received<Body> | null = null
    for (;;) {
      const left = deadlineAt - performance.now()
      if (left <= 0 || this.#stopped.signal.aborted) return last
      const received = await this.#attempt<Body>(request, Math.min(left, SILENCE_MS)).catch(() => null)
      if (received !== null && !isWorthRepeating(received)) return received
      last = received ?? last
      const problem = (received?.body ?? {}) as Problem
      const pauseMs = problem.retryAfterMs ?? received?.retryAfterMs ?? BACKOFF_MS * (0.5 + Math.random())
      if (performance.now() + pauseMs > deadlineAt) return last
      await this.#pause(pauseMs)
    }
  }

  /** Ends early when the client closes. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopped
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener("abort", done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener("abort", done)
    })
  }

  async #answer<Body, A>(request: Outgoing, read: (body: Body) => A): Promise<Answer<A>> {
    const received = await this.#ask<Body>(request)
    if (received === null) return { refused: { code: "unavailable", detail: "no answer" } }
    if (received.status < 200 || received.status > 299) return { refused: refusalOf(received) }
    try {
      return { ok: read(received.body) }
    } catch {
      return { refused: { code: "unavailable", detail: "the answer could not be read" } }
    }
  }

  /** The estimate goes out as it is: the edge quotes it from the book in force. */
  authorize(call: AuthorizeCall): Promise<Answer<Hold>> {
    const { account, requestId, model, estimate, amount, atLeast, ttlMs, traceparent } = call
    const body = {
      accountId: account,
      requestId,
      model,
      ...(amount === undefined
        ? estimate !== undefined && {
            estimate: { inputTokens: estimate.inputTokens, maxOutputTokens: estimate.maxOutputTokens },
          }
        : { amountUsd: formatUsd(amount) }),
      ...(atLeast !== undefined && { atLeastUsd: formatUsd(atLeast) }),
      ...(ttlMs !== undefined && { ttlSeconds: Math.max(1, Math.floor(ttlMs / 1_000)) }),
    }
    const request: Outgoing = {
      method: "POST",
      path: "/api/v1/gateway/authorizations",
      body: JSON.stringify(body),
      headers: traced(traceparent),
    }
    return this.#answer(request, holdOf)
  }

  extend({ holdId, amount, requestId, traceparent }: ExtendCall): Promise<Answer<Hold>> {
    const request: Outgoing = {
      method: "POST",
      path: `/api/v1/gateway/authorizations/${holdId}/extend`,
      body: JSON.stringify({ amountUsd: formatUsd(amount) }),
      headers: { "idempotency-key": requestId, ...traced(traceparent) },
    }
    return this.#answer(request, holdOf)
  }

  release({ holdId, traceparent }: ReleaseCall): Promise<Answer<Released>> {
    const path = `/api/v1/gateway/authorizations/${holdId}`
    const request: Outgoing = { method: "DELETE", path, headers: traced(traceparent) }
    return this.#answer(request, () => ({ availableAfter: null }))
  }

  callerOf(credential: string): Promise<Answer<Caller>> {
    const request: Outgoing = {
      method: "POST",
      path: "/api/v1/gateway/callers",
      body: JSON.stringify({ credential }),
    }
    return this.#answer(request, ({ accountId }: { readonly accountId: string }) => ({ account: accountId }))
  }

  async send(message: Buffer): Promise<ReadonlyArray<RejectedEvent>> {
    const received = await this.#attempt<typeof UsageAccepted.Type>(
      {
        method: "POST",
        path: "/api/v1/gateway/usage",
        body: message.toString(),
        headers: { "content-type": "application/cloudevents-batch+json" },
      },
      SEND_MS,
    )
    if (received.status === 202) return received.body.rejected
    if (isRefusedForItself(received.status)) return this.#sendApart(message, received)
    const { detail, retryAfterMs } = refusalOf(received)
    // The publisher's own pauses are shorter than what a busy edge asks for.
    if (retryAfterMs !== undefined) await this.#pause(retryAfterMs)
    throw new Error(`usage was not taken (HTTP ${received.status}): ${detail}`)
  }

  /** Halves until the one event stands alone that the rest must not wait for. */
  async #sendApart(message: Buffer, { status, body }: Received<unknown>): Promise<ReadonlyArray<RejectedEvent>> {
    const events = JSON.parse(message.toString()) as ReadonlyArray<{ readonly id: string }>
    if (events.length === 1) {
      const { code = "refused", detail = `HTTP ${status}` } = (body ?? {}) as Problem
      return [{ id: events[0]!.id, code, detail }]
    }
    const half = Math.ceil(events.length / 2)
    const first = await this.send(Buffer.from(JSON.stringify(events.slice(0, half))))
    return [...first, ...(await this.send(Buffer.from(JSON.stringify(events.slice(half)))))]
  }

  stopSending(): void {
    this.prices.stop()
    this.#stopped.abort()
  }

  close(): Promise<void> {
    this.stopSending()
    return Promise.resolve()
  }
}
