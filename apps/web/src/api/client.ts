/**
 * Calls of the HTTP API with the session cookie. Owns how a problem becomes an error and how often a call that did
 * nothing (503, no network) is repeated; knows no endpoint.
 */

/** What the server refused, by its stable `code`; `offline` (status 0) when it could not be reached. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  /** Everything the problem carries beside its text. */
  readonly extras: Readonly<Record<string, unknown>>
  constructor(status: number, code: string, detail: string, extras: Readonly<Record<string, unknown>> = {}) {
    super(detail)
    this.name = "ApiProblem"
    this.status = status
    this.code = code
    this.extras = extras
  }

  /** Nothing was done: the same request may be sent again. */
  get isTransient(): boolean {
    return this.status === 503 || this.status === 0 || this.code === "request_in_progress"
  }
}

/** A server that restarts is back well within this many tries. */
const TRIES_MAX = 6
const PAUSE_MS_MAX = 3_000

export interface Call {
  readonly body?: unknown
  /** The same key gives the same answer for ever: what makes a repeat of a purchase safe. */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

const problemOf = async (response: Response): Promise<ApiProblem> => {
  const body: unknown = await response.json().catch(() => null)
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {}
  const { code, detail, ...extras } = problem
  return new ApiProblem(
    response.status,
    typeof code === "string" ? code : "unexpected",
    typeof detail === "string" ? detail : `The server answered ${response.status}.`,
    { ...extras, retryAfterSeconds: Number(response.headers.get("retry-after") ?? 0) },
  )
}

/** One call, not repeated. `null` for an answer without content. */
export const callOnce = async <A>(method: string, path: string, call: Call = {}): Promise<A> => {
  const headers: Record<string, string> = { accept: "application/json" }
  if (call.body !== undefined) headers["content-type"] = "application/json"
  if (call.idempotencyKey !== undefined) headers["idempotency-key"] = call.idempotencyKey
  const response = await fetch(path, {
    method,
    headers,
    credentials: "same-origin",
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  }).catch((error: unknown) => {
    if (call.signal?.aborted === true) throw error
    throw new ApiProblem(0, "offline", "The server cannot be reached. Check your connection.")
  })
  if (!response.ok) throw await problemOf(response)
  return (response.status === 204 ? null : await response.json()) as A
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A call that is repeated while nothing was done: reads, and changes that name themselves with a key. */
export const call = async <A>(method: string, path: string, options: Call = {}): Promise<A> => {
  for (let tries = 1; ; tries++) {
    try {
      return await callOnce<A>(method, path, options)
    } catch (error) {
      if (!(error instanceof ApiProblem) || !error.isTransient || tries === TRIES_MAX) throw error
      const told = Number(error.extras["retryAfterSeconds"] ?? 0) * 1000
      await pause(Math.min(PAUSE_MS_MAX, Math.max(told, 150 * 2 ** tries)))
    }
  }
}

export const newKey = (): string => crypto.randomUUID()

/** The text of an error for a person. */
export const textOf = (error: unknown): string =>
  error instanceof Error ? error.message : "Something went wrong. Try again."
