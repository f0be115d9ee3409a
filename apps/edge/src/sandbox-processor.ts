/**
 * The sandbox's card processor, seen from the edge: its book, and passing its bank's check. Development and sandbox
 * only; loopback, without any secret. What comes from it is checked before it is shown.
 */
import { Context, Data, Effect, Layer, Schema } from "effect"
import { EdgeConfig } from "./config.ts"

/** A book of a year of a few thousand accounts; longer means it is not there. */
const TIMEOUT_MS = 5_000

export class ProcessorUnavailable extends Data.TaggedError("ProcessorUnavailable")<{ readonly detail: string }> {}

const BookLine = Schema.Struct({
  id: Schema.String,
  accountId: Schema.NullOr(Schema.String),
  chargeId: Schema.NullOr(Schema.String),
  obligation: Schema.NullOr(Schema.String),
  amountCents: Schema.Int,
  refundedCents: Schema.Int,
  status: Schema.Literals(["succeeded", "refunded", "disputed"]),
  at: Schema.String,
})
export type BookLine = typeof BookLine.Type

const readBook = Schema.decodeUnknownEffect(Schema.Struct({ items: Schema.Array(BookLine) }))
const readIntent = Schema.decodeUnknownEffect(Schema.Struct({ status: Schema.String }))

export class SandboxProcessor extends Context.Service<
  SandboxProcessor,
  {
    readonly book: Effect.Effect<ReadonlyArray<BookLine>, ProcessorUnavailable>
    /** The charge's status after the bank's check; null when no charge of that id waits for one. */
    readonly authenticate: (
      chargeId: string,
      outcome: "succeeded" | "failed",
    ) => Effect.Effect<"succeeded" | "declined" | null, ProcessorUnavailable>
  }
>()("edge/SandboxProcessor") {
  static readonly layer = Layer.effect(
    SandboxProcessor,
    Effect.map(EdgeConfig, ({ processorUrl }) => {
      const call = (path: string, body?: unknown) =>
        processorUrl === undefined
          ? Effect.fail(new ProcessorUnavailable({ detail: "CREDITS_STRIPE_API_BASE names no processor" }))
          : Effect.tryPromise({
              try: async () => {
                const response = await fetch(new URL(path, processorUrl), {
                  signal: AbortSignal.timeout(TIMEOUT_MS),
                  ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
                })
                return { status: response.status, body: (await response.json()) as unknown }
              },
              catch: (cause) => new ProcessorUnavailable({ detail: String(cause) }),
            })
      const unreadable = (error: Schema.SchemaError) => new ProcessorUnavailable({ detail: error.message })
      return SandboxProcessor.of({
        book: call("/__sandbox/charges").pipe(
          Effect.flatMap(({ body }) => Effect.mapError(readBook(body), unreadable)),
          Effect.map(({ items }) => items),
        ),
        authenticate: (chargeId, outcome) =>
          call(`/__sandbox/authenticate/${encodeURIComponent(chargeId)}`, { outcome }).pipe(
            Effect.flatMap(({ status, body }) =>
              status >= 400 && status < 500
                ? Effect.succeed(null)
                : Effect.mapError(readIntent(body), unreadable).pipe(
                    Effect.map((intent) => (intent.status === "succeeded" ? "succeeded" : "declined")),
                  ),
            ),
          ),
      })
    }),
  )
}
