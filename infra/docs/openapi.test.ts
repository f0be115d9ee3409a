/** Goal: the OpenAPI document says what the contract says today, and keeps what outsiders rely on. */
import { assert, describe, it } from "vitest"
import { OPENAPI_PAGE, renderOpenApi } from "./openapi.ts"
import { readSource } from "./source.ts"

interface Operation {
  readonly security?: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}
const spec = JSON.parse(renderOpenApi()) as {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
const operations = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
)

describe("openapi.json", () => {
  it("is current (else: node infra/docs/openapi.ts)", () => {
    assert.strictEqual(readSource(OPENAPI_PAGE), renderOpenApi())
  })

  it("has the endpoints of the contract", () => {
    assert.match(spec.openapi, /^3\.1/)
    assert.includeMembers(
      operations.map(({ name }) => name),
      [
        "GET /api/v1/plans",
        "GET /api/v1/wallet",
        "GET /api/v1/wallet/entries",
        "GET /api/v1/wallet/usage",
        "GET /api/v1/wallet/events",
        "GET /api/v1/wallet/balance",
        "GET /api/v1/public/model-prices",
        "GET /api/v1/wallet/auto-top-up",
        "PUT /api/v1/wallet/auto-top-up",
        "DELETE /api/v1/wallet/auto-top-up",
        "POST /api/v1/payment-method/setup",
        "GET /api/v1/payment-method",
        "POST /api/v1/payment-method",
        "DELETE /api/v1/payment-method",
        "GET /api/v1/subscription",
        "POST /api/v1/subscription/quote",
        "POST /api/v1/subscription/confirm",
        "POST /api/v1/subscription/cancel",
        "POST /api/v1/subscription/resume",
        "POST /api/v1/subscription/pay",
        "GET /api/v1/billing/history",
        "GET /api/v1/billing/reviews",
        "POST /api/v1/billing/reviews",
        "POST /api/v1/webhooks/stripe",
        "GET /__sandbox/charges",
        "POST /__sandbox/authenticate/{chargeId}",
        "POST /api/v1/gateway/authorizations",
        "POST /api/v1/gateway/authorizations/{holdId}/extend",
        "DELETE /api/v1/gateway/authorizations/{holdId}",
        "POST /api/v1/gateway/usage",
        "POST /api/v1/dev/sign-in",
        "POST /api/v1/dev/gateway-key",
        "GET /api/v1/dev/clock",
        "POST /api/v1/dev/clock/advance",
      ],
    )
  })

  it("asks for a credential wherever there is an account or a gateway", () => {
    for (const { name, operation } of operations) {
      const isOpen = /\/(plans|public\/|api\/auth\/|dev\/|webhooks\/|__sandbox\/)/.test(name)
      assert.strictEqual((operation.security ?? []).length === 0, isOpen, name)
    }
  })

  it("every error is a problem", () => {
    for (const { name, operation } of operations) {
      for (const [status, response] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue
        assert.deepStrictEqual(Object.keys(response.content ?? {}), ["application/problem+json"], `${name} ${status}`)
      }
    }
  })
})
