/**
 * The wire below Stripe's SDK. The SDK repeats some requests by itself and shows only the last try's error; here every
 * try is seen, so that a request that may have reached the processor is never taken for one that did not.
 */
import { tracing } from "@credits/telemetry"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import { Stripe } from "stripe"

/** What is known of one call, over all its tries. */
export interface Trace {
  /** A try may have been executed without our knowing how it ended. */
  mayHaveRun: boolean
}

type Client = ReturnType<typeof Stripe.createNodeHttpClient>
type Request = Parameters<Client["makeRequest"]>

/** Errors from before anything was sent: looking up the name, opening the connection. */
const isNeverSent = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  // Several addresses were tried.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isNeverSent)
  const { syscall } = error as NodeJS.ErrnoException
  return syscall === "connect" || syscall === "getaddrinfo"
}

/** `/v1/payment_intents/pi_1/confirm?…` → `/v1/payment_intents/{id}/confirm`. */
const routeOf = (path: string): string => path.split("?", 1)[0]!.replaceAll(/\/(?=[^/]*_[^/]*\d)[^/]+/g, "/{id}")

const KEY_HEADER = "Idempotency-Key"
const TOO_MANY = 429
const CONFLICT = 409
const SERVER_ERROR = 500

export class Transport {
  readonly #client: Client
  readonly #agent: HttpAgent | HttpsAgent
  readonly #traces = new Map<string, Trace>()

  constructor(protocol: "http" | "https") {
    this.#agent = protocol === "http" ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true })
    this.#client = Stripe.createNodeHttpClient(this.#agent)
  }

  /** Watches the calls under a key. Nobody else uses the key meanwhile: one step, one call. */
  trace(key: string): Trace & Disposable {
    const trace = { mayHaveRun: false, [Symbol.dispose]: () => void this.#traces.delete(key) }
    this.#traces.set(key, trace)
    return trace
  }

  getClientName(): string {
    return this.#client.getClientName()
  }

  /** Every try is a span of what it is for: of a request only the method and the kind of address are told (R10.3). */
  makeRequest(...request: Request): ReturnType<Client["makeRequest"]> {
    if (!tracing.isOn) return this.#tryOnce(request)
    const [host, , path, method] = request
    const route = routeOf(path)
    const attributes = { "http.request.method": method, "url.template": route, "server.address": host }
    return tracing.measure({ name: `${method} ${route}`, kind: "client", attributes }, async (span) => {
      const response = await this.#tryOnce(request)
      span?.set({ "http.response.status_code": response.getStatusCode() })
      return response
    })
  }

  async #tryOnce(request: Request): ReturnType<Client["makeRequest"]> {
    const key = request[4][KEY_HEADER]
    const trace = typeof key === "string" ? this.#traces.get(key) : undefined
    try {
      const response = await this.#client.makeRequest(...request)
      const status = response.getStatusCode()
      if (trace !== undefined && (status === CONFLICT || status >= SERVER_ERROR)) trace.mayHaveRun = true
      return response
    } catch (error) {
      if (trace !== undefined && !isNeverSent(error)) trace.mayHaveRun = true
      throw error
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The last try's status says that this try was not executed. */
export const isRefusedStatus = (status: number | undefined): boolean => status === TOO_MANY

export const isConnectionRefused = (error: unknown): boolean => isNeverSent(error)
