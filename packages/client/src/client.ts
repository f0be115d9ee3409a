/**
 * The gateway client as an Effect service: the same as `Gateway`, with refusals and failures in the error channel and
 * its life in a scope. Owns nothing but the translation.
 */
import type { Nano } from "@credits/kernel"
import { Context, Effect, Layer } from "effect"
import { CallRefused, type ClientClosed, GatewayNotOpened, type SpoolFull, type UsageEventInvalid } from "./errors.ts"
import { Gateway, type GatewayOptions, type GatewayStats } from "./gateway.ts"
import type { SpoolWriteFailed } from "./spool.ts"
import type { Answer, AuthorizeCall, Caller, Hold, Released } from "./transport.ts"

export type UsageNotAccepted = UsageEventInvalid | SpoolFull | SpoolWriteFailed | ClientClosed

/** Authorize, extend and release holds; hand in usage. */
export class GatewayClient extends Context.Service<
  GatewayClient,
  {
    authorize(call: AuthorizeCall): Effect.Effect<Hold, CallRefused>
    extend(holdId: string, amount: Nano, requestId?: string, traceparent?: string): Effect.Effect<Hold, CallRefused>
    release(holdId: string, traceparent?: string): Effect.Effect<Released, CallRefused>
    callerOf(credential: string): Effect.Effect<Caller, CallRefused>
    /** Succeeds when the event is on the spool's disk. */
    usage(event: unknown): Effect.Effect<void, UsageNotAccepted>
    /** Waits until everything accepted so far is in the stream. */
    readonly flush: Effect.Effect<void>
    readonly stats: Effect.Effect<GatewayStats>
  }
>()("client/GatewayClient") {
  /** Opens the client for the life of the layer; closing it flushes for up to 5 s and leaves the rest on disk. */
  static readonly layer = (options: GatewayOptions): Layer.Layer<GatewayClient, GatewayNotOpened> =>
    Layer.effect(
      GatewayClient,
      Effect.map(
        Effect.acquireRelease(
          Effect.tryPromise({
            try: () => Gateway.open(options),
            catch: (cause) => new GatewayNotOpened({ cause }),
          }),
          (gateway) => Effect.promise(() => gateway.close()),
        ),
        (gateway) =>
          GatewayClient.of({
            authorize: (call) => answered(() => gateway.authorize(call)),
            extend: (...call) => answered(() => gateway.extend(...call)),
            release: (...call) => answered(() => gateway.release(...call)),
            callerOf: (credential) => answered(() => gateway.callerOf(credential)),
            usage: (event) =>
              Effect.tryPromise({ try: () => gateway.usage(event), catch: (cause) => cause as UsageNotAccepted }),
            flush: Effect.promise(() => gateway.flush()),
            stats: Effect.sync(() => gateway.stats),
          }),
      ),
    )
}

const answered = <A>(ask: () => Promise<Answer<A>>): Effect.Effect<A, CallRefused> =>
  Effect.flatMap(Effect.promise(ask), (answer) =>
    "ok" in answer ? Effect.succeed(answer.ok) : Effect.fail(new CallRefused(answer.refused)),
  )
