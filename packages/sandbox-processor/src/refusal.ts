/**
 * Everything the processor says no with: Stripe's error bodies and the status they travel under. Whether a refusal is
 * remembered under its idempotency key is decided here too: what never began to execute burns no key.
 */
import type Stripe from "stripe"

export type ErrorBody = Stripe.PaymentIntent.LastPaymentError

export class Refusal extends Error {
  readonly status: number
  readonly body: ErrorBody
  /** True: execution had begun, so that this answer is stored and replayed (declines, wrong states). */
  readonly burnsKey: boolean

  constructor(status: number, body: ErrorBody, burnsKey = false) {
    super(body.message)
    this.name = "Refusal"
    this.status = status
    this.body = body
    this.burnsKey = burnsKey
  }

  get text(): string {
    return JSON.stringify({ error: this.body })
  }
}

const docUrl = (code: string): string => `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`

const invalid = (status: number, code: string | undefined, message: string, param?: string): Refusal =>
  new Refusal(status, {
    type: "invalid_request_error",
    ...(code === undefined ? {} : { code, doc_url: docUrl(code) }),
    message,
    ...(param === undefined ? {} : { param }),
  })

/** 400 for a value we do not take, without a code of its own. */
export const invalidValue = (message: string, param?: string): Refusal => invalid(400, undefined, message, param)

export const parameterUnknown = (param: string): Refusal =>
  invalid(400, "parameter_unknown", `Received unknown parameter: ${param}`, param)

export const parameterMissing = (param: string): Refusal =>
  invalid(400, "parameter_missing", `Missing required param: ${param}.`, param)

export const parameterEmpty = (param: string): Refusal =>
  invalid(400, "parameter_invalid_empty", `You passed an empty string for '${param}'.`, param)

export const parameterInvalidInteger = (param: string, value: string): Refusal =>
  invalid(400, "parameter_invalid_integer", `Invalid integer: ${value}`, param)

/** A state or amount that cannot be: its own code, status 400. */
export const invalidWithCode = (code: string, message: string, param?: string): Refusal =>
  invalid(400, code, message, param)

const NAMES: Readonly<Record<string, string>> = {
  payment_method: "PaymentMethod",
  setup_intent: "setupintent",
  payment_intent: "payment_intent",
}

/**
 * No object under that id.
 * @param param the parameter that named it; "id" and the like in the path answer 404, others 400.
 */
export const resourceMissing = (kind: string, id: string, param: string, inPath: boolean): Refusal =>
  invalid(inPath ? 404 : 400, "resource_missing", `No such ${NAMES[kind] ?? kind}: '${id}'`, param)

export const unrecognizedUrl = (method: string, path: string): Refusal =>
  invalid(404, undefined, `Unrecognized request URL (${method}: ${path}). The sandbox speaks a part of the API.`)

export const notAuthenticated = (message: string): Refusal => invalid(401, undefined, message)

export const wrongContentType = (): Refusal =>
  invalid(400, undefined, "Invalid request (check that your POST content type is application/x-www-form-urlencoded).")

export const bodyTooLarge = (): Refusal => invalid(413, undefined, "Request body exceeds 1 MiB.")

export const rateLimited = (): Refusal => invalid(429, "rate_limit", "Request rate limit exceeded.")

/** Same key, other parameters or another endpoint. A mistake of the caller's; never executed. */
export const keyReused = (key: string, what: string): Refusal =>
  new Refusal(400, {
    type: "idempotency_error",
    message:
      `Keys for idempotent requests can only be used ${what} they were first used with. ` +
      `Try using a key other than '${key}' if you meant to execute a different request.`,
  })

export const keyInUse = (key: string): Refusal =>
  invalid(
    409,
    "idempotency_key_in_use",
    `There is currently another in-progress request using this Idempotent Key (that probably means you submitted ` +
      `twice, and the other request is still going through): ${key}. Please try again later.`,
  )

export const serverError = (): Refusal =>
  new Refusal(500, { type: "api_error", message: "An error occurred on our side." }, true)

/** The intent is not in a state for this. Execution looked at it, so the key is burnt. */
export const unexpectedState = (intent: Stripe.PaymentIntent | Stripe.SetupIntent, message: string): Refusal => {
  const code = `${intent.object}_unexpected_state`
  const body: ErrorBody = { type: "invalid_request_error", code, doc_url: docUrl(code), message }
  return new Refusal(
    400,
    intent.object === "payment_intent" ? { ...body, payment_intent: intent } : { ...body, setup_intent: intent },
    true,
  )
}

/** 402: the body of the intent's last error with the intent beside it. */
export const cardRefused = (error: ErrorBody, intent?: Stripe.PaymentIntent | Stripe.SetupIntent): Refusal => {
  if (intent === undefined) return new Refusal(402, error, true)
  return new Refusal(
    402,
    intent.object === "payment_intent" ? { ...error, payment_intent: intent } : { ...error, setup_intent: intent },
    true,
  )
}

export const cardErrorDocUrl = docUrl
