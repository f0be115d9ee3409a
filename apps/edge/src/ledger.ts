/**
 * Asking the ledger: text out, text in, one JSON.parse. Owns nothing; the owner of the account's partition answers
 * after its commit, and repeats of one request id are harmless (decision 6). Refusals are values.
 */
import { askOwner, Bus } from "@credits/bus"
import {
  type Authorize,
  type Extend,
  type HoldAnswer,
  type LedgerReply,
  type LedgerRequest,
  type ReadStatement,
  type ReadWallet,
  type Release,
  type StatementAnswer,
  SUBJECTS,
  type WalletAnswer,
} from "@credits/contracts"
import { partitionOf } from "@credits/kernel"
import { Context, Effect, Layer } from "effect"
import { asked, questionSpan } from "./asked-span.ts"
import { EdgeMetrics } from "./metrics.ts"

/** What each operation of the edge answers. */
export type AnswerOf<Request extends LedgerRequest> = Request extends Authorize | Extend
  ? HoldAnswer
  : Request extends ReadWallet
    ? WalletAnswer
    : Request extends ReadStatement
      ? StatementAnswer
      : unknown

export type EdgeRequest = Authorize | Extend | Release | ReadWallet | ReadStatement

const parseReply = <A>(text: string): LedgerReply<A> => {
  try {
    const reply = JSON.parse(text) as LedgerReply<A>
    if (typeof reply === "object" && reply !== null && ("ok" in reply || "refused" in reply)) return reply
  } catch {
    // Falls through: text that is no reply is the same as no reply.
  }
  return { refused: { code: "unavailable", detail: "the ledger's answer could not be read" } }
}

export class Ledger extends Context.Service<
  Ledger,
  { readonly ask: <Request extends EdgeRequest>(request: Request) => Effect.Effect<LedgerReply<AnswerOf<Request>>> }
>()("edge/Ledger") {
  static readonly layer = Layer.effect(
    Ledger,
    Effect.gen(function* () {
      const bus = yield* Bus
      const metrics = yield* EdgeMetrics
      const ask = <Request extends EdgeRequest>(request: Request): Effect.Effect<LedgerReply<AnswerOf<Request>>> => {
        const subject = SUBJECTS.ledgerRequest(partitionOf(request.account))
        return asked(
          () => questionSpan("ledger", subject, request),
          async (trace, span) => {
            const started = performance.now()
            const text = await askOwner(bus.connection, subject, JSON.stringify(request), { trace })
            const reply = parseReply<AnswerOf<Request>>(text)
            const outcome = "ok" in reply ? "ok" : reply.refused.code
            metrics.ledgerAnswered(request.op, outcome, performance.now() - started)
            span?.set({ "credits.outcome": outcome })
            return reply
          },
        )
      }
      return Ledger.of({ ask })
    }),
  )
}
