/**
 * docs/reference/errors.md: every stable code that a caller can meet. The codes come from packages/contracts; what to
 * do
 * about them is written here, and a code without advice fails the test.
 */
import { literalsOf, markdownTable, pageHead, readSource } from "./source.ts"

const CONTRACTS = "packages/contracts/src"

/** Code → what it means for the caller. One meaning per code, wherever it is met. */
export const MEANINGS: Readonly<Record<string, string>> = {
  insufficient_balance: "final: there is not that much credit. The answer names the ways on",
  plan_required: "the account has no plan with hosted models now",
  top_up_in_progress: "a top-up is being decided: ask again after `retryAfter`",
  renewal_in_progress: "a renewal is being decided and nothing else covers the call: ask again after `retryAfter`",
  payment_past_due: "the renewal failed and the rest of the credit is used up: the card must be mended first",
  account_frozen: "support or fraud froze the account; a person must look",
  hold_not_open: "the hold was settled, released or has expired",
  lot_not_found: "the account has no such lot",
  charge_not_found: "the account has no such charge",
  already_reversed: "nothing of that charge is left to reverse",
  id_conflict: "the same id came before with another body: nothing was done; use a new id",
  invalid: "the request or the data breaks a rule; `field` names the place",
  overloaded: "nothing was done: repeat the same text shortly",
  unavailable: "nobody answered in time. Repeating the same id is safe and finds out",
  clock_advancing: "the sandbox is moving its clock: ask again shortly",
  model_unknown: "no price book in force prices this model",
  no_price_book: "no price book is in force at that instant",
  no_catalogue: "no catalogue is in force at that instant",
  version_not_found: "no such version was published",
  version_exists: "that version is published and never changes: choose another name",
  effective_in_past: "a version cannot begin before it is published",
  too_large: "more than the stated limit",
  unknown_op: "the service does not know this request",
  malformed: "not JSON, not UTF-8, or not an object",
  invalid_field: "a field has a wrong type or value; `field` names it",
  unknown_field: "a field that does not exist; `field` names it",
  wrong_sum: "the token counts cannot be: see the two conventions (R7.2)",
  invalid_request: "a field is missing or wrong; `field` names it",
  malformed_body: "the body is no JSON",
  auth_required: "no credential, or one that is not valid any more",
  wrong_scope: "the credential is good, but not for this",
  not_found: "there is no such thing, or not for this credential",
  method_not_allowed: "the address is right: `Allow` names the methods it answers",
  hold_not_found: "the account has no such hold",
  payment_declined: "the bank said no: nothing changed. The same quote may be confirmed again with another card",
  payment_action_required: "the bank asks its customer: authenticate with `clientSecret` until `expiresAt`",
  payment_being_confirmed:
    "a payment is not decided yet: nothing else is charged until it is; it is found out by itself",
  payment_method_required: "no card is saved, or none that can be charged: save one first",
  quote_expired: "quotes live 10 minutes: ask for a new one. Nothing was charged",
  quote_stale:
    "the subscription or the cycle is another than when it was quoted: ask for a new one. Nothing was charged",
  quote_not_found: "the account has no such quote",
  plan_unknown: "the catalogue in force has no such plan",
  not_sold: "the plan is not sold, or not in this interval",
  already_on_plan: "the account has this plan in this interval",
  downgrade_not_available: "self-service goes up only; support can schedule it (`supportUrl`)",
  not_subscribed: "there is no paid subscription",
  not_canceling: "there is no scheduled end to undo",
  not_past_due: "no payment is open",
  notification_not_found: "the account has no such notification",
  preference_fixed: "what is about money is always told, in the inbox and by mail; `field` names the wish",
  webhook_not_found: "there is no such webhook endpoint",
  review_exists: "the charge has an open case already",
  review_not_found: "there is no such case",
  setup_token_invalid: "the processor does not know this token: start again at the card element",
  card_refused: "the card cannot be saved: try another one",
  signature_invalid: "the webhook is not signed with the secret that is configured",
  not_resolvable: "the charge is not undecided, or it is still being looked up by itself",
  not_refundable: "the charge did not succeed, or was refunded already",
  obligation_closed: "no further attempt is made for it",
  request_in_progress: "the first request with this idempotency key still runs: repeat it shortly",
  body_too_large: "more than `limitBytes`: 1 MiB, for a webhook 256 kB",
  unsupported_media_type: "the content type is not one of those the endpoint reads",
  caller_unknown: "the credential that a customer showed the gateway is nobody's: ask for another one",
  idempotency_conflict: "the same idempotency key came before with another body",
  cross_origin: "the request came from a page of an origin that is not configured: send it from a page of ours",
  step_up_required: "sign in again at `signInUrl`, then send the same request",
  rate_limited: "too many requests of this kind: wait as long as `Retry-After` says",
  internal_error: "a defect of ours; nothing half-done remains. The log has the trace id",
}

const advice = (code: string): string => MEANINGS[code] ?? ""

export interface ErrorCode {
  readonly code: string
  readonly where: string
}

/** The codes of `problem(status, ["a", "b"], …)` in the HTTP contract. */
const httpCodes = (): ReadonlyArray<ErrorCode> => {
  const source = readSource(`${CONTRACTS}/http/problem.ts`)
  const found = [...source.matchAll(/\bproblem\(\s*(\d{3}),\s*\[([^\]]*)\]/g)].flatMap(([, status, codes]) =>
    [...codes!.matchAll(/"([^"]+)"/g)].map(([, code]) => ({ code: code!, where: status! })),
  )
  // Several problems of one status may carry the same code.
  return [...new Map(found.map((each) => [`${each.where} ${each.code}`, each])).values()]
}

/** The literals of `readonly code: "a" | "b"` in an interface. */
const fieldCodes = (file: string, name: string): ReadonlyArray<ErrorCode> => {
  const field = new RegExp(`interface ${name} \\{\\s*readonly code:([^\\n;]*(?:\\n\\s*(?:\\||/\\*)[^\\n;]*)*)`)
  const body = field.exec(readSource(`${CONTRACTS}/${file}`))?.[1] ?? ""
  return [...body.replaceAll(/\/\*.*?\*\//g, "").matchAll(/"([^"]+)"/g)].map(([, code]) => ({ code: code!, where: "" }))
}

const unionCodes = (file: string, type: string): ReadonlyArray<ErrorCode> =>
  literalsOf(readSource(`${CONTRACTS}/${file}`), type).map((code) => ({ code, where: "" }))

export const errorCodes = () => ({
  http: httpCodes(),
  ledger: unionCodes("ledger.ts", "RefusalCode"),
  pricing: unionCodes("pricing.ts", "PricingRefusalCode"),
  usage: fieldCodes("usage.ts", "UsageInvalid"),
  payments: fieldCodes("payments.ts", "PaymentsRefusal"),
  subscriptions: unionCodes("subscriptions.ts", "SubscriptionsRefusalCode"),
  topup: fieldCodes("topup.ts", "TopupRefusal"),
  notifications: fieldCodes("notifications.ts", "NotificationsRefusal"),
})

const rows = (codes: ReadonlyArray<ErrorCode>) => codes.map(({ code }) => [`\`${code}\``, advice(code)])

export const renderErrors = (): string => {
  const { http, ledger, pricing, usage, payments, subscriptions, topup, notifications } = errorCodes()
  const services = ["ledger", "pricing", "usage", "payments", "subscriptions", "topup", "notifications"]
  const files = ["http/problem", ...services].map((name) => `${CONTRACTS}/${name}.ts`)
  return `${pageHead("Errors", files)}

\`code\` is stable; \`detail\` is one sentence for a person and may change.

## HTTP
\`application/problem+json\` (RFC 9457): \`type, title, status, code, detail\` and typed extras.
503 carries \`Retry-After\`.

${markdownTable(
  ["status", "code", "meaning"],
  http.map(({ code, where }) => [where, `\`${code}\``, advice(code)]),
)}

## Answers of the ledger
\`{"refused":{"code", "detail", "retryAfter"?, "available"?, "field"?}}\` on \`ledger.request.*\`.

${markdownTable(["code", "meaning"], rows(ledger))}

## Answers of pricing
${markdownTable(["code", "meaning"], rows(pricing))}

## Answers of payments
${markdownTable(["code", "meaning"], rows(payments))}

## Answers of subscriptions
${markdownTable(["code", "meaning"], rows(subscriptions))}

## Answers of auto top-up
${markdownTable(["code", "meaning"], rows(topup))}

## Answers of notifications
${markdownTable(["code", "meaning"], rows(notifications))}

## Refused usage events
In the \`rejected\` list of the HTTP answer, and as the reason of a dead letter for events that came over NATS.
Dead letters further know \`model_unknown\`, \`id_conflict\`, \`no_entitlement\` (usage with neither a hold nor an
entitlement at its time, R6.5) and \`defect\`.

${markdownTable(["code", "meaning"], rows(usage))}

## Exit codes of \`credits\`
${markdownTable(
  ["code", "meaning"],
  [
    ["0", "ok"],
    ["1", "failed: nothing runs, nobody answers, or `ledger verify` and `doctor` found something wrong"],
    ["2", "usage: the command, its data or its flags are wrong; nothing was sent, or it was refused as invalid"],
    ["3", "not found"],
    ["4", "conflict: what is there now does not allow it"],
    ["6", "partly: some of several accounts were changed; the answer says which"],
  ],
)}
`
}
