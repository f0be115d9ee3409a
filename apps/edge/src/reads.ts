/** Reads of the wallet as effects that end in a problem: shared by the wallet's endpoints. No rule, no cache. */
import type { LedgerReply, StatementAnswer, WalletAnswer } from "@credits/contracts"
import type { AutoTopUp, BadRequest, Unavailable, Wallet } from "@credits/contracts/http"
import { makeProblem } from "@credits/contracts/http"
import { parseInstant } from "@credits/kernel"
import { Effect } from "effect"
import { Topup } from "./asking.ts"
import { autoTopUpView } from "./auto-top-up-view.ts"
import { Ledger } from "./ledger.ts"
import { readProblem, unavailable } from "./refusal.ts"
import { walletView } from "./wallet-view.ts"

const readWalletOnce = (account: string) => Effect.flatMap(Ledger, (ledger) => ledger.ask({ op: "wallet", account }))

/** The wallet, or 503: never a made-up one. */
export const readWallet = (account: string): Effect.Effect<WalletAnswer, Unavailable, Ledger> =>
  Effect.flatMap(readWalletOnce(account), (reply: LedgerReply<WalletAnswer>) => {
    if ("ok" in reply) return Effect.succeed(reply.ok)
    const problem = readProblem(reply.refused)
    return Effect.fail(problem.status === 503 ? problem : unavailable("unavailable", problem.detail))
  })

/** Auto top-up where it only adds to the wallet. */
const autoTopUpIfThere = (account: string): Effect.Effect<AutoTopUp | null, never, Topup> =>
  Effect.flatMap(Topup, (topup) =>
    Effect.map(topup.ask({ op: "show", account }, "glance"), (reply) =>
      "ok" in reply ? autoTopUpView(reply.ok) : null,
    ),
  )

/** The wallet as it is shown: the ledger's numbers, or 503, with auto top-up where it answers. */
export const readShownWallet = (account: string): Effect.Effect<Wallet, Unavailable, Ledger | Topup> =>
  Effect.map(Effect.all([readWallet(account), autoTopUpIfThere(account)], { concurrency: 2 }), ([wallet, autoTopUp]) =>
    walletView(wallet, autoTopUp),
  )

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
