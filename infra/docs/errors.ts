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
  charge_not_found: "the account has no charge of that event id",
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
  hold_not_found: "the account has no such hold",
  request_in_progress: "the first request with this idempotency key still runs: repeat it shortly",
  body_too_large: "more than 1 MiB",
  unsupported_media_type: "the content type is not one of those the endpoint reads",
  idempotency_conflict: "the same idempotency key came before with another body",
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
  return [...source.matchAll(/\bproblem\(\s*(\d{3}),\s*\[([^\]]*)\]/g)].flatMap(([, status, codes]) =>
    [...codes!.matchAll(/"([^"]+)"/g)].map(([, code]) => ({ code: code!, where: status! })),
  )
}

const unionCodes = (file: string, type: string): ReadonlyArray<ErrorCode> =>
  literalsOf(readSource(`${CONTRACTS}/${file}`), type).map((code) => ({ code, where: "" }))

const usageCodes = (): ReadonlyArray<ErrorCode> => {
  const field = /interface UsageInvalid \{\s*readonly code:([^\n;]*(?:\n\s*\|[^\n;]*)*)/.exec(
    readSource(`${CONTRACTS}/usage.ts`),
  )
  return [...(field?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, code]) => ({ code: code!, where: "" }))
}

export const errorCodes = () => ({
  http: httpCodes(),
  ledger: unionCodes("ledger.ts", "RefusalCode"),
  pricing: unionCodes("pricing.ts", "PricingRefusalCode"),
  usage: usageCodes(),
})

const rows = (codes: ReadonlyArray<ErrorCode>) => codes.map(({ code }) => [`\`${code}\``, advice(code)])

export const renderErrors = (): string => {
  const { http, ledger, pricing, usage } = errorCodes()
  const files = ["http/problem.ts", "ledger.ts", "pricing.ts", "usage.ts"].map((file) => `${CONTRACTS}/${file}`)
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
