/**
 * A gateway on the bus: authorizations to the partition's owner, usage into the stream, prices from their bucket.
 * Owns the connection and what is in flight on it.
 */
import { askOwner, type BusHandle, closeBus, connectBus, publish } from "@credits/bus"
import {
  type Authorize,
  type CallerQuestion,
  type CallerReply,
  type HoldAnswer,
  type LedgerReply,
  type LedgerRequest,
  SUBJECTS,
} from "@credits/contracts"
import { type Instant, partitionOf } from "@credits/kernel"
import type { CallRefusal } from "./errors.ts"
import { Prices } from "./prices.ts"
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

export interface NatsTransportOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string
  /** nkey seed of a gateway user. */
  readonly seed?: string | undefined
  /** Fail after this many milliseconds without a first connection. Default: wait for ever. */
  readonly firstConnectMs?: number | undefined
  readonly deadlineMs: number
  readonly now: () => Instant
}

const refusedOf = (refused: Extract<LedgerReply<never>, { refused: unknown }>["refused"]): CallRefusal => {
  const { code, detail, retryAfter, available } = refused
  return {
    code,
    detail,
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
    ...(available === undefined ? {} : { available: BigInt(available) }),
  }
}

const holdOf = (answer: HoldAnswer): Hold => ({
  holdId: answer.holdId,
  held: BigInt(answer.held),
  expiresAt: answer.expiresAt,
  availableAfter: BigInt(answer.availableAfter),
})

const holdAnswer = (reply: LedgerReply<HoldAnswer>): Answer<Hold> =>
  "ok" in reply ? { ok: holdOf(reply.ok) } : { refused: refusedOf(reply.refused) }

/** A bus that is there and answers what no answer looks like says nothing about the credential. */
const callerOfReply = (text: string): Answer<Caller> => {
  const reply = JSON.parse(text) as CallerReply
  if ("ok" in reply) return { ok: { account: reply.ok.accountId } }
  const { code, detail } = reply.refused
  return { refused: { code: code === "auth_required" ? code : "unavailable", detail } }
}

export class NatsTransport implements Transport {
  readonly #options: NatsTransportOptions
  readonly #bus: BusHandle
  readonly prices: Prices
  #connected = true
  /** How to fail each publish that has no PubAck yet. */
  readonly #rejectPublishes = new Set<(error: Error) => void>()
  onBack: () => void = () => {}

  private constructor(options: NatsTransportOptions, bus: BusHandle, prices: Prices) {
    this.#options = options
    this.#bus = bus
    this.prices = prices
    void this.#followConnection()
  }

  /** Connects and reads the price books. */
  static async open(options: NatsTransportOptions): Promise<NatsTransport> {
    const { servers, seed, firstConnectMs } = options
    const bus = await connectBus({ servers, seed, name: "gateway", firstConnectMs })
    return new NatsTransport(options, bus, await Prices.watch(bus))
  }

  /** Repeats the same request until somebody answers or the deadline passes; the answer then is `unavailable`. */
  async #ask<A>(request: LedgerRequest, trace?: string): Promise<LedgerReply<A>> {
    const subject = SUBJECTS.ledgerGateway(partitionOf(request.account))
    const settings = { deadlineMs: this.#options.deadlineMs, trace }
    const text = await askOwner(this.#bus.connection, subject, JSON.stringify(request), settings)
    return JSON.parse(text) as LedgerReply<A>
  }

  async authorize(call: AuthorizeCall): Promise<Answer<Hold>> {
    let amount = call.amount
    if (amount === undefined) {
      if (call.estimate === undefined) return { refused: { code: "invalid", detail: "give an estimate or an amount" } }
      const quote = this.prices.quote(call.model, call.estimate, this.#options.now())
      if ("code" in quote) return { refused: quote }
      // A free call still gets a hold, of the smallest unit, so that its usage settles like any other.
      amount = quote.amount === 0n ? 1n : quote.amount
    }
    const request: Authorize = {
      op: "authorize",
      id: call.requestId,
      account: call.account,
      amount: String(amount),
      model: call.model,
      ...(call.atLeast === undefined ? {} : { atLeast: String(call.atLeast < amount ? call.atLeast : amount) }),
      ...(call.ttlMs === undefined ? {} : { ttl: call.ttlMs }),
    }
    return holdAnswer(await this.#ask<HoldAnswer>(request, call.traceparent))
  }

  async extend({ holdId, account, amount, requestId, traceparent }: ExtendCall): Promise<Answer<Hold>> {
    const request = { op: "extend", id: requestId, account, holdId, amount: String(amount) } as const
    return holdAnswer(await this.#ask<HoldAnswer>(request, traceparent))
  }

  async release({ holdId, account, traceparent }: ReleaseCall): Promise<Answer<Released>> {
    const request = { op: "release", id: `release:${holdId}`, account, holdId } as const
    const reply = await this.#ask<HoldAnswer>(request, traceparent)
    return "ok" in reply
      ? { ok: { availableAfter: BigInt(reply.ok.availableAfter) } }
      : { refused: refusedOf(reply.refused) }
  }

  async callerOf(credential: string): Promise<Answer<Caller>> {
    const question: CallerQuestion = { op: "caller", credential }
    const { deadlineMs } = this.#options
    return callerOfReply(
      await askOwner(this.#bus.connection, SUBJECTS.edgeCaller, JSON.stringify(question), { deadlineMs }),
    )
  }

  /** One message into the usage stream. A lost connection fails it at once instead of after the publish time-out. */
  send(message: Buffer): Promise<ReadonlyArray<RejectedEvent>> {
    if (!this.#connected) return Promise.reject(new Error("not connected"))
    return new Promise((resolve, reject) => {
      this.#rejectPublishes.add(reject)
      publish(this.#bus.js, SUBJECTS.usage, message)
        // The stream takes what the spool checked: whether it can be priced is pricing's to say.
        .then(() => resolve([]), reject)
        .finally(() => this.#rejectPublishes.delete(reject))
    })
  }

  async #followConnection(): Promise<void> {
    for await (const status of this.#bus.connection.status()) {
      if (status.type === "disconnect") {
        // What was sent is unknown, what was buffered is dropped silently: both are sent again.
        this.#connected = false
        this.#failPublishes("the connection was lost")
      }
      if (status.type === "reconnect") {
        this.#connected = true
        this.onBack()
      }
    }
  }

  #failPublishes(reason: string): void {
    for (const reject of this.#rejectPublishes) reject(new Error(reason))
  }

  stopSending(): void {
    this.#failPublishes("the client closes")
  }

  async close(): Promise<void> {
    this.prices.stop()
    await closeBus(this.#bus)
  }
}
