/**
 * Goal: a system whose disk is nearly full stops before it breaks (decision 21). Method: the whole system with a mark
 * that no disk is above: it starts, says what it refuses and why, and everything that must go on does.
 */
import { callHttp, Customer, startSystem, type SystemUnderTest } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

let system: SystemUnderTest
beforeAll(async () => {
  system = await startSystem({ env: { CREDITS_FREE_SPACE_MIB: "1000000000" } })
})
afterAll(async () => {
  await system.stop()
})

describe("decision 21: a system below its free-space mark", () => {
  it("refuses authorizations and usage, sells and shows as ever, and says so", async () => {
    const customer = await Customer.signIn(system.url, "ada@example.com")
    await customer.saveCard("tok_ok")
    await customer.buy("plus", "monthly")
    await expect.poll(async () => (await customer.wallet()).availableUsd, { timeout: 20_000 }).toBe("20.00")

    const { body } = await callHttp<{ key: string }>(system.url, "/api/v1/dev/gateway-key", { json: {} })
    const gateway = (path: string, json: unknown) =>
      fetch(`${system.url}/api/v1/gateway/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${body.key}`, "content-type": "application/json" },
        body: JSON.stringify(json),
      })
    const refused = [
      await gateway("authorizations", {
        accountId: customer.account,
        requestId: "r1",
        model: "gpt-4o",
        amountUsd: "1.00",
      }),
      await gateway("usage", {
        specversion: "1.0",
        type: "ai.usage.v1",
        id: "evt-1",
        source: "test",
        subject: customer.account,
        time: new Date().toISOString(),
        data: {
          requestId: "r1",
          mode: "hosted",
          provider: "openai",
          model: "gpt-4o",
          status: "ok",
          tokens: { convention: "inclusive", input: 1000, output: 500 },
        },
      }),
    ]
    for (const response of refused) {
      expect(response.status).toBe(503)
      expect(response.headers.get("retry-after")).toBe("30")
      expect(await response.json()).toMatchObject({
        code: "unavailable",
        detail: expect.stringContaining("disk space is low"),
      })
    }
    expect((await customer.wallet()).heldUsd).toBe("0.00")

    const metrics = await (await fetch(`${system.url}/metrics`)).text()
    for (const name of ["edge_intake_stopped", "credits_ledger_intake_stopped", "credits_pricing_intake_stopped"]) {
      expect(metrics).toMatch(new RegExp(String.raw`^${name}(\{\})? 1$`, "m"))
    }
    expect(system.log()).toContain("low_space")
  })
})
