/**
 * What a model gateway installs: authorize → call → usage (contract section 4), over NATS or HTTP. Plain promises;
 * `client.ts` is the same as an Effect service. Owns the life of the transport, the spool and the publisher.
 *
 * A refusal is an ordinary answer (`{ refused }`); a promise rejects only for usage events that were not accepted.
 */
import { randomBytes } from "node:crypto"
import { CREDENTIAL_LENGTH_MAX } from "@credits/contracts"
import { accountOfHold, type Instant, makeId, type Nano } from "@credits/kernel"
import type { Estimate, PriceBook } from "@credits/pricebook"
import type { CallRefusal } from "./errors.ts"
import { HttpTransport } from "./http-transport.ts"
import { NatsTransport } from "./nats-transport.ts"
import { RejectedEvents } from "./rejected-events.ts"
import { Spool, type SpoolOptions } from "./spool.ts"
import type { Answer, AuthorizeCall, Caller, Hold, Quote, RejectedEvent, Released, Transport } from "./transport.ts"
import { UsageIntake, type UsageIntakeOptions } from "./usage-intake.ts"
import { UsagePublisher, type UsagePublisherOptions } from "./usage-publisher.ts"

interface CommonOptions {
  readonly spool: SpoolOptions
  readonly intake?: UsageIntakeOptions
  readonly publisher?: UsagePublisherOptions
  /** Total time of an authorization with its repeats before `unavailable`. Default 3,000 ms (decision 6). */
  readonly deadlineMs?: number
  /** Fail after this many milliseconds without a first connection. Default: wait for ever. */
  readonly firstConnectMs?: number
  /** Real time by default; in the sandbox the business clock, so that quotes use the book in force then. */
  readonly now?: () => Instant
  /** Hears of every event that the other side will never take; it is kept in the spool's `rejected.jsonl`. */
  readonly onRejected?: (event: RejectedEvent) => void
}

/** On the bus, as a gateway user of it. */
export interface NatsGatewayOptions extends CommonOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string
  /** nkey seed of a gateway user. */
  readonly seed?: string
}

/** Over HTTP, with an API key of the gateway scope. */
export interface HttpGatewayOptions extends CommonOptions {
  /** Of the edge: `https://credits.example.com`. */
  readonly url: string
  readonly key: string
}

export type GatewayOptions = NatsGatewayOptions | HttpGatewayOptions

export interface GatewayStats {
  readonly spoolBytes: number
  readonly damagedRecords: number
  readonly waitingForRoom: number
  readonly eventsPublished: number
  readonly messagesPublished: number
  /** Events that the other side will never take, since the start. */
  readonly eventsRejected: number
  readonly publishFailures: number
  readonly lastPublishError: string | null
}

const noHold = (holdId: string): { readonly refused: CallRefusal } => ({
  refused: { code: "hold_not_open", detail: `${holdId} is no hold` },
})

const DEADLINE_MS = 3_000

const transportOf = (options: GatewayOptions): Promise<Transport> => {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS
  const now = options.now ?? Date.now
  const { firstConnectMs } = options
  if ("url" in options) return HttpTransport.open({ url: options.url, key: options.key, deadlineMs, firstConnectMs })
  return NatsTransport.open({ servers: options.servers, seed: options.seed, firstConnectMs, deadlineMs, now })
}

export class Gateway {
  readonly #transport: Transport
  readonly #spool: Spool
  readonly #rejected: RejectedEvents
  readonly #intake: UsageIntake
  readonly #publisher: UsagePublisher
  readonly #now: () => Instant

  private constructor(options: GatewayOptions, transport: Transport, spool: Spool) {
    this.#transport = transport
    this.#spool = spool
    this.#rejected = new RejectedEvents(spool.directory, options.onRejected)
    this.#intake = new UsageIntake(spool, options.intake ?? {})
    this.#publisher = new UsagePublisher(spool, (message) => this.#send(message), options.publisher)
    this.#now = options.now ?? Date.now
    transport.onBack = () => this.#publisher.retryNow()
    this.#publisher.start()
  }

  /**
   * Opens the spool (rejects with `SpoolInUse`), connects, reads the price books and starts to drain what is spooled.
   */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const spool = await Spool.open(options.spool)
    try {
      return new Gateway(options, await transportOf(options), spool)
    } catch (error) {
      await spool.close()
      throw error
    }
  }

  /** Rejected events are on disk before the message counts as delivered: nothing is lost silently. */
  async #send(message: Buffer): Promise<void> {
    const rejected = await this.#transport.send(message)
    if (rejected.length > 0) await this.#rejected.keep(message, rejected)
  }

  /** Holds the most the call can cost (R6.1). */
  authorize(call: AuthorizeCall): Promise<Answer<Hold>> {
    return this.#transport.authorize(call)
  }

  /**
   * Adds to an open hold, all or nothing (R6.2). `requestId` makes a repeat harmless; default: a new one.
   *
   * @param traceparent of the span that asks
   */
  async extend(holdId: string, amount: Nano, requestId?: string, traceparent?: string): Promise<Answer<Hold>> {
    const account = accountOfHold(holdId)
    if (account === null) return noHold(holdId)
    const id = requestId ?? makeId("req", this.#now(), randomBytes(10))
    return this.#transport.extend({ holdId, account, amount, requestId: id, traceparent })
  }

  /** Gives back what is left of a hold; a hold that is no longer open is fine. */
  async release(holdId: string, traceparent?: string): Promise<Answer<Released>> {
    const account = accountOfHold(holdId)
    return account === null ? noHold(holdId) : this.#transport.release({ holdId, account, traceparent })
  }

  /** Whose access token or control key this is; `auth_required` when it is nobody's. */
  async callerOf(credential: string): Promise<Answer<Caller>> {
    if (credential === "" || credential.length > CREDENTIAL_LENGTH_MAX) {
      return { refused: { code: "auth_required", detail: "this is no access token and no API key" } }
    }
    return this.#transport.callerOf(credential)
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
    return this.#transport.prices.known
  }

  /** The price book in force at an instant, as far as it is known here. */
  bookAt(at: Instant): PriceBook | null {
    return this.#transport.prices.bookAt(at)
  }

  /** The most a call that keeps to its estimate can cost now: what `authorize` would hold. */
  quote(model: string, estimate: Estimate): Quote | CallRefusal {
    return this.#transport.prices.quote(model, estimate, this.#now())
  }

  /** Ids and aliases of the models that have a price. */
  get models(): ReadonlyArray<string> {
    return this.#transport.prices.models
  }

  get stats(): GatewayStats {
    const { published, messages, failures, lastError } = this.#publisher.stats
    return {
      spoolBytes: this.#spool.bytes,
      damagedRecords: this.#spool.damaged,
      waitingForRoom: this.#intake.waiting,
      eventsPublished: Math.max(0, published - this.#rejected.count),
      messagesPublished: messages,
      eventsRejected: this.#rejected.count,
      publishFailures: failures,
      lastPublishError: lastError,
    }
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
    this.#transport.stopSending()
    await this.#publisher.stop()
    await this.#transport.close()
    await this.#spool.close()
  }
}

/** Opens a gateway client, over NATS (`servers`) or HTTP (`url`). */
export const openGateway = (options: GatewayOptions): Promise<Gateway> => Gateway.open(options)
