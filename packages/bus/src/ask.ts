/**
 * Request–reply on core NATS: asking the owner of a partition (decision 6) and answering as one.
 * Owns repeats, deadlines and the "nobody answered" text; knows nothing of what is asked.
 */
import { HEADERS } from "@credits/contracts"
import {
  createInbox,
  headers as makeHeaders,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from "@nats-io/nats-core"
import { Effect, type Scope } from "effect"
import { clientErrorOf } from "./errors.ts"
import { tellDefect } from "./guard.ts"

export interface AskOwnerOptions {
  /** Total time a caller waits before it gets `unavailable`. */
  readonly deadlineMs?: number
  /** Silence after which the same text is sent again: the owner may have died or moved. */
  readonly silenceMs?: number
  /** `traceparent` of the asking span. */
  readonly trace?: string | undefined
}

const DEADLINE_MS = 3_000
const SILENCE_MS = 300
/** A takeover is short; asking again sooner than this only heats the broker. */
const NO_RESPONDERS_BACKOFF_MS = 25
const OVERLOADED_BACKOFF_MS = 50
/** One timer for all pending requests instead of one or two per request: at 20,000/s timers are a third of the cost. */
const SWEEP_MS = 10

/** An answer that only says "try again": the same request is then repeated until its deadline. */
const OVERLOADED = /^\s*\{\s*"refused"\s*:\s*\{[^}]{0,200}"code"\s*:\s*"overloaded"/

export const unavailableAnswer = (detail: string): string =>
  JSON.stringify({ refused: { code: "unavailable", detail } })

const traced = (traceparent: string | undefined): MsgHdrs | undefined => {
  if (traceparent === undefined) return undefined
  const headers = makeHeaders()
  headers.set(HEADERS.trace, traceparent)
  return headers
}

interface Pending {
  readonly subject: string
  readonly text: string
  readonly headers: MsgHdrs | undefined
  readonly replyTo: string
  readonly silenceMs: number
  readonly deadlineAt: number
  /** When to send the text again. */
  againAt: number
  lastRefusal: string
  readonly resolve: (answer: string) => void
}

/** All pending questions of one connection, behind one wildcard subscription. */
class Asker {
  readonly #nc: NatsConnection
  readonly #prefix: string
  readonly #pending = new Map<string, Pending>()
  #next = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(nc: NatsConnection) {
    this.#nc = nc
    this.#prefix = `${createInbox((nc as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix)}.`
    nc.subscribe(`${this.#prefix}*`, { callback: (error, msg) => (error === null ? this.#answer(msg) : undefined) })
  }

  ask(
    subject: string,
    text: string,
    deadlineMs: number,
    silenceMs: number,
    trace: string | undefined,
  ): Promise<string> {
    return new Promise((resolve) => {
      const token = (this.#next++).toString(36)
      const now = performance.now()
      const pending: Pending = {
        subject,
        text,
        headers: traced(trace),
        replyTo: this.#prefix + token,
        silenceMs,
        deadlineAt: now + deadlineMs,
        againAt: now + silenceMs,
        lastRefusal: "no answer",
        resolve,
      }
      this.#pending.set(token, pending)
      this.#send(pending)
      this.#sweep ??= setInterval(() => this.#sweepNow(), SWEEP_MS)
    })
  }

  #send(pending: Pending): void {
    const { subject, text, replyTo: reply, headers } = pending
    try {
      this.#nc.publish(subject, text, headers === undefined ? { reply } : { reply, headers })
    } catch (error) {
      pending.lastRefusal = error instanceof Error ? error.message : String(error)
    }
  }

  #answer(msg: Msg): void {
    const token = msg.subject.slice(this.#prefix.length)
    const pending = this.#pending.get(token)
    if (pending === undefined) return // a second owner or a repeat answered already: the first answer won
    if (msg.data.length === 0 && msg.headers?.code === 503) {
      pending.lastRefusal = "nobody owns it"
      pending.againAt = Math.min(pending.againAt, performance.now() + NO_RESPONDERS_BACKOFF_MS)
      return
    }
    const answer = msg.string()
    // Only short answers can be refusals; a long one is not searched.
    if (answer.length < 512 && OVERLOADED.test(answer)) {
      pending.lastRefusal = "overloaded"
      pending.againAt = Math.min(pending.againAt, performance.now() + OVERLOADED_BACKOFF_MS * (0.5 + Math.random()))
      return
    }
    this.#pending.delete(token)
    pending.resolve(answer)
  }

  #sweepNow(): void {
    const now = performance.now()
    for (const [token, pending] of this.#pending) {
      if (now >= pending.deadlineAt) {
        this.#pending.delete(token)
        pending.resolve(unavailableAnswer(pending.lastRefusal))
      } else if (now >= pending.againAt) {
        pending.againAt = now + pending.silenceMs
        this.#send(pending)
      }
    }
    if (this.#pending.size === 0 && this.#sweep !== undefined) {
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }
  }
}

const askers = new WeakMap<NatsConnection, Asker>()

/**
 * Asks whoever owns `subject`, repeating the same text on no responders, `overloaded` or silence until the deadline;
 * then answers `{"refused":{"code":"unavailable",…}}`. The text must carry a request id: owners may get it twice.
 * Never rejects.
 */
export const askOwner = (
  nc: NatsConnection,
  subject: string,
  text: string,
  options: AskOwnerOptions = {},
): Promise<string> => {
  let asker = askers.get(nc)
  if (asker === undefined) {
    asker = new Asker(nc)
    askers.set(nc, asker)
  }
  return asker.ask(subject, text, options.deadlineMs ?? DEADLINE_MS, options.silenceMs ?? SILENCE_MS, options.trace)
}

/** One question, one answer, no repeat. @throws BusUnavailable (nobody there, or no answer in time) | BusRefused */
export const ask = async (nc: NatsConnection, subject: string, text: string, timeoutMs: number): Promise<string> => {
  try {
    return (await nc.request(subject, text, { timeout: timeoutMs })).string()
  } catch (cause) {
    throw clientErrorOf(subject, cause)
  }
}

export interface Responder {
  readonly subscription: Subscription
  /** Takes no new question; what was received is still answered. */
  stop(): Promise<void>
}

/**
 * Answers questions on a subject, without a queue group: a partition has one owner (field notes B6). A handler that
 * throws answers nothing here; the caller's repeat and deadline deal with it, and `onError` (default: a process
 * warning) hears of it.
 */
export const serve = (
  nc: NatsConnection,
  subject: string,
  handler: (text: string, msg: Msg) => Promise<string> | string,
  onError: (error: unknown) => void = (error) => tellDefect(subject, error),
): Responder => {
  const respond = (msg: Msg, answer: string): void => {
    if (!nc.isClosed()) msg.respond(answer)
  }
  const respondLater = async (msg: Msg, answer: Promise<string>): Promise<void> => {
    try {
      respond(msg, await answer)
    } catch (thrown) {
      onError(thrown)
    }
  }
  const subscription = nc.subscribe(subject, {
    callback: (error, msg) => {
      if (error !== null) return onError(error)
      try {
        const answer = handler(msg.string(), msg)
        if (typeof answer === "string") respond(msg, answer)
        else void respondLater(msg, answer)
      } catch (thrown) {
        onError(thrown)
      }
    },
  })
  return { subscription, stop: () => subscription.drain().catch(() => undefined) }
}

/** `serve` for the life of a scope. */
export const serveScoped = (
  nc: NatsConnection,
  subject: string,
  handler: (text: string, msg: Msg) => Promise<string> | string,
  onError?: (error: unknown) => void,
): Effect.Effect<Responder, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => serve(nc, subject, handler, onError)),
    (responder) => Effect.promise(() => responder.stop()),
  )
