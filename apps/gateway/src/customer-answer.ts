/**
 * What goes back to the customer: a whole answer, a refusal or a stream. Owns the response's head, back-pressure, and
 * whether anybody still listens. Nothing of what is said is logged.
 */
import type { ServerResponse } from "node:http"
import { errorBody, type Refusal } from "./refusal.ts"

export class CustomerAnswer {
  readonly #response: ServerResponse
  readonly #gone = new AbortController()
  #status = 0

  /** @param requestId named in a header, so that a customer can ask about the call */
  constructor(response: ServerResponse, requestId: string) {
    this.#response = response
    response.setHeader("x-request-id", requestId)
    response.setHeader("cache-control", "no-store")
    response.setHeader("x-content-type-options", "nosniff")
    response.on("error", () => this.#gone.abort())
    response.once("close", () => {
      if (!response.writableFinished) this.#gone.abort()
    })
  }

  /** Aborted when the customer hangs up before the end. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  get isGone(): boolean {
    return this.#gone.signal.aborted
  }

  /** Of the head that went out; 0 before. */
  get status(): number {
    return this.#status
  }

  whole(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#status = status
    if (this.isGone) return
    this.#response.writeHead(status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...headers,
    })
    this.#response.end(text)
  }

  refuse(refusal: Refusal): void {
    const after = refusal.retryAfterMs
    this.whole(refusal.status, JSON.stringify(errorBody(refusal)), {
      ...(after === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(after / 1_000))) }),
      ...(refusal.status === 401 ? { "www-authenticate": "Bearer" } : {}),
    })
  }

  beginStream(): void {
    this.#status = 200
    if (this.isGone) return
    // A proxy that collects events before it passes them on would undo the stream.
    this.#response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" })
    this.#response.flushHeaders()
  }

  /** One event; resolves when there is room for the next one, or nobody listens any more. */
  async event(data: string): Promise<void> {
    if (this.isGone || this.#response.write(`data: ${data}\n\n`)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#response.off("drain", done)
        this.gone.removeEventListener("abort", done)
        resolve()
      }
      this.#response.on("drain", done)
      this.gone.addEventListener("abort", done)
      if (this.isGone) done()
    })
  }

  end(): void {
    if (!this.isGone) this.#response.end()
  }
}
