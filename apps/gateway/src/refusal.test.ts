import type { CallRefusal } from "@credits/client"
import { describe, expect, it } from "vitest"
import { errorBody, type Refusal, refusalOf, upstreamRefusal } from "./refusal.ts"

const of = (code: CallRefusal["code"]) => refusalOf({ code, detail: "because" }, "gpt-4o")
const upstream = (status: number, isByok = false) =>
  upstreamRefusal(
    { status, message: "You exceeded your current quota, check your billing", retryAfterMs: null },
    isByok,
  )

/** What a client of Open Design takes for an empty wallet. */
const readsAsEmptyWallet = ({ code, message }: Refusal): boolean =>
  code === "insufficient_balance" ||
  /insufficient (?:balance|credits|funds)|not enough (?:balance|credit)|wallet balance/i.test(message) ||
  (/quota/i.test(message) && /wallet|balance|credit|billing|funds?/i.test(message))

describe("refusals", () => {
  it.each([
    ["insufficient_balance", 402, "insufficient_balance"],
    ["payment_past_due", 402, "payment_past_due"],
    ["plan_required", 403, "tier_model_not_entitled"],
    ["account_frozen", 403, "account_frozen"],
    ["model_unknown", 404, "model_not_found"],
    ["auth_required", 401, "auth_required"],
    ["invalid", 400, "invalid_request"],
  ] as const)("R6.2 %s is %i %s", (code, status, name) => {
    expect(of(code)).toMatchObject({ status, code: name })
    expect(errorBody(of(code)).error).toMatchObject({
      code: name,
      message: expect.any(String),
      type: expect.any(String),
    })
  })

  it.each([
    "top_up_in_progress",
    "renewal_in_progress",
    "overloaded",
    "unavailable",
    "clock_advancing",
    "id_conflict",
  ] as const)("R6.2 %s is 503 with a time to come back", (code) => {
    expect(of(code)).toMatchObject({ status: 503 })
    expect(of(code).retryAfterMs).toBeGreaterThan(0)
  })

  it("only an empty wallet reads as one, whatever words a provider uses", () => {
    expect(readsAsEmptyWallet(of("insufficient_balance"))).toBe(true)
    const others = [
      ...(["plan_required", "account_frozen", "overloaded", "unavailable", "top_up_in_progress"] as const).map(of),
      ...[401, 402, 403, 429, 500, 503].flatMap((status) => [upstream(status), upstream(status, true)]),
    ]
    expect(others.filter(readsAsEmptyWallet)).toEqual([])
  })

  it("a provider's refusal of the request is passed on, one of its key says whose key it is", () => {
    const request = upstreamRefusal({ status: 400, message: "no such tool", retryAfterMs: null }, false)
    expect(request).toMatchObject({ status: 400, message: "no such tool", type: "invalid_request_error" })
    expect(upstream(401)).toMatchObject({ status: 500, code: "upstream_provider_unauthenticated" })
    expect(upstream(401, true)).toMatchObject({ status: 403, code: "provider_key_refused" })
    expect(upstream(429)).toMatchObject({ status: 429, code: "rate_limited" })
  })
})
