/**
 * The gateway's border: which request is which, who asks, and the bounds of what is read. Owns routes, limits and the
 * counting of answers; a call itself is `hosted-call.ts` or `byok-call.ts`. Keys, prompts and answers are never logged.
 */
import { randomBytes } from "node:crypto"
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"
import type { Gateway } from "@credits/client"
import { makeId } from "@credits/kernel"
import { type Span, tracing } from "@credits/telemetry"
import { type ByokParts, byokCall } from "./byok-call.ts"
import { callSpan, endCallSpan, tellRequest } from "./call-span.ts"
import type { Callers } from "./callers.ts"
import { readChatRequest } from "./chat-request.ts"
import { CustomerAnswer } from "./customer-answer.ts"
import { type HostedParts, hostedCall, type IncomingCall } from "./hosted-call.ts"
import type { GatewayMetrics } from "./metrics.ts"
import { type Provider, routeOf } from "./provider.ts"
import {
  authRequired,
  badRequest,
  busy,
  modelUnknown,
  noProviderKey,
  notFound,
  type Refusal,
  refusalOf,
  tooLarge,
  upstreamFailed,
} from "./refusal.ts"

/** A conversation with a few pictures in it. */
const BODY_BYTES_MAX = 16 * 1024 * 1024
/** Of one that is larger so much is read before its connection is cut. */
const LET_GO_BYTES_MAX = 4 * BODY_BYTES_MAX
/** More are answered with 503 at once: each may hold a body and a provider's connection for minutes. */
const IN_FLIGHT_MAX = 2_000
/** The header of a customer's own provider key: OpenAI clients send it with `defaultHeaders`. */
export const PROVIDER_KEY_HEADER = "x-provider-api-key"

export interface EndpointParts {
  readonly gateway: Pick<Gateway, "models" | "quote">
  readonly callers: Callers
  readonly providers: ReadonlyArray<Provider>
  readonly hosted: HostedParts
  readonly byok: ByokParts
  readonly metrics: GatewayMetrics
  readonly isReady: () => boolean
  readonly renderMetrics: () => Promise<string>
  /** Business time, milliseconds since 1970. */
  readonly now: () => number
  readonly report: (text: string) => void
}

const BEARER = /^Bearer +(\S+)$/i

/**
 * The whole body, or null when it is too large. The rest is read and let go: who hung up on its sender would leave them
 * with a broken connection instead of the reason.
 */
const readBody = async (request: IncomingMessage): Promise<Buffer | null> => {
  let parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > LET_GO_BYTES_MAX) return null
    if (bytes > BODY_BYTES_MAX) parts = []
    else parts.push(part)
  }
  return bytes > BODY_BYTES_MAX ? null : Buffer.concat(parts)
}

/** The name in a path; null for bytes that are no text. */
const nameIn = (segment: string): string | null => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}

const parsed = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

export class Endpoints {
  readonly #parts: EndpointParts
  #inFlight = 0

  constructor(parts: EndpointParts) {
    this.#parts = parts
  }

  get inFlight(): number {
    return this.#inFlight
  }

  readonly listener: RequestListener = (request, response) => {
    const started = performance.now()
    const path = (request.url ?? "/").split("?", 1)[0]!
    this.#inFlight++
    response.once("close", () => {
      this.#inFlight--
      const status = response.headersSent ? response.statusCode : 499
      this.#parts.metrics.requestAnswered(this.#routeName(request.method, path), status, performance.now() - started)
    })
    this.#answer(request, response, path).catch((error: unknown) => {
      this.#parts.report(`a request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      if (response.headersSent) response.destroy()
      else new CustomerAnswer(response, "-").refuse({ ...upstreamFailed, status: 500, code: "internal_error" })
    })
  }

  #routeName(method: string | undefined, path: string): string {
    if (path.startsWith("/v1/models/")) return `${method} /v1/models/{model}`
    return /^\/(?:v1\/(?:chat\/completions|models)|healthz|readyz|metrics)$/.test(path) ? `${method} ${path}` : "other"
  }

  async #answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const requestId = makeId("req", Date.now(), randomBytes(10))
    const customer = new CustomerAnswer(response, requestId)
    const { method } = request
    if (method === "GET" && path === "/healthz") return customer.whole(200, '{"status":"ok"}')
    if (method === "GET" && path === "/readyz") {
      const ready = this.#parts.isReady()
      return customer.whole(ready ? 200 : 503, JSON.stringify({ ready }))
    }
    if (method === "GET" && path === "/metrics") {
      const type = { "content-type": "text/plain; version=0.0.4; charset=utf-8" }
      return customer.whole(200, await this.#parts.renderMetrics(), type)
    }
    const isModels = method === "GET" && /^\/v1\/models(?:\/.+)?$/.test(path)
    if (!isModels && !(method === "POST" && path === "/v1/chat/completions")) return customer.refuse(notFound)
    if (isModels) {
      const account = await this.#accountOf(request)
      return typeof account === "string" ? this.#models(path, customer) : customer.refuse(account)
    }
    await tracing.run(callSpan(request.headers["traceparent"]), async (span) => {
      await this.#chat(request, requestId, customer, span)
      if (span !== undefined) endCallSpan(span, customer.status)
    })
  }

  async #accountOf(request: IncomingMessage): Promise<string | Refusal> {
    const credential = BEARER.exec(request.headers.authorization ?? "")?.[1]
    if (credential === undefined) return authRequired
    const answer = await this.#parts.callers.of(credential, performance.now())
    return "ok" in answer ? answer.ok.account : refusalOf(answer.refused, "")
  }

  /** Models that have a price and a provider. */
  #models(path: string, customer: CustomerAnswer): void {
    const { gateway, providers } = this.#parts
    const view = (id: string) => {
      const route = routeOf(providers, id)
      const isSold = route !== null && !("code" in gateway.quote(id, { inputTokens: 1, maxOutputTokens: 1 }))
      return isSold ? [{ id, object: "model", created: 0, owned_by: route.provider.name }] : []
    }
    const one = path.slice("/v1/models/".length)
    if (one === "") {
      const data = gateway.models.flatMap(view).sort((a, b) => (a.id < b.id ? -1 : 1))
      return customer.whole(200, JSON.stringify({ object: "list", data }))
    }
    const name = nameIn(one)
    const [model] = name === null ? [] : view(name)
    if (model === undefined) return customer.refuse(modelUnknown(one))
    customer.whole(200, JSON.stringify(model))
  }

  async #chat(
    request: IncomingMessage,
    requestId: string,
    customer: CustomerAnswer,
    span: Span | undefined,
  ): Promise<void> {
    const account = await this.#accountOf(request)
    if (typeof account !== "string") return customer.refuse(account)
    if (this.#inFlight > IN_FLIGHT_MAX) {
      return customer.refuse(busy("overloaded", "Too many calls are under way; send the same one again in a moment."))
    }
    const body = await readBody(request)
    if (body === null) return customer.refuse(tooLarge(BODY_BYTES_MAX))
    const read = readChatRequest(parsed(body), body.length)
    if ("wrong" in read) return customer.refuse(badRequest(read.wrong.param, read.wrong.detail))
    const route = routeOf(this.#parts.providers, read.model)
    if (route === null) return customer.refuse(modelUnknown(read.model))
    const incoming: IncomingCall = { requestId, account, request: read, route, startedAt: this.#parts.now(), span }
    const providerKey = request.headers[PROVIDER_KEY_HEADER]
    const mode = providerKey === undefined ? "hosted" : "byok"
    tellRequest(span, read, route.provider, { account, requestId, mode })
    if (providerKey === undefined) return hostedCall(this.#parts.hosted, incoming, customer)
    if (typeof providerKey !== "string" || providerKey.trim() === "") return customer.refuse(noProviderKey)
    await byokCall(this.#parts.byok, incoming, providerKey.trim(), customer)
  }
}
