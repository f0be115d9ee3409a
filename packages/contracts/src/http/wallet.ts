/**
 * The customer's wallet: reads only (contract sections 2 and 3). Amounts are USD decimal strings, instants ISO 8601
 * UTC.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { AutoTopUp } from "./auto-top-up.ts"
import { CustomerAuth } from "./credentials.ts"
import { BadRequest, Unavailable } from "./problem.ts"
import { Count, MomentParameter, InstantText, Usd } from "./scalars.ts"
import { Notification } from "./notifications.ts"
import { Subscription } from "./subscription.ts"

export const Lot = Schema.Struct({
  id: Schema.String,
  kind: Schema.Literals(["plan", "topup", "promo", "adjustment"]),
  grantedUsd: Usd,
  remainingUsd: Usd,
  grantedAt: InstantText,
  expiresAt: Schema.NullOr(InstantText),
}).annotate({ identifier: "Lot" })

export const Wallet = Schema.Struct({
  accountId: Schema.String,
  plan: Schema.String,
  availableUsd: Usd,
  balanceUsd: Usd,
  heldUsd: Usd,
  debtUsd: Usd,
  frozenUsd: Usd,
  lots: Schema.Array(Lot),
  cycle: Schema.NullOr(Schema.Struct({ start: InstantText, end: InstantText, grantedUsd: Usd, spentUsd: Usd })),
  /** Null: auto top-up does not answer right now; the rest of the wallet is true without it. */
  autoTopUp: Schema.NullOr(AutoTopUp),
  asOf: InstantText,
  seq: Count,
}).annotate({ identifier: "Wallet" })
export type Wallet = typeof Wallet.Type

export const EntryKindName = Schema.Literals([
  "granted",
  "charged",
  "held",
  "extended",
  "released",
  "hold_expired",
  "lot_expired",
  "revoked",
  "adjusted",
  "reversed",
  "entitled",
  "froze",
  "unfroze",
  "marked",
])

/** Token counts are disjoint: each token is in exactly one of them. */
export const EntryUsage = Schema.Struct({
  model: Schema.String,
  mode: Schema.Literals(["hosted", "byok"]),
  provider: Schema.String,
  inputTokens: Count,
  outputTokens: Count,
  cacheReadTokens: Count,
  cacheWrite5mTokens: Count,
  cacheWrite1hTokens: Count,
  reasoningTokens: Count,
  images: Count,
  requests: Count,
  status: Schema.Literals(["ok", "failed", "cancelled"]),
  requestId: Schema.String,
  bookVersion: Schema.String,
}).annotate({ identifier: "EntryUsage" })

export const Entry = Schema.Struct({
  seq: Count,
  at: InstantText,
  kind: EntryKindName,
  amountUsd: Usd,
  availableAfterUsd: Usd,
  description: Schema.String,
  lots: Schema.Array(Schema.Struct({ id: Schema.String, amountUsd: Usd })),
  usage: Schema.NullOr(EntryUsage),
  cause: Schema.String,
}).annotate({ identifier: "Entry" })
export type Entry = typeof Entry.Type

export const EntryPage = Schema.Struct({
  items: Schema.Array(Entry),
  nextCursor: Schema.NullOr(Schema.String),
}).annotate({ identifier: "EntryPage" })

export const UsageRow = Schema.Struct({
  model: Schema.NullOr(Schema.String),
  /** UTC day, "2026-11-23". */
  day: Schema.NullOr(Schema.String),
  /** Hosted calls charged, and what they used: whole prompts, reasoning within output. */
  calls: Count,
  inputTokens: Count,
  outputTokens: Count,
  cacheReadTokens: Count,
  cacheWriteTokens: Count,
  reasoningTokens: Count,
  costUsd: Usd,
  /** Calls with the customer's own key: recorded, never charged (R8.1). */
  byokCalls: Count,
  byokInputTokens: Count,
  byokOutputTokens: Count,
}).annotate({ identifier: "UsageRow" })
export type UsageRow = typeof UsageRow.Type

/** `balanceUsd` matches ^\d+(\.\d+)?$ and is never 0 because of an error. */
export const Balance = Schema.Struct({ balanceUsd: Usd, updatedAt: Schema.NullOr(InstantText) }).annotate({
  identifier: "Balance",
})

/** `id` is the wallet's seq: what `Last-Event-ID` resumes from; other events have none of their own. */
export const WalletEvent = Schema.Union([
  Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literal("ready"),
    data: Schema.fromJsonString(Schema.Struct({ accountId: Schema.String, seq: Count, asOf: InstantText })),
  }),
  Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literal("wallet"),
    data: Schema.fromJsonString(Wallet),
  }),
  Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literal("subscription"),
    data: Schema.fromJsonString(Subscription),
  }),
  Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literal("notification"),
    data: Schema.fromJsonString(Schema.Struct({ notification: Notification, unreadCount: Count })),
  }),
  Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literal("heartbeat"),
    data: Schema.fromJsonString(Schema.Struct({})),
  }),
])
export type WalletEvent = typeof WalletEvent.Type

const span = "`from` inclusive, `to` exclusive, each an instant or a UTC day"

export class WalletGroup extends HttpApiGroup.make("wallet")
  .add(
    HttpApiEndpoint.get("wallet", "/", { success: Wallet, error: Unavailable }).annotate(
      OpenApi.Summary,
      "The wallet: balances, lots, cycle",
    ),
    HttpApiEndpoint.get("entries", "/entries", {
      query: {
        limit: Schema.optionalKey(
          Schema.FiniteFromString.check(
            Schema.isInt({ message: "must be a whole number from 1 to 500" }),
            Schema.isBetween({ minimum: 1, maximum: 500 }, { message: "must be a whole number from 1 to 500" }),
          ),
        ),
        cursor: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[\w.:~=-]{1,400}$/))),
        from: Schema.optionalKey(MomentParameter),
        to: Schema.optionalKey(MomentParameter),
        kind: Schema.optionalKey(EntryKindName),
      },
      success: [EntryPage, Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/csv" }))],
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, `The statement, newest first; ${span}; Accept: text/csv exports all of it`),
    HttpApiEndpoint.get("usage", "/usage", {
      query: {
        from: Schema.optionalKey(MomentParameter),
        to: Schema.optionalKey(MomentParameter),
        by: Schema.optionalKey(Schema.Literals(["model", "day", "model,day"])),
      },
      success: Schema.Struct({ items: Schema.Array(UsageRow) }),
      error: [BadRequest, Unavailable],
    }).annotate(OpenApi.Summary, `Usage by model and UTC day; ${span}; BYOK calls counted, never charged`),
    HttpApiEndpoint.get("events", "/events", {
      headers: { "last-event-id": Schema.optionalKey(Schema.String) },
      success: HttpApiSchema.StreamSse({ events: WalletEvent }),
      error: Unavailable,
    }).annotate(OpenApi.Summary, "Server-sent events: ready, wallet, subscription, notification, heartbeat"),
    HttpApiEndpoint.get("balance", "/balance", { success: Balance, error: Unavailable }).annotate(
      OpenApi.Summary,
      "The ledger balance without pending holds, clamped at 0",
    ),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/wallet") {}
