/**
 * What a model gateway installs: authorize → call → usage, over NATS (contract section 4). Plain promises; `client.ts`
 * is the same as an Effect service. Owns the life of the connection, the price watch, the spool and the publisher.
 *
 * A refusal is an ordinary answer (`{ refused }`); a promise rejects only for usage events that were not accepted.
 */
import { randomBytes } from "node:crypto"
import { askOwner, type BusHandle, closeBus, connectBus, publish } from "@credits/bus"
import { type HoldAnswer, type LedgerReply, type LedgerRequest, SUBJECTS } from "@credits/contracts"
import { accountOfHold, type Instant, makeId, type Nano, partitionOf } from "@credits/kernel"
import type { Estimate, PriceBook } from "@credits/pricebook"
import type { CallRefusal } from "./errors.ts"
import { Prices } from "./prices.ts"
import { Spool, type SpoolOptions } from "./spool.ts"
import { UsageIntake, type UsageIntakeOptions } from "./usage-intake.ts"
import { UsagePublisher, type UsagePublisherOptions } from "./usage-publisher.ts"

export interface GatewayOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string
  /** nkey seed of a gateway user. */
  readonly seed?: string
  readonly spool: SpoolOptions
  readonly intake?: UsageIntakeOptions
  readonly publisher?: UsagePublisherOptions
  /** Total time of an authorization with its repeats before `unavailable`. Default 3,000 ms (decision 6). */
  readonly deadlineMs?: number
  /** Fail after this many milliseconds without a first connection. Default: wait for ever. */
  readonly firstConnectMs?: number
  /** Real time by default; in the sandbox the business clock, so that quotes use the book in force then. */
  readonly now?: () => Instant
}

export interface AuthorizeCall {
  readonly account: string
  /** Chosen by the caller, one per call: the same id gets the same answer for ever. */
  readonly requestId: string
  readonly model: string
  /** What the call can cost at most is quoted from the price book … */
  readonly estimate?: Estimate
  /** … or given, nano-USD. One of the two. */
  readonly amount?: Nano
  /** Accept a smaller hold down to this (R6.2). */
  readonly atLeast?: Nano
  /** Life of the hold in milliseconds; default 15 minutes, at most 1 hour (R6.3). */
  readonly ttlMs?: number
}

export interface Hold {
  readonly holdId: string
  readonly held: Nano
  readonly expiresAt: Instant
  readonly availableAfter: Nano
}

export type Answer<A> = { readonly ok: A } | { readonly refused: CallRefusal }

export interface GatewayStats {
  readonly spoolBytes: number
  readonly damagedRecords: number
  readonly waitingForRoom: number
  readonly eventsPublished: number
  readonly messagesPublished: number
  readonly publishFailures: number
  readonly lastPublishError: string | null
}

const refusedOf = (reply: { readonly refused: { code: CallRefusal["code"]; detail: string } }): CallRefusal => {
  const { code, detail, retryAfter, available } = reply.refused as Extract<
    LedgerReply<never>,
    { refused: unknown }
  >["refused"]
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

export class Gateway {
  readonly #bus: BusHandle
  readonly #prices: Prices
  readonly #spool: Spool
  readonly #intake: UsageIntake
  readonly #publisher: UsagePublisher
  readonly #deadlineMs: number
  readonly #now: () => Instant
  #connected = true
  /** How to fail each publish that has no PubAck yet. */
  readonly #rejectPublishes = new Set<(error: Error) => void>()

  private constructor(options: GatewayOptions, bus: BusHandle, prices: Prices, spool: Spool) {
    this.#bus = bus
    this.#prices = prices
    this.#spool = spool
    this.#intake = new UsageIntake(spool, options.intake ?? {})
    this.#publisher = new UsagePublisher(spool, (message) => this.#publish(message), options.publisher)
    this.#deadlineMs = options.deadlineMs ?? 3_000
    this.#now = options.now ?? Date.now
    void this.#followConnection()
    this.#publisher.start()
  }

  /**
   * Opens the spool (rejects with `SpoolInUse`), connects, reads the price books and starts to drain what is spooled.
   */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const spool = await Spool.open(options.spool)
    try {
      const bus = await connectBus({
        servers: options.servers,
        seed: options.seed,
        name: "gateway",
        firstConnectMs: options.firstConnectMs,
      })
      return new Gateway(options, bus, await Prices.watch(bus), spool)
    } catch (error) {
      await spool.close()
      throw error
    }
  }

  /** Repeats the same request until somebody answers or the deadline passes; the answer then is `unavailable`. */
  async #ask<A>(request: LedgerRequest): Promise<LedgerReply<A>> {
    const subject = SUBJECTS.ledgerGateway(partitionOf(request.account))
    const text = await askOwner(this.#bus.connection, subject, JSON.stringify(request), {
      deadlineMs: this.#deadlineMs,
    })
    return JSON.parse(text) as LedgerReply<A>
  }

  /** Holds the most the call can cost (R6.1). */
  async authorize(call: AuthorizeCall): Promise<Answer<Hold>> {
    let amount = call.amount
    if (amount === undefined) {
      if (call.estimate === undefined) return { refused: { code: "invalid", detail: "give an estimate or an amount" } }
      const quote = this.#prices.quote(call.model, call.estimate, this.#now())
      if ("code" in quote) return { refused: quote }
      amount = quote.amount
    }
    const reply = await this.#ask<HoldAnswer>({
      op: "authorize",
      id: call.requestId,
      account: call.account,
      amount: String(amount),
      model: call.model,
      ...(call.atLeast === undefined ? {} : { atLeast: String(call.atLeast < amount ? call.atLeast : amount) }),
      ...(call.ttlMs === undefined ? {} : { ttl: call.ttlMs }),
    })
    return "ok" in reply ? { ok: holdOf(reply.ok) } : { refused: refusedOf(reply) }
  }

  /** Adds to an open hold, all or nothing (R6.2). `requestId` makes a repeat harmless; default: a new one. */
  async extend(holdId: string, amount: Nano, requestId?: string): Promise<Answer<Hold>> {
    const account = accountOfHold(holdId)
    if (account === null) return { refused: { code: "hold_not_open", detail: `${holdId} is no hold` } }
    const id = requestId ?? makeId("req", this.#now(), randomBytes(10))
    const reply = await this.#ask<HoldAnswer>({ op: "extend", id, account, holdId, amount: String(amount) })
    return "ok" in reply ? { ok: holdOf(reply.ok) } : { refused: refusedOf(reply) }
  }

  /** Gives back what is left of a hold; a hold that is no longer open is fine. */
  async release(holdId: string): Promise<Answer<{ readonly availableAfter: Nano }>> {
    const account = accountOfHold(holdId)
    if (account === null) return { refused: { code: "hold_not_open", detail: `${holdId} is no hold` } }
    const reply = await this.#ask<HoldAnswer>({ op: "release", id: `release:${holdId}`, account, holdId })
    return "ok" in reply ? { ok: { availableAfter: BigInt(reply.ok.availableAfter) } } : { refused: refusedOf(reply) }
  }

  /**
   * Accepts a usage event (CloudEvents `ai.usage.v1`): resolves when it is on the spool's disk, from where it reaches
   * the stream at least once. Rejects with `UsageEventInvalid`, `SpoolFull`, `SpoolWriteFailed` or `ClientClosed`.
   */
  usage(event: unknown): Promise<void> {
    return this.#intake.accept(event)
  }

  /** Resolves when everything accepted so far is in the stream. */
  flush(): Promise<void> {
    return this.#publisher.drained()
  }

  /** Resolves when a price book is known: before that every estimate is refused as `unavailable`. */
  priced(): Promise<void> {
    return this.#prices.known
  }

  /** The price book in force at an instant, as far as it is known here. */
  bookAt(at: Instant): PriceBook | null {
    return this.#prices.bookAt(at)
  }

  /** Ids and aliases of the models that have a price. */
  get models(): ReadonlyArray<string> {
    return this.#prices.models
  }

  get stats(): GatewayStats {
    const { published, messages, failures, lastError } = this.#publisher.stats
    return {
      spoolBytes: this.#spool.bytes,
      damagedRecords: this.#spool.damaged,
      waitingForRoom: this.#intake.waiting,
      eventsPublished: published,
      messagesPublished: messages,
      publishFailures: failures,
      lastPublishError: lastError,
    }
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
        this.#publisher.retryNow()
      }
    }
  }

  #failPublishes(reason: string): void {
    for (const reject of this.#rejectPublishes) reject(new Error(reason))
  }

  /** One message into the usage stream. A lost connection fails it at once instead of after the publish time-out. */
  #publish(message: Buffer): Promise<void> {
    if (!this.#connected) return Promise.reject(new Error("not connected"))
    return new Promise((resolve, reject) => {
      this.#rejectPublishes.add(reject)
      publish(this.#bus.js, SUBJECTS.usage, message)
        .then(() => resolve(), reject)
        .finally(() => this.#rejectPublishes.delete(reject))
    })
  }

  /** Sends what it can within `flushMs` (default 5,000), then closes. The rest stays on disk for the next start. */
  async close(flushMs = 5_000): Promise<void> {
    this.#intake.close()
    let timer: NodeJS.Timeout | undefined
    const giveUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, flushMs)
    })
    await Promise.race([this.flush(), giveUp])
    clearTimeout(timer)
    this.#failPublishes("the client closes")
    await this.#publisher.stop()
    this.#prices.stop()
    await closeBus(this.#bus)
    await this.#spool.close()
  }
}

/** Opens a gateway client. */
export const openGateway = (options: GatewayOptions): Promise<Gateway> => Gateway.open(options)
