/**
 * Refusals in the shape of OpenAI's API: `{error: {code, message, type, param}}`. Pure. Owns statuses, codes and words.
 *
 * Clients read the words too: a message with "quota" beside "credit", "balance" or "billing" is taken for an empty
 * wallet, so a plain rate limit has none of them, and no provider's own words about limits are passed on.
 */
import type { CallRefusal } from "@credits/client"
import { formatUsd } from "@credits/kernel"

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly type: string
  readonly param?: string | null
  /** Goes out as `Retry-After`, in whole seconds. */
  readonly retryAfterMs?: number
}

export const errorBody = ({ code, message, type, param = null }: Refusal) => ({ error: { code, message, type, param } })

const INVALID = "invalid_request_error"

export const badRequest = (param: string | null, message: string): Refusal => ({
  status: 400,
  code: "invalid_request",
  message,
  type: INVALID,
  param,
})

export const authRequired: Refusal = {
  status: 401,
  code: "auth_required",
  message: "Send Authorization: Bearer with an access token or a control key of yours.",
  type: "authentication_error",
}

export const modelUnknown = (model: string): Refusal => ({
  status: 404,
  code: "model_not_found",
  message: `There is no model ${model.slice(0, 120)} here; GET /v1/models lists those there are.`,
  type: INVALID,
  param: "model",
})

export const notFound: Refusal = {
  status: 404,
  code: "not_found",
  message: "There is no such endpoint.",
  type: INVALID,
}

export const tooLarge = (bytesMax: number): Refusal => ({
  status: 413,
  code: "body_too_large",
  message: `A request may have at most ${bytesMax} bytes.`,
  type: INVALID,
})

export const busy = (code: string, message: string, retryAfterMs = 1_000): Refusal => ({
  status: 503,
  code,
  message,
  type: "server_error",
  retryAfterMs,
})

export const noProviderKey: Refusal = {
  status: 400,
  code: "provider_key_missing",
  message: "X-Provider-Api-Key is empty; leave it out to use a hosted model.",
  type: INVALID,
}

const outOfCredit = ({ available }: CallRefusal): Refusal => {
  const left = available === undefined ? "" : ` (${formatUsd(available)} USD left)`
  return {
    status: 402,
    code: "insufficient_balance",
    message:
      `There is not enough credit for this call${left}. ` +
      "Upgrade the plan, turn on auto top-up, or send a provider key of yours in X-Provider-Api-Key.",
    type: "insufficient_balance",
  }
}

/** What the ledger said no to. */
export const refusalOf = (refusal: CallRefusal, model: string): Refusal => {
  const { code, detail, retryAfterMs } = refusal
  switch (code) {
    case "insufficient_balance":
      return outOfCredit(refusal)
    case "payment_past_due":
      return {
        status: 402,
        code,
        message: "A payment of the subscription is past due; pay it to use hosted models.",
        type: "payment_required",
      }
    case "plan_required":
      return {
        status: 403,
        code: "tier_model_not_entitled",
        message: "Hosted models need a plan; choose one, or send a provider key of yours in X-Provider-Api-Key.",
        type: "permission_error",
      }
    case "account_frozen":
      return { status: 403, code, message: "This account is frozen; support can say why.", type: "permission_error" }
    case "model_unknown":
      return modelUnknown(model)
    case "auth_required":
      return authRequired
    case "invalid":
      return badRequest(null, detail)
    case "top_up_in_progress":
    case "renewal_in_progress":
      return busy(code, "A payment of this account is under way; the call is good in a moment.", retryAfterMs ?? 5_000)
    case "overloaded":
    case "clock_advancing":
      return busy(code, "Calls cannot be taken right now; send the same one again in a moment.", retryAfterMs)
    default:
      return busy("unavailable", "Calls cannot be taken right now; send the same one again in a moment.", retryAfterMs)
  }
}

/** A provider's wish about when to come back, kept within what a client waits for. */
const RETRY_AFTER_MAX_MS = 60_000

export interface UpstreamRefusal {
  readonly status: number
  /** Of the provider's error, for errors of the request itself. */
  readonly message: string | null
  readonly retryAfterMs: number | null
}

/** What the provider said no to. Its words are passed on only where they are about the request. */
export const upstreamRefusal = ({ status, message, retryAfterMs }: UpstreamRefusal, isByok: boolean): Refusal => {
  if (status === 429) {
    return {
      status,
      code: "rate_limited",
      message: "The model's provider takes no further requests right now; send the same one again later.",
      type: "rate_limit_error",
      retryAfterMs: Math.min(retryAfterMs ?? 5_000, RETRY_AFTER_MAX_MS),
    }
  }
  if (status === 401 || status === 403) {
    return isByok
      ? {
          status: 403,
          code: "provider_key_refused",
          message: "The model's provider refuses the key in X-Provider-Api-Key.",
          type: "permission_error",
        }
      : {
          status: 500,
          code: status === 401 ? "upstream_provider_unauthenticated" : "upstream_provider_forbidden",
          message: "The model's provider refuses us; this is ours to repair.",
          type: "server_error",
        }
  }
  if (status >= 400 && status < 500) {
    return {
      status: status === 402 ? 502 : status,
      code: status === 402 ? "upstream_error" : "provider_refused_request",
      message:
        status === 402 || message === null ? "The model's provider refuses this request." : message.slice(0, 2_000),
      type: status === 402 ? "server_error" : INVALID,
    }
  }
  return upstreamFailed
}

export const upstreamFailed: Refusal = {
  status: 502,
  code: "upstream_error",
  message: "The model's provider did not answer as it should; nothing was charged for what did not arrive.",
  type: "server_error",
}
