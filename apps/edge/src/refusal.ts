/**
 * The ledger's refusals as problems (contract section 4): which status a code has and what its body carries. Pure.
 * A refusal is a value up to here; Effect's error channel begins at the endpoint.
 */
import type { LedgerRefusal } from "@credits/contracts"
import {
  type AuthorizationForbidden,
  type BadRequest,
  type Conflict,
  makeProblem,
  type PaymentRequired,
  type Unavailable,
  type Unprocessable,
  type WayOn,
} from "@credits/contracts/http"
import { usdOf } from "./wallet-view.ts"

/** When a retryable refusal names no time of its own. */
const RETRY_AFTER_MS = {
  top_up_in_progress: 5_000,
  renewal_in_progress: 5_000,
  overloaded: 1_000,
  unavailable: 1_000,
  clock_advancing: 1_000,
} as const
export type RetryableCode = keyof typeof RETRY_AFTER_MS

export const unavailable = (code: RetryableCode, detail: string, retryAfterMs?: number): Unavailable =>
  makeProblem(503, code, detail, { retryAfterMs: retryAfterMs ?? RETRY_AFTER_MS[code] })

/** `Retry-After` in whole seconds, at least one. */
export const retryAfterSeconds = (problem: { readonly retryAfterMs?: number }): number =>
  Math.max(1, Math.ceil((problem.retryAfterMs ?? 1_000) / 1000))

export type CommandProblem =
  | BadRequest
  | PaymentRequired
  | AuthorizationForbidden
  | Conflict
  | Unprocessable
  | Unavailable

/** Problem of a refused authorize, extend or release. `ways` is asked only for 402. */
export const commandProblem = (refusal: LedgerRefusal, ways: ReadonlyArray<WayOn>): CommandProblem => {
  const { code, detail, field } = refusal
  switch (code) {
    case "insufficient_balance":
    case "payment_past_due":
      return makeProblem(402, code, detail, {
        ...(refusal.available === undefined ? {} : { availableUsd: usdOf(refusal.available) }),
        waysOn: ways,
      })
    case "plan_required":
    case "account_frozen":
      return makeProblem(403, code, detail)
    case "hold_not_open":
      return makeProblem(409, code, detail)
    case "id_conflict":
      return makeProblem(422, "idempotency_conflict", detail)
    case "invalid":
      return makeProblem(400, "invalid_request", detail, field === undefined ? {} : { field })
    case "top_up_in_progress":
    case "renewal_in_progress":
    case "overloaded":
    case "unavailable":
    case "clock_advancing":
      return unavailable(code, detail, refusal.retryAfter)
    case "lot_not_found":
    case "charge_not_found":
    case "already_reversed":
      throw new Error(`the ledger answered ${code} to a hold command: ${detail}`)
  }
}

/** Problem of a refused read: a customer can only wait, or has sent a bad cursor. */
export const readProblem = (refusal: LedgerRefusal): BadRequest | Unavailable => {
  if (refusal.code === "invalid") {
    return makeProblem(400, "invalid_request", refusal.detail, { field: refusal.field ?? "cursor" })
  }
  return refusal.code in RETRY_AFTER_MS
    ? unavailable(refusal.code as RetryableCode, refusal.detail, refusal.retryAfter)
    : unavailable("unavailable", refusal.detail)
}
