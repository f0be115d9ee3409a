/**
 * What a load process can be told to do. A job prepares (connects, builds what it sends), says so, starts when told,
 * and answers with one result. Plain data both ways: it crosses a process.
 */
import type { LoadResult } from "@credits/testkit"
import type { EventPlan } from "../payloads.ts"

export interface Where {
  readonly servers: string
  readonly name: string
}

/**
 * Questions to whoever answers: the echoes to a bare responder, the others to the ledger. `echo` uses the NATS
 * client's own request, as anybody would; `echo-asker` the client code of an authorization, which keeps one
 * subscription and no timers. `wallets` reads the wallet of every account once, in order, whatever the load's time
 * is.
 */
export interface RequestsJob extends Where {
  readonly job: "requests"
  readonly what: "echo" | "echo-asker" | "authorize" | "statement" | "wallets"
  readonly accounts: number
  readonly seed: number
  readonly load:
    | { readonly kind: "closed"; readonly callers: number; readonly seconds: number }
    | { readonly kind: "open"; readonly perSecond: number; readonly seconds: number }
}

/** Whole calls through the gateway client: authorize, then the usage event that settles the hold. */
export interface CallsJob extends Where {
  readonly job: "calls"
  readonly accounts: number
  readonly seed: number
  readonly callers: number
  readonly seconds: number
  readonly model: string
  readonly provider: string
}

/** Gives accounts a plan and money: one group command each. */
export interface FundJob extends Where {
  readonly job: "fund"
  readonly from: number
  readonly to: number
  readonly entitledFrom: number
}

/** Publishes prepared usage arrays as fast as the stream takes them, `inFlight` at once. */
export interface UsageJob extends Where {
  readonly job: "usage"
  readonly plan: EventPlan
  readonly perMessage: number
  readonly inFlight: number
}

/** Publishes prepared charge arrays in atomic batches, as pricing does. */
export interface ChargesJob extends Where {
  readonly job: "charges"
  readonly plan: EventPlan
  readonly perMessage: number
  readonly messagesPerBatch: number
}

/** Publishes prepared messages to a stream of its own and reads them back. */
export interface JetStreamJob extends Where {
  readonly job: "jetstream"
  readonly plan: EventPlan
  readonly perMessage: number
  readonly inFlight: number
}

export type Job = RequestsJob | CallsJob | FundJob | UsageJob | ChargesJob | JetStreamJob

export interface PublishResult {
  readonly events: number
  readonly messages: number
  readonly bytes: number
  readonly seconds: number
  /** Sequence of the last message. */
  readonly lastSeq: number
}

export interface FundResult {
  readonly accounts: number
  readonly seconds: number
  readonly refused: ReadonlyArray<string>
}

export interface JetStreamResult {
  readonly events: number
  readonly publishSeconds: number
  readonly consumeSeconds: number
  readonly messages: number
}

export interface ResultOf {
  readonly requests: LoadResult
  readonly calls: LoadResult
  readonly fund: FundResult
  readonly usage: PublishResult
  readonly charges: PublishResult
  readonly jetstream: JetStreamResult
}

/** A prepared job: `run` starts the clock. */
export interface Prepared<A> {
  run(): Promise<A>
  close(): Promise<void>
}
