/** Reads of the wallet as effects that end in a problem: shared by the wallet's endpoints. No rule, no cache. */
import type { LedgerReply, StatementAnswer, WalletAnswer } from "@credits/contracts"
import type { BadRequest, Unavailable } from "@credits/contracts/http"
import { makeProblem } from "@credits/contracts/http"
import { parseInstant } from "@credits/kernel"
import { Effect } from "effect"
import { Ledger } from "./ledger.ts"
import { readProblem, unavailable } from "./refusal.ts"

const readWalletOnce = (account: string) => Effect.flatMap(Ledger, (ledger) => ledger.ask({ op: "wallet", account }))

/** The wallet, or 503: never a made-up one. */
export const readWallet = (account: string): Effect.Effect<WalletAnswer, Unavailable, Ledger> =>
  Effect.flatMap(readWalletOnce(account), (reply: LedgerReply<WalletAnswer>) => {
    if ("ok" in reply) return Effect.succeed(reply.ok)
    const problem = readProblem(reply.refused)
    return Effect.fail(problem.status === 503 ? problem : unavailable("unavailable", problem.detail))
  })

/** The wallet where it only adds to another answer. */
export const readWalletIfThere = (account: string): Effect.Effect<WalletAnswer | null, never, Ledger> =>
  Effect.map(readWalletOnce(account), (reply: LedgerReply<WalletAnswer>) => ("ok" in reply ? reply.ok : null))

export interface StatementQuery {
  readonly limit?: number
  readonly cursor?: string
  readonly from?: number
  readonly to?: number
  readonly kind?: string
}

export const readStatement = (
  account: string,
  query: StatementQuery,
): Effect.Effect<StatementAnswer, BadRequest | Unavailable, Ledger> =>
  Effect.flatMap(Ledger, (ledger) =>
    Effect.flatMap(ledger.ask({ op: "statement", account, ...query }), (reply: LedgerReply<StatementAnswer>) =>
      "ok" in reply ? Effect.succeed(reply.ok) : Effect.fail(readProblem(reply.refused)),
    ),
  )

/** Milliseconds of a `MomentParameter` that passed its pattern; 400 when there is no such day or instant. */
export const momentOf = (text: string | undefined, field: string): Effect.Effect<number | undefined, BadRequest> => {
  if (text === undefined) return Effect.succeed(undefined)
  const at = parseInstant(text.length === 10 ? `${text}T00:00:00Z` : text)
  if (at !== null) return Effect.succeed(at)
  const detail = "there is no such day or instant"
  return Effect.fail(makeProblem(400, "invalid_request", `${field}: ${detail}`, { field, errors: [{ field, detail }] }))
}

/** `from` and `to` as the bus wants them: absent keys, not undefined ones. */
export const spanOf = (query: {
  readonly from?: string | undefined
  readonly to?: string | undefined
}): Effect.Effect<{ readonly from?: number; readonly to?: number }, BadRequest> =>
  Effect.gen(function* () {
    const from = yield* momentOf(query.from, "from")
    const to = yield* momentOf(query.to, "to")
    return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  })
