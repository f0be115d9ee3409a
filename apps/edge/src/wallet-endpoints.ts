/**
 * The wallet's endpoints (contract sections 2 and 3): the customer of the credential, read from the ledger and pricing.
 */
import type { StatementAnswer } from "@credits/contracts"
import { Api, Customer, makeProblem } from "@credits/contracts/http"
import { Context, Effect, Option, Stream } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Topup } from "./asking.ts"
import { csvHeader, csvRow } from "./csv.ts"
import { Ledger } from "./ledger.ts"
import { Pricing } from "./pricing.ts"
import { readShownWallet, readStatement, readWallet, type StatementQuery, spanOf } from "./reads.ts"
import { unavailable } from "./refusal.ts"
import { balanceView, entryView, usdOf } from "./wallet-view.ts"
import { WalletFeed } from "./wallet-feed.ts"

const PAGE_DEFAULT = 50
/** One read of the ledger while exporting; its own maximum. */
const EXPORT_PAGE = 500

/** How much a media type is wanted by an `Accept` header, 0 to 1, and its place there; by its own name alone. */
const wishFor = (type: string, accept: string): { readonly weight: number; readonly place: number } => {
  const ranges = accept.toLowerCase().split(",")
  const place = ranges.findIndex((range) => range.split(";", 1)[0]!.trim() === type)
  const weight = /;\s*q=([01](?:\.\d*)?)/.exec(ranges[place] ?? "")?.[1]
  return { weight: place < 0 ? 0 : Number(weight ?? 1), place }
}

/** Whether CSV is wanted more than JSON; as much, and named before it, is enough. */
export const wantsCsv = (accept: string | undefined): boolean => {
  if (accept === undefined) return false
  const [csv, json] = [wishFor("text/csv", accept), wishFor("application/json", accept)]
  return csv.weight > json.weight || (csv.weight > 0 && csv.weight === json.weight && csv.place < json.place)
}

/**
 * The whole statement as CSV, page by page; the first page is read before the answer begins, so its refusal is a
 * problem.
 */
const exportCsv = (accountId: string, query: StatementQuery) =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const first = yield* readStatement(accountId, { ...query, limit: EXPORT_PAGE })
    const rows = Stream.paginate(first as StatementAnswer | string, (page) =>
      (typeof page === "string"
        ? readStatement(accountId, { ...query, limit: EXPORT_PAGE, cursor: page })
        : Effect.succeed(page)
      ).pipe(
        Effect.map((read) => {
          const text = read.items.map((item) => csvRow(entryView(item))).join("")
          return [[text], Option.fromNullishOr(read.nextCursor)] as const
        }),
        // The head is out: cutting the body off is the only honest way to say that the rest is missing.
        Effect.orDie,
        Effect.provideService(Ledger, ledger),
      ),
    )
    return HttpServerResponse.stream(Stream.encodeText(Stream.concat(Stream.succeed(csvHeader), rows)), {
      contentType: "text/csv; charset=utf-8",
      headers: { "content-disposition": `attachment; filename="wallet-${accountId}.csv"`, "cache-control": "no-store" },
    })
  })

export const walletEndpoints = HttpApiBuilder.group(
  Api,
  "wallet",
  Effect.fn(function* (handlers) {
    const ledger = yield* Ledger
    const pricing = yield* Pricing
    const feed = yield* WalletFeed
    const topup = yield* Topup
    const withLedger = Effect.provideService(Ledger, ledger)
    const withWallets = Effect.provide(Context.make(Ledger, ledger).pipe(Context.add(Topup, topup)))
    return handlers.handleAll({
      wallet: Effect.fnUntraced(function* () {
        const { accountId } = yield* Customer
        return yield* withWallets(readShownWallet(accountId))
      }),
      balance: Effect.fnUntraced(function* () {
        const { accountId } = yield* Customer
        return balanceView(yield* withLedger(readWallet(accountId)))
      }),
      entries: Effect.fnUntraced(function* ({ query }) {
        const { accountId } = yield* Customer
        const request = yield* HttpServerRequest.HttpServerRequest
        const { limit, cursor, kind } = query
        const span = yield* spanOf(query)
        const asked = {
          ...span,
          ...(cursor === undefined ? {} : { cursor }),
          ...(kind === undefined ? {} : { kind }),
        }
        if (wantsCsv(request.headers["accept"])) return yield* withLedger(exportCsv(accountId, asked))
        const page = yield* withLedger(readStatement(accountId, { ...asked, limit: limit ?? PAGE_DEFAULT }))
        return { items: page.items.map(entryView), nextCursor: page.nextCursor }
      }),
      usage: Effect.fnUntraced(function* ({ query }) {
        const { accountId } = yield* Customer
        const span = yield* spanOf(query)
        const reply = yield* pricing.ask({ op: "usage", account: accountId, by: query.by ?? "model,day", ...span })
        if ("refused" in reply) {
          const { code, detail, field } = reply.refused
          return yield* Effect.fail(
            code === "invalid"
              ? makeProblem(400, "invalid_request", detail, { field: field ?? "from" })
              : unavailable("unavailable", detail),
          )
        }
        return { items: reply.ok.items.map(({ cost, ...row }) => ({ ...row, costUsd: usdOf(cost) })) }
      }),
      events: Effect.fnUntraced(function* ({ headers }) {
        const { accountId } = yield* Customer
        if (!feed.hasRoom(accountId)) {
          return yield* Effect.fail(unavailable("overloaded", "too many event streams are open"))
        }
        const wallet = yield* withWallets(readShownWallet(accountId))
        // Proxies must pass events on at once, and nobody may keep them.
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(
            HttpServerResponse.setHeaders(response, { "cache-control": "no-store", "x-accel-buffering": "no" }),
          ),
        )
        return feed.follow(wallet, headers["last-event-id"])
      }),
    })
  }),
)
