/** The processor as an HTTP server: reads requests, sends answers or loses them, opens and closes the parts. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Api, type ApiAnswer } from "./api.ts"
import { SandboxClock } from "./clock.ts"
import { type Book, bookOf, Control } from "./control.ts"
import { FaultPlan } from "./fault.ts"
import { RateLimit } from "./rate-limit.ts"
import { bodyTooLarge } from "./refusal.ts"
import { Store } from "./store.ts"
import { WebhookDelivery, type WebhookTarget } from "./webhook.ts"

export interface SandboxOptions {
  /** 0: any free port. */
  readonly port: number
  readonly host?: string
  /** Absent: everything is forgotten at the end. */
  readonly dataDir?: string | undefined
  /** Business time, milliseconds. */
  readonly now: () => number
  /** Where events go; null: only to `events.list`. */
  readonly webhook: WebhookTarget | null
  /** Requests a second; more get a 429. */
  readonly rateLimit?: number | undefined
}

export interface SandboxProcessor {
  readonly url: string
  readonly faults: FaultPlan
  /** What was really charged. */
  readonly book: () => Book
  /** Resolves when every event up to now was delivered or given up. */
  readonly webhooksDrained: () => Promise<void>
  readonly close: () => Promise<void>
}

const BODY_MAX_BYTES = 1024 * 1024
/** Longer than any client's pool keeps an idle connection: a close by us could meet a request on its way. */
const KEEP_ALIVE_MS = 120_000
const CONTROL = "/__sandbox/"

const readBody = (request: IncomingMessage, done: (body: string | undefined) => void): void => {
  if (request.method === "GET") return done("")
  const chunks: Array<Buffer> = []
  let bytes = 0
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= BODY_MAX_BYTES) chunks.push(chunk)
  })
  request.on("end", () => done(bytes > BODY_MAX_BYTES ? undefined : Buffer.concat(chunks).toString("utf8")))
}

const sendJson = (
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

const deliver = (response: ServerResponse, { status, text, headers, delivery }: ApiAnswer): void => {
  switch (delivery) {
    case "send":
      return sendJson(response, status, text, headers)
    case "reset":
      response.socket?.resetAndDestroy()
      return
    case "hang":
      // The client closes.
      return
    case "truncate": {
      const bytes = Buffer.from(text)
      response.writeHead(status, {
        "content-type": "application/json",
        "content-length": bytes.length,
        ...headers,
      })
      const half = bytes.subarray(0, bytes.length >> 1)
      response.write(half, () => response.socket?.destroy())
    }
  }
}

export const startSandboxProcessor = async (options: SandboxOptions): Promise<SandboxProcessor> => {
  const store = new Store(options.dataDir)
  const clock = new SandboxClock(options.now, store)
  const faults = new FaultPlan()
  const realTime = (): number => Date.now()
  const webhooks = options.webhook === null ? undefined : new WebhookDelivery(options.webhook, store, faults, realTime)
  const timers = new Set<NodeJS.Timeout>()
  const api = new Api({
    store,
    clock,
    faults,
    rateLimit: options.rateLimit === undefined ? undefined : new RateLimit(options.rateLimit, realTime),
    isDelivered: (type) => webhooks?.isWanted(type) ?? false,
    onEvents: () => webhooks?.wake(),
    wait: (ms, then) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        then()
      }, ms)
      timers.add(timer)
    },
  })
  const control = new Control({ api, store, clock, faults })

  const route = (request: IncomingMessage, response: ServerResponse, body: string | undefined): void => {
    const target = request.url ?? "/"
    const question = target.indexOf("?")
    const path = question === -1 ? target : target.slice(0, question)
    const method = request.method ?? "GET"
    if (body === undefined) {
      const refusal = bodyTooLarge()
      return sendJson(response, refusal.status, refusal.text, { connection: "close" })
    }
    if (path === "/healthz") return sendJson(response, 200, `{"status":"ok"}`)
    if (path.startsWith(CONTROL)) {
      return control.handle(method, path.slice(CONTROL.length), body, (answer) =>
        sendJson(response, answer.status, JSON.stringify(answer.body)),
      )
    }
    const query = question === -1 ? "" : target.slice(question + 1)
    api.handle({ method, path, query, headers: request.headers, body }, (answer) => deliver(response, answer))
  }

  const server = createServer((request, response) => {
    // A client that went away is nobody's fault.
    response.on("error", () => undefined)
    readBody(request, (body) => route(request, response, body))
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(options.port, options.host ?? "127.0.0.1", () => {
      server.off("error", reject)
      resolve()
    })
  })
  webhooks?.wake()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    book: () => bookOf(store.book()),
    webhooksDrained: async () => webhooks?.drained(),
    close: async () => {
      for (const timer of timers) clearTimeout(timer)
      webhooks?.stop()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      store.close()
    },
  }
}
