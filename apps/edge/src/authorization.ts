/**
 * An HTTP authorization as a ledger command: which amount to hold (given, or the most the call can cost). Pure; the
 * decision whether credit is there is the ledger's alone (decision 13).
 */
import type { Authorize } from "@credits/contracts"
import {
  AUTHORIZATION_USD_MAX,
  type Authorization,
  type BadRequest,
  makeProblem,
  type Unprocessable,
} from "@credits/contracts/http"
import { type Nano, parseUsd, usd } from "@credits/kernel"
import { type PriceBook, quoteMaximum } from "@credits/pricebook"

const AUTHORIZATION_MAX = usd(AUTHORIZATION_USD_MAX)

const wrong = (field: string, detail: string): BadRequest =>
  makeProblem(400, "invalid_request", `${field}: ${detail}`, { field, errors: [{ field, detail }] })

/** A USD amount above 0 and within the cap (decision 13), or what is wrong with it. */
export const positiveAmount = (text: string, field: string): Nano | BadRequest => {
  const amount = parseUsd(text)
  if (amount === null || amount <= 0n) return wrong(field, "must be more than 0")
  if (amount > AUTHORIZATION_MAX) return wrong(field, `must be at most ${AUTHORIZATION_USD_MAX}`)
  return amount
}

/** R6.1: the amount given, or the maximum of the estimate under the book in force. */
const amountOf = (body: Authorization, book: PriceBook): Nano | BadRequest | Unprocessable => {
  if (body.estimate !== undefined && body.amountUsd !== undefined) {
    return wrong("amountUsd", "give either estimate or amountUsd, not both")
  }
  const quoted = quoteMaximum(book, body.model, body.estimate ?? { inputTokens: 0, maxOutputTokens: 0 })
  if ("code" in quoted) return makeProblem(422, "model_unknown", quoted.detail, { field: "model" })
  if (body.amountUsd !== undefined) return positiveAmount(body.amountUsd, "amountUsd")
  if (body.estimate === undefined) return wrong("estimate", "give estimate or amountUsd")
  if (quoted.amount > AUTHORIZATION_MAX) {
    return wrong("estimate", `costs more than ${AUTHORIZATION_USD_MAX}, the most one authorization may hold`)
  }
  // A free call still gets a hold, of the smallest unit, so that its usage settles like any other.
  return quoted.amount === 0n ? 1n : quoted.amount
}

/** The ledger command; `requestId` is its idempotency key (R6.6). */
export const authorizeCommand = (body: Authorization, book: PriceBook): Authorize | BadRequest | Unprocessable => {
  const amount = amountOf(body, book)
  if (typeof amount !== "bigint") return amount
  const atLeast = body.atLeastUsd === undefined ? undefined : positiveAmount(body.atLeastUsd, "atLeastUsd")
  if (atLeast !== undefined && typeof atLeast !== "bigint") return atLeast
  return {
    op: "authorize",
    id: body.requestId,
    account: body.accountId,
    amount: amount.toString(),
    // At least more than the whole is the whole.
    ...(atLeast === undefined || atLeast >= amount ? {} : { atLeast: atLeast.toString() }),
    ...(body.ttlSeconds === undefined ? {} : { ttl: body.ttlSeconds * 1000 }),
    model: body.model,
  }
}
