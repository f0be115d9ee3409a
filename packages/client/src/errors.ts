/**
 * How the gateway client fails, as tagged errors. Owns names and fields; each says what the caller can do.
 * The promise facade gives refusals of an authorization as values; the Effect service turns them into `CallRefused`.
 */
import type { RefusalCode } from "@credits/contracts"
import type { Nano } from "@credits/kernel"
import { Data } from "effect"

/** Codes of the ledger, `model_unknown` of the price book, `auth_required` of a credential (contract section 4). */
export type CallRefusalCode = RefusalCode | "model_unknown" | "auth_required"

/** A refusal of authorize, extend or release (R6.2). `retryAfterMs` only when asking again can help. */
export interface CallRefusal {
  readonly code: CallRefusalCode
  /** One sentence for a person. */
  readonly detail: string
  readonly retryAfterMs?: number
  /** What the account has, when the ledger said so. */
  readonly available?: Nano
}

export class CallRefused extends Data.TaggedError("CallRefused")<CallRefusal> {
  override get message(): string {
    return `${this.code}: ${this.detail}`
  }
}

/** The event breaks the contract of usage events; it is not accepted and never will be. */
export class UsageEventInvalid extends Data.TaggedError("UsageEventInvalid")<{
  readonly code: string
  readonly field: string
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/** The spool is full and stays so: the stream has taken nothing for a while. The event is not accepted; try later. */
export class SpoolFull extends Data.TaggedError("SpoolFull")<{ readonly bytes: number; readonly bytesMax: number }> {
  override get message(): string {
    return `the usage spool is full (${this.bytes} of ${this.bytesMax} bytes)`
  }
}

/** The client was closed before the event was accepted. */
export class ClientClosed extends Data.TaggedError("ClientClosed")<{}> {
  override get message(): string {
    return "the gateway client is closed"
  }
}

/** The client cannot start: its spool is in use (`SpoolInUse`) or the bus refuses it. `cause` says which. */
export class GatewayNotOpened extends Data.TaggedError("GatewayNotOpened")<{ readonly cause: unknown }> {
  override get message(): string {
    return `the gateway client cannot start: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}
