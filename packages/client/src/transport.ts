/**
 * How a gateway reaches the system: what the two ways, NATS and HTTP, do alike. Owns the shapes; `nats-transport.ts`
 * and `http-transport.ts` are the ways, and one behaviour suite runs over both.
 *
 * A refusal is an ordinary answer; only `send` rejects, when nobody knows that the events are stored.
 */
import type { Instant, Nano } from "@credits/kernel"
import type { Estimate, PriceBook } from "@credits/pricebook"
import type { CallRefusal } from "./errors.ts"

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
  /** W3C `traceparent` of the span that asks. */
  readonly traceparent?: string
}

export interface ExtendCall {
  readonly holdId: string
  readonly account: string
  readonly amount: Nano
  /** Makes a repeat harmless. */
  readonly requestId: string
  readonly traceparent: string | undefined
}

export interface ReleaseCall {
  readonly holdId: string
  readonly account: string
  readonly traceparent: string | undefined
}

export interface Hold {
  readonly holdId: string
  readonly held: Nano
  readonly expiresAt: Instant
  readonly availableAfter: Nano
}

/** What is left of an account after a release; null where the way back does not tell (HTTP answers 204). */
export interface Released {
  readonly availableAfter: Nano | null
}

/** Whose credential it is. */
export interface Caller {
  readonly account: string
}

export type Answer<A> = { readonly ok: A } | { readonly refused: CallRefusal }

/** An event that the other side will never take, and why. */
export interface RejectedEvent {
  readonly id: string
  readonly code: string
  readonly detail: string
}

export interface Quote {
  readonly amount: Nano
  readonly bookVersion: string
}

/** The price books as far as they are known here. */
export interface PriceList {
  /** Resolves when the first book is known. */
  readonly known: Promise<void>
  bookAt(at: Instant): PriceBook | null
  /** Ids and aliases of the models that have a price. */
  readonly models: ReadonlyArray<string>
  quote(model: string, estimate: Estimate, now: Instant): Quote | CallRefusal
}

export interface Transport {
  readonly prices: PriceList
  /** Holds the most the call can cost; repeats the same request until somebody answers or the deadline passes. */
  authorize(call: AuthorizeCall): Promise<Answer<Hold>>
  extend(call: ExtendCall): Promise<Answer<Hold>>
  release(call: ReleaseCall): Promise<Answer<Released>>
  callerOf(credential: string): Promise<Answer<Caller>>
  /**
   * One message, a JSON array of events. Resolves when every event of it is stored or named as rejected; rejects when
   * that is not known: the same message is then sent again.
   */
  send(message: Buffer): Promise<ReadonlyArray<RejectedEvent>>
  /** Called when what failed before may work now. */
  onBack: () => void
  /** Fails what is under way: the client closes. */
  stopSending(): void
  close(): Promise<void>
}
