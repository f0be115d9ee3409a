/**
 * Auto top-up over HTTP (R9): what it is set to, turning it on with a monthly cap, turning it off. The customer sets
 * the cap and nothing else; when and how much is the plan's policy (R9.2).
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { CONSENT } from "../consent.ts"
import { CustomerAuth, RequestKind } from "./credentials.ts"
import {
  AutoTopUpConflict,
  BadRequest,
  KeyReused,
  RequestInProgress,
  StepUpRequired,
  Unavailable,
  WrongScope,
} from "./problem.ts"
import { IdempotencyKey, InstantText, Usd, UsdCents } from "./scalars.ts"

/** Every amount is of the calendar month `monthKey` (UTC): settled, in flight, and what the cap leaves (R9.3). */
export const AutoTopUp = Schema.Struct({
  enabled: Schema.Boolean,
  monthlyCapUsd: Schema.NullOr(Usd),
  spentThisMonthUsd: Usd,
  pendingUsd: Usd,
  remainingUsd: Usd,
  monthKey: Schema.String,
  monthZone: Schema.Literal("UTC"),
  /** The plan's policy; null without a plan. */
  thresholdUsd: Schema.NullOr(Usd),
  amountUsd: Schema.NullOr(Usd),
  state: Schema.Literals([
    "off",
    "ready",
    "charging",
    "being_confirmed",
    "waiting",
    "cap_reached",
    "paused",
    "suspended",
  ]),
  lastFailureReason: Schema.NullOr(Schema.String),
  consentedAt: Schema.NullOr(InstantText),
}).annotate({ identifier: "AutoTopUp" })
export type AutoTopUp = typeof AutoTopUp.Type

export const AutoTopUpSetting = Schema.Struct({
  monthlyCapUsd: UsdCents,
  consent: Schema.Boolean.check(Schema.makeFilter((agrees: boolean) => agrees || "must be true: see its text")),
}).annotate({ identifier: "AutoTopUpSetting" })

export class AutoTopUpGroup extends HttpApiGroup.make("autoTopUp")
  .add(
    HttpApiEndpoint.get("show", "/", { success: AutoTopUp, error: Unavailable }).annotate(
      OpenApi.Summary,
      "Auto top-up: cap, what this month has used of it, state",
    ),
    HttpApiEndpoint.put("enable", "/", {
      headers: IdempotencyKey,
      payload: AutoTopUpSetting,
      success: AutoTopUp,
      error: [BadRequest, WrongScope, StepUpRequired, AutoTopUpConflict, RequestInProgress, KeyReused, Unavailable],
    })
      .annotateMerge(
        OpenApi.annotations({
          summary: "Turn auto top-up on, or change its cap (5.00 to 10000.00)",
          description: `\`consent: true\` stands for: “${CONSENT.text}” (version ${CONSENT.version})`,
        }),
      )
      .annotate(RequestKind, "money"),
    HttpApiEndpoint.delete("disable", "/", {
      success: AutoTopUp,
      error: [WrongScope, Unavailable],
    }).annotate(OpenApi.Summary, "Turn auto top-up off; a charge in flight completes"),
  )
  .middleware(CustomerAuth)
  .prefix("/api/v1/wallet/auto-top-up") {}
