/**
 * What an error of Stripe's SDK means (field notes A1): certainly not executed, a card's no, our mistake, or not known.
 * An error of an unknown kind is "not known", never "failed". Owns the reading of errors; knows nothing of charges.
 */
import { Stripe } from "stripe"
import type { CardError } from "./decline.ts"
import { isConnectionRefused, isRefusedStatus, type Trace } from "./transport.ts"

export type Failure =
  | { readonly kind: "card"; readonly error: CardError }
  /** Not executed, the key unused. `isOurs`: our credentials; somebody must look. */
  | { readonly kind: "refused"; readonly detail: string; readonly retryAfterMs: number; readonly isOurs: boolean }
  /** 400, 404: not executed as it was asked. */
  | { readonly kind: "invalid"; readonly detail: string; readonly code: string | null }
  /** The key was used for another request: a defect of ours. */
  | { readonly kind: "key_mismatch"; readonly detail: string }
  /** `isOver`: the stored answer of an execution that has ended. */
  | { readonly kind: "unknown"; readonly detail: string; readonly isOver: boolean }

const REPLAYED = "idempotent-replayed"
const RETRY_AFTER = "retry-after"

const headerOf = (error: Stripe.errors.StripeError, name: string): string | null => {
  const value: unknown = (error.headers as Readonly<Record<string, unknown>> | undefined)?.[name]
  return typeof value === "string" ? value : null
}

const textOrNull = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null)

/** The fields of a card error, of the error itself or of an intent's last payment error. */
export const cardErrorOf = (error: {
  readonly code?: unknown
  readonly decline_code?: unknown
  readonly advice_code?: unknown
  readonly network_advice_code?: unknown
}): CardError => ({
  code: textOrNull(error.code),
  declineCode: textOrNull(error.decline_code),
  adviceCode: textOrNull(error.advice_code),
  networkAdviceCode: textOrNull(error.network_advice_code),
})

const refused = (error: Stripe.errors.StripeError, isOurs: boolean): Failure => {
  const seconds = Number(headerOf(error, RETRY_AFTER) ?? 0)
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : 0
  return { kind: "refused", detail: detailOf(error), retryAfterMs, isOurs }
}

/** One line for operators; it never holds a card number, because none ever comes here. */
const detailOf = (error: Stripe.errors.StripeError): string => {
  const code = error.code === undefined ? "" : ` ${error.code}`
  const request = error.requestId === undefined ? "" : ` (request ${error.requestId})`
  return `${error.statusCode ?? "no answer"}${code}: ${error.message.slice(0, 200)}${request}`
}

const { StripeConnectionError, StripeError, StripeIdempotencyError, StripeRateLimitError } = Stripe.errors
const { StripeCardError, StripeInvalidRequestError, StripeAuthenticationError, StripePermissionError } = Stripe.errors

/** @throws whatever is no error of the SDK: a defect. */
export const failureOf = (error: unknown, trace: Trace): Failure => {
  if (!(error instanceof StripeError)) throw error
  if (error instanceof StripeCardError) return { kind: "card", error: cardErrorOf(error) }
  if (error instanceof StripeIdempotencyError) return { kind: "key_mismatch", detail: detailOf(error) }
  const isRefused =
    error instanceof StripeRateLimitError || isRefusedStatus(error.statusCode) || isUnsent(error) || isOurs(error)
  if (isRefused && !trace.mayHaveRun) return refused(error, isOurs(error))
  if (error instanceof StripeInvalidRequestError) {
    return { kind: "invalid", detail: detailOf(error), code: error.code ?? null }
  }
  return { kind: "unknown", detail: detailOf(error), isOver: headerOf(error, REPLAYED) === "true" }
}

const isUnsent = (error: Stripe.errors.StripeError): boolean =>
  error instanceof StripeConnectionError && isConnectionRefused(error.detail)

const isOurs = (error: Stripe.errors.StripeError): boolean =>
  error instanceof StripeAuthenticationError || error instanceof StripePermissionError
