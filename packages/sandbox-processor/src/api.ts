/**
 * A request of the API from its head to its answer: who asks, what for, whether it was asked before, what goes wrong
 * with it, and what it comes to. HTTP itself is `server.ts`.
 */
import type Stripe from "stripe"
import { cardOfTestMethod, cardOfToken } from "./card.ts"
import type { SandboxClock } from "./clock.ts"
import { ENDPOINTS, type Prepared, type Result } from "./endpoint.ts"
import { expanded } from "./expanding.ts"
import type { FaultPlan, RequestFault } from "./fault.ts"
import { canonicalForm, type FormTree, readForm } from "./form.ts"
import { IdempotencyKeys } from "./idempotency.ts"
import { Identity, newRequestId } from "./identity.ts"
import { API_VERSION, type ApiObject, type CardState, idOf, PREFIX } from "./object.ts"
import type { RateLimit } from "./rate-limit.ts"
import {
  invalidValue,
  keyInUse,
  notAuthenticated,
  rateLimited,
  Refusal,
  resourceMissing,
  serverError,
  unrecognizedUrl,
  wrongContentType,
} from "./refusal.ts"
import type { Store } from "./store.ts"
import { objectOf, Work } from "./work.ts"

export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string | Array<string> | undefined>>
  readonly body: string
}

/** How an answer leaves: whole, or not. */
export type Delivery = "send" | "reset" | "hang" | "truncate"

export interface ApiAnswer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
  readonly delivery: Delivery
}

export interface ApiParts {
  readonly store: Store
  readonly clock: SandboxClock
  readonly faults: FaultPlan
  readonly rateLimit: RateLimit | undefined
  /** Whether an endpoint wants such events. */
  readonly isDelivered: (type: string) => boolean
  /** After a commit that brought events for it. */
  readonly onEvents: () => void
  /** Real time. */
  readonly wait: (ms: number, then: () => void) => void
}

interface Call {
  readonly endpoint: string
  readonly prepared: Prepared
  readonly parameters: string
  readonly key: string | undefined
  readonly requestId: string
  readonly fault: RequestFault | undefined
}

/** What an execution came to. */
interface Outcome {
  readonly status: number
  readonly text: string
  readonly burnsKey: boolean
  /** The object that the text is, unexpanded. */
  readonly object?: ApiObject
}

const KEY_MAX = 255
const KEY = /^Bearer (sk_test_\w+)$/
const BASIC = /^Basic ([A-Za-z0-9+/=]+)$/
const VERSION = /^\d{4}-\d{2}-\d{2}(\.\w+)?$/
const FORM_TYPE = "application/x-www-form-urlencoded"
const RETRY_AFTER_SECONDS = 1

const header = (request: ApiRequest, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === "string" ? value : undefined
}

const checkKey = (request: ApiRequest): void => {
  const given = header(request, "authorization")
  if (given === undefined) {
    throw notAuthenticated(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer " +
        "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    )
  }
  const basic = BASIC.exec(given)
  const secret = basic === null ? given : `Bearer ${Buffer.from(basic[1]!, "base64").toString().replace(/:.*$/, "")}`
  if (!KEY.test(secret)) throw notAuthenticated(`Invalid API Key provided: ${secret.slice(7, 15)}********`)
}

const SHAPE = /^\/v1\/([a-z_]+)(?:\/([^/]+)(?:\/([a-z_]+))?)?$/

/** `POST payment_intents/:id/confirm` and the id. */
const shapeOf = (method: string, path: string): { readonly shape: string; readonly id: string } | undefined => {
  const match = SHAPE.exec(path)
  if (match === null) return undefined
  const [, resource, id, action] = match
  const shape = `${method} ${resource!}${id === undefined ? "" : "/:id"}${action === undefined ? "" : `/${action}`}`
  return { shape, id: id ?? "" }
}

const DELIVERY: Readonly<Partial<Record<RequestFault["kind"], Delivery>>> = {
  lose_answer: "reset",
  hang: "hang",
  truncate: "truncate",
}

export class Api {
  readonly #parts: ApiParts
  readonly #keys: IdempotencyKeys
  readonly #identity: Identity
  /** Answers still to be lost, by idempotency key: a cable that stays cut for the client's own repeat. */
  readonly #toLose = new Map<string, number>()

  constructor(parts: ApiParts) {
    this.#parts = parts
    this.#keys = new IdempotencyKeys(parts.store)
    this.#identity = new Identity(parts.store.lastId())
  }

  /** Keys older than a day of business time go. */
  sweepKeys(): void {
    this.#keys.sweep(this.#parts.clock.now())
  }

  /** `answered` is called once, after the commit that the answer depends on. */
  handle(request: ApiRequest, answered: (answer: ApiAnswer) => void): void {
    const requestId = newRequestId()
    try {
      this.#perform(request, requestId, answered)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      answered(this.#refused(error, requestId))
    }
  }

  #perform(request: ApiRequest, requestId: string, answered: (answer: ApiAnswer) => void): void {
    const { rateLimit, wait } = this.#parts
    if (rateLimit !== undefined && !rateLimit.take()) throw rateLimited()
    const call = this.#prepare(request, requestId)
    const { fault } = call
    if (fault?.kind === "reset") return answered({ status: 0, text: "", headers: {}, delivery: "reset" })
    if (fault?.kind === "rate_limited") {
      const seconds = fault.retryAfterSeconds ?? RETRY_AFTER_SECONDS
      return answered(this.#refused(rateLimited(), requestId, seconds))
    }
    if (fault?.kind === "key_in_use") throw keyInUse(call.key ?? "")
    const known =
      call.key === undefined
        ? undefined
        : this.#keys.claim(call.key, call.endpoint, call.parameters, this.#parts.clock.now())
    if (known !== undefined) {
      const headers = { "request-id": requestId, "original-request": known.request, "idempotent-replayed": "true" }
      const delivery = this.#delivery(call)
      this.#parts.store.afterCommit(() => answered({ status: known.status, text: known.body, headers, delivery }))
      return
    }
    const pauseMs = (fault?.kind === "delay" ? fault.ms : 0) + this.#slowness(call, request)
    if (pauseMs === 0) this.#execute(call, answered)
    else wait(pauseMs, () => this.#execute(call, answered))
  }

  #prepare(request: ApiRequest, requestId: string): Call {
    checkKey(request)
    const version = header(request, "stripe-version")
    if (version !== undefined && !VERSION.test(version)) throw invalidValue(`Invalid Stripe API version: ${version}`)
    const isOlder = version === undefined || version < API_VERSION
    const { method, path } = request
    const found = shapeOf(method, path)
    const endpoint = found === undefined ? undefined : ENDPOINTS[found.shape]
    if (found === undefined || endpoint === undefined) throw unrecognizedUrl(method, path)
    const tree = this.#readTree(request)
    const prepared = endpoint.prepare(found.id, tree, isOlder)
    const key = method === "POST" ? header(request, "idempotency-key") : undefined
    if (key !== undefined && (key === "" || key.length > KEY_MAX)) {
      throw invalidValue(`Idempotency keys must be 1 to ${KEY_MAX} characters long.`)
    }
    const metadata = (): Stripe.Metadata => ({ ...this.#metadataOf(found.id), ...prepared.metadata })
    return {
      endpoint: `${method} ${path}`,
      prepared,
      parameters: key === undefined ? "" : canonicalForm(tree),
      key,
      requestId,
      fault: this.#parts.faults.ofRequest({ method, path, metadata }),
    }
  }

  #readTree(request: ApiRequest): FormTree {
    if (request.method !== "POST") return readForm(request.query)
    const type = header(request, "content-type")?.split(";")[0]?.trim().toLowerCase()
    if (request.body !== "" && type !== FORM_TYPE) throw wrongContentType()
    return readForm(request.body)
  }

  #metadataOf(id: string): Stripe.Metadata {
    const stored = this.#parts.store.object(id)
    return stored === undefined ? {} : ((objectOf(stored) as { metadata?: Stripe.Metadata }).metadata ?? {})
  }

  /** What the card takes before its issuer answers (ms). */
  #slowness({ endpoint, prepared }: Call, request: ApiRequest): number {
    const isConfirmation = endpoint.endsWith("/confirm") && endpoint.startsWith("POST /v1/payment_intents/")
    const isCharge =
      isConfirmation || (endpoint === "POST /v1/payment_intents" && request.body.includes("confirm=true"))
    if (!isCharge) return 0
    const method = prepared.method ?? this.#methodOfIntent(request.path.split("/")[3] ?? "")
    if (method === undefined) return 0
    const stored = this.#parts.store.object(method)?.card
    const card =
      stored === undefined || stored === null
        ? cardOfTestMethod(method)
        : cardOfToken((JSON.parse(stored) as CardState).token)
    return card?.behaviour.slowMs ?? 0
  }

  #methodOfIntent(id: string): string | undefined {
    const stored = this.#parts.store.object(id)
    if (stored === undefined || !id.startsWith(PREFIX.payment_intent)) return undefined
    return idOf((objectOf(stored) as Stripe.PaymentIntent).payment_method) ?? undefined
  }

  #work(requestId: string, key: string | null): Work {
    const { store, clock, isDelivered } = this.#parts
    return new Work({
      reader: store,
      nowMs: clock.now(),
      nextId: this.#identity.nextId,
      nextSecret: this.#identity.nextSecret,
      requestId,
      idempotencyKey: key,
      isDelivered,
    })
  }

  #execute(call: Call, answered: (answer: ApiAnswer) => void): void {
    const { key, requestId, endpoint, parameters } = call
    const { store } = this.#parts
    const work = this.#work(requestId, key ?? null)
    const outcome = this.#outcome(call, work)
    const { status, text, burnsKey, object } = outcome
    const first = burnsKey ? this.#write(work) : 0
    if (key !== undefined) {
      const version = object === undefined ? undefined : work.writtenVersion(object)
      const body = version === undefined ? text : { version: first + version }
      const at = work.nowMs
      this.#keys.release(
        key,
        burnsKey ? { key, endpoint, parameters, status, body, request: requestId, at } : undefined,
      )
      if (work.answersLost > 0) this.#toLose.set(key, work.answersLost)
    }
    const delivery = this.#delivery(call, work.answersLost > 0 && key === undefined)
    const headers = { "request-id": requestId }
    store.afterCommit(() => answered({ status, text, headers, delivery }))
  }

  #outcome({ key, fault, prepared }: Call, work: Work): Outcome {
    try {
      if (fault?.kind === "error_500_unexecuted") throw serverError()
      const result = prepared.run(work)
      const text = this.#textOf(work, result, prepared.expand)
      if (fault?.kind === "error_500") return { status: 500, text: serverError().text, burnsKey: true }
      const isPlain = result.kind === "object" && prepared.expand.length === 0
      return { status: 200, text, burnsKey: true, ...(isPlain ? { object: result.object } : {}) }
    } catch (error) {
      if (!(error instanceof Refusal)) {
        // Nothing was written. The key is free again, the process ends: a defect is seen.
        if (key !== undefined) this.#keys.release(key, undefined)
        throw error
      }
      const { status, text, burnsKey } = error
      const isHidden = fault?.kind === "error_500" && burnsKey
      return isHidden ? { status: 500, text: serverError().text, burnsKey } : { status, text, burnsKey }
    }
  }

  /** @returns the number of the first version that was written */
  #write(work: Work): number {
    const { store, onEvents } = this.#parts
    const changes = work.changes()
    const first = store.apply(changes)
    if (changes.events.some((event) => event.isDelivered)) store.afterCommit(onEvents)
    return first
  }

  #delivery({ key, fault }: Call, isLost = false): Delivery {
    const left = key === undefined ? undefined : this.#toLose.get(key)
    if (key !== undefined && left !== undefined) {
      if (left > 1) this.#toLose.set(key, left - 1)
      else this.#toLose.delete(key)
      return "reset"
    }
    return (fault === undefined ? undefined : DELIVERY[fault.kind]) ?? (isLost ? "reset" : "send")
  }

  #textOf(work: Work, result: Result, expand: ReadonlyArray<string>): string {
    switch (result.kind) {
      case "object":
        return expand.length === 0 ? work.textOf(result.object) : JSON.stringify(expanded(work, result.object, expand))
      case "event": {
        const body = this.#parts.store.event(result.id)
        if (body === undefined) throw resourceMissing("event", result.id, "id", true)
        return body
      }
      case "list":
        return this.#listText(work, result, expand)
    }
  }

  #listText(work: Work, { of, scan }: Result & { kind: "list" }, expand: ReadonlyArray<string>): string {
    const page = this.#parts.store.list(scan)
    const bodies =
      expand.length === 0
        ? page.bodies
        : page.bodies.map((body) => JSON.stringify(expanded(work, JSON.parse(body) as ApiObject, expand)))
    const head = { object: "list", url: `/v1/${of}s`, has_more: page.hasMore } satisfies Omit<
      Stripe.ApiList<unknown>,
      "data"
    >
    return `${JSON.stringify(head).slice(0, -1)},"data":[${bodies.join(",")}]}`
  }

  /**
   * A control call's change, outside of any request: what a customer's browser or bank does.
   * @throws Refusal when it cannot be done; then nothing was written unless the card said no.
   */
  act<A>(change: (work: Work) => A, done: (result: A | Refusal) => void): void {
    const work = this.#work(newRequestId(), null)
    let result: A | Refusal
    try {
      result = change(work)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      result = error
    }
    if (!(result instanceof Refusal) || result.burnsKey) this.#write(work)
    this.#parts.store.afterCommit(() => done(result))
  }

  #refused(refusal: Refusal, requestId: string, retryAfterSeconds = RETRY_AFTER_SECONDS): ApiAnswer {
    const headers: Record<string, string> = { "request-id": requestId }
    if (refusal.status === 429) {
      headers["retry-after"] = String(retryAfterSeconds)
      headers["stripe-rate-limited-reason"] = "global-rate"
    }
    return { status: refusal.status, text: refusal.text, headers, delivery: "send" }
  }
}
