import type { SubscriptionsRefusal, SubscriptionsRequest } from "@credits/contracts"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"
import { AT, plusOf, quoteOf, subscriptionOf } from "./paying.fixture.ts"

let edge: EdgeUnderTest
let account = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge({ supportUrl: "https://support.example.com/" })
  ;({ accountId: account, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => edge.paying.reset())

const asked = () => edge.paying.asked.subscriptions
const refuse = (refusal: SubscriptionsRefusal) => {
  edge.paying.subscriptions = () => ({ refused: refusal })
}
const get = () => edge.fetch("/api/v1/subscription", { token })
const post = (verb: string, json: unknown = {}, headers: Record<string, string> = {}) =>
  edge.fetch(`/api/v1/subscription/${verb}`, { method: "POST", token, json, headers })

describe("GET /api/v1/subscription", () => {
  it("R12.2 shows dates as ISO instants and amounts as USD strings", async () => {
    const response = await get()
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      plan: "plus",
      interval: "monthly",
      status: "active",
      complimentary: false,
      currentPeriodStart: "2026-01-02T00:00:00.000Z",
      currentPeriodEnd: "2026-02-02T00:00:00.000Z",
      cycleStart: "2026-01-02T00:00:00.000Z",
      cycleEnd: "2026-02-02T00:00:00.000Z",
      cancelAtPeriodEnd: false,
      renewal: { at: "2026-02-02T00:00:00.000Z", amountUsd: "20.00" },
      pendingChange: null,
      pendingPayment: null,
      pastDue: null,
      firstMonthOfferEligible: false,
      upgrade: { plan: "pro", interval: "monthly", addsUsd: "100.000000001" },
      asOf: "2026-01-02T00:00:00.000Z",
    })
    expect(asked()).toEqual([{ op: "show", account }])
  })

  it("R4.6 R5.3 R5.4 shows what is pending, scheduled and past due", async () => {
    const view = plusOf(account, {
      status: "past_due",
      pendingChange: { plan: "plus", interval: "monthly", effectiveAt: AT },
      pendingPayment: {
        chargeId: "chg_9",
        status: "being_confirmed",
        amountCents: 2000,
        since: AT,
        clientSecret: null,
      },
      pastDue: { amountCents: 2000, nextAttemptAt: null, endsAt: AT, reason: "the card was declined" },
    })
    edge.paying.subscriptions = () => ({ ok: view })
    expect(await (await get()).json()).toMatchObject({
      status: "past_due",
      pendingChange: { plan: "plus", interval: "monthly", effectiveAt: "2026-01-02T00:00:00.000Z" },
      pendingPayment: { chargeId: "chg_9", status: "being_confirmed", amountUsd: "20.00" },
      pastDue: { amountUsd: "20.00", nextAttemptAt: null, endsAt: "2026-01-02T00:00:00.000Z" },
    })
  })

  it("R1.8 shows Free with the first-month offer", async () => {
    edge.paying.subscriptions = () => ({ ok: subscriptionOf(account) })
    expect(await (await get()).json()).toMatchObject({
      plan: "free",
      interval: null,
      status: "free",
      renewal: null,
      firstMonthOfferEligible: true,
    })
  })

  it("is 503 with Retry-After while nobody answers", async () => {
    refuse({ code: "unavailable", detail: "down" })
    const response = await get()
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("1")
  })
})

describe("POST /api/v1/subscription/quote", () => {
  it("R4.4 passes plan and interval on and shows every line to the cent", async () => {
    edge.paying.subscriptions = () => ({
      ok: quoteOf("pro", {
        action: "upgrade",
        lines: [
          { label: "Pro, a month", amount: "100000000000" },
          { label: "Unused time of Plus", amount: "-16000000000" },
        ],
        dueTodayCents: 8400,
        newGrant: "120000000000",
        revoked: "20000000000",
        availableAfter: "120000000000",
      }),
    })
    const response = await post("quote", { plan: "pro", interval: "monthly" })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      quoteId: "qt_1",
      expiresAt: "2026-01-02T00:10:00.000Z",
      action: "upgrade",
      lines: [
        { label: "Pro, a month", amountUsd: "100.00" },
        { label: "Unused time of Plus", amountUsd: "-16.00" },
      ],
      dueTodayUsd: "84.00",
      newGrantUsd: "120.00",
      revokedUsd: "20.00",
      alreadyUsedUsd: "0.00",
      availableAfterUsd: "120.00",
      nextChargeUsd: "20.00",
    })
    expect(asked()).toEqual([
      { op: "quote", id: expect.stringMatching(/^cmd_/), account, plan: "pro", interval: "monthly" },
    ])
  })

  it.each([
    ["interval", { plan: "pro", interval: "weekly" }],
    ["plan", { plan: "", interval: "monthly" }],
    ["plan", { plan: 1, interval: "monthly" }],
    ["plan", { interval: "monthly" }],
    ["accountId", { plan: "pro", interval: "monthly", accountId: "acc_2" }],
  ])("names %s of a bad request, and asks nobody", async (field, json) => {
    const response = await post("quote", json)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ field })
    expect(asked()).toEqual([])
  })

  it.each(["plan_unknown", "not_sold"] as const)("%s is 422 and names the plan", async (code) => {
    refuse({ code, detail: "no" })
    const response = await post("quote", { plan: "ultra", interval: "yearly" })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({ code, field: "plan" })
  })

  it("R4.1 downgrade_not_available points to support", async () => {
    refuse({ code: "downgrade_not_available", detail: "support can do that" })
    const response = await post("quote", { plan: "plus", interval: "monthly" })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({
      code: "downgrade_not_available",
      supportUrl: "https://support.example.com/",
    })
  })
})

describe("POST /api/v1/subscription/confirm", () => {
  const confirm = (headers: Record<string, string> = {}, quoteId = "qt_1") => post("confirm", { quoteId }, headers)

  it("answers the subscription when the money is there", async () => {
    const response = await confirm()
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ plan: "plus", status: "active" })
    expect(asked()).toMatchObject([{ op: "confirm", account, quoteId: "qt_1" }])
  })

  it("R10.2 answers 202 while nobody knows, never a failure", async () => {
    edge.paying.subscriptions = () => ({ ok: { status: "being_confirmed", chargeId: "chg_1" } })
    const response = await confirm()
    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({ code: "payment_being_confirmed", chargeId: "chg_1" })
  })

  it("402 payment_action_required carries what the customer needs to authenticate", async () => {
    refuse({
      code: "payment_action_required",
      detail: "your bank asks",
      chargeId: "chg_1",
      clientSecret: "pi_1_secret",
      expiresAt: AT,
    })
    const response = await confirm()
    expect(response.status).toBe(402)
    expect(await response.json()).toMatchObject({
      code: "payment_action_required",
      chargeId: "chg_1",
      clientSecret: "pi_1_secret",
      expiresAt: "2026-01-02T00:00:00.000Z",
    })
  })

  it.each([
    ["payment_declined", 402],
    ["quote_expired", 409],
    ["quote_stale", 409],
    ["payment_method_required", 409],
    ["payment_being_confirmed", 409],
    ["downgrade_not_available", 409],
    ["already_on_plan", 409],
    ["invalid", 400],
    ["id_conflict", 422],
    ["unavailable", 503],
    ["clock_advancing", 503],
  ] as const)("%s is %i", async (code, status) => {
    refuse({ code, detail: "no", chargeId: "chg_1" })
    const response = await confirm()
    expect(response.status).toBe(status)
    const names: Record<string, string> = { invalid: "invalid_request", id_conflict: "idempotency_conflict" }
    expect(await response.json()).toMatchObject({ code: names[code] ?? code, status })
  })

  it("a quote that is not the account's is 404", async () => {
    refuse({ code: "quote_not_found", detail: "no such quote" })
    expect((await confirm({}, "qt_of_somebody_else")).status).toBe(404)
  })

  it("an answer that confirm cannot have is a defect, not the caller's mistake", async () => {
    refuse({ code: "unknown_op", detail: "?" })
    expect((await confirm()).status).toBe(500)
  })

  it("a text that is no answer is 503", async () => {
    edge.paying.subscriptions = () => "nothing" as never
    expect((await confirm()).status).toBe(503)
  })
})

describe("Idempotency-Key of a purchase", () => {
  const confirm = (key: string, quoteId = "qt_1") => post("confirm", { quoteId }, { "idempotency-key": key })

  it("the same key and body get the first answer for ever, without asking again", async () => {
    const first = await confirm("k-first")
    edge.paying.subscriptions = () => ({ ok: { status: "done", subscription: plusOf(account, { plan: "max" }) } })
    const again = await confirm("k-first")
    expect([first.status, again.status]).toEqual([200, 200])
    expect(await again.text()).toBe(await first.text())
    expect(asked()).toHaveLength(1)
  })

  it("a decline is an answer too: the same key tries no second time", async () => {
    refuse({ code: "payment_declined", detail: "your bank said no", chargeId: "chg_1" })
    const first = await confirm("k-declined")
    edge.paying.subscriptions = () => null
    const again = await confirm("k-declined")
    expect([first.status, again.status]).toEqual([402, 402])
    expect(await again.text()).toBe(await first.text())
    expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"))
  })

  it("another body under the same key is 422, also on another endpoint", async () => {
    await confirm("k-other")
    const other = await confirm("k-other", "qt_2")
    expect(other.status).toBe(422)
    expect(await other.json()).toMatchObject({ code: "idempotency_conflict" })
    expect((await post("cancel", {}, { "idempotency-key": "k-other" })).status).toBe(422)
  })

  it("while the first still runs the second is 409, and then gets its answer", async () => {
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    edge.paying.subscriptions = async () => {
      await finished
      return null
    }
    const first = confirm("k-running")
    while (asked().length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const second = await confirm("k-running")
    expect(second.status).toBe(409)
    expect(await second.json()).toMatchObject({ code: "request_in_progress" })
    finish()
    const answer = await (await first).text()
    expect(await (await confirm("k-running")).text()).toBe(answer)
  })

  it("an undecided answer is not kept: the repeat is the same command and hears the result", async () => {
    edge.paying.subscriptions = () => ({ ok: { status: "being_confirmed", chargeId: "chg_1" } })
    expect((await confirm("k-undecided")).status).toBe(202)
    refuse({ code: "unavailable", detail: "down" })
    expect((await confirm("k-undecided")).status).toBe(503)
    edge.paying.subscriptions = () => null
    expect((await confirm("k-undecided")).status).toBe(200)
    const ids = asked().map((request) => ("id" in request ? request.id : ""))
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^http:[\w-]{43}$/)
  })

  it("the same key of another account is another request", async () => {
    await confirm("k-shared")
    const { accessToken } = await edge.signIn("bob@example.com")
    const response = await edge.fetch("/api/v1/subscription/confirm", {
      method: "POST",
      token: accessToken,
      json: { quoteId: "qt_other" },
      headers: { "idempotency-key": "k-shared" },
    })
    expect(response.status).toBe(200)
  })

  it.each([[""], ["a b"], ["x".repeat(129)]])("the key %j is 400", async (key) => {
    expect((await confirm(key)).status).toBe(400)
  })
})

describe("cancel, resume, pay", () => {
  it.each(["cancel", "resume", "pay"] as const)("%s takes no body or {} and answers the subscription", async (verb) => {
    const path = `/api/v1/subscription/${verb}`
    const bare = await edge.fetch(path, { method: "POST", token })
    expect([bare.status, (await post(verb)).status]).toEqual([200, 200])
    expect(await bare.json()).toMatchObject({ plan: "plus" })
    expect(asked().map((request: SubscriptionsRequest) => request.op)).toEqual([verb, verb])
    expect((await post(verb, { plan: "free" })).status).toBe(400)
  })

  it.each([
    ["cancel", "not_subscribed"],
    ["resume", "not_canceling"],
    ["pay", "not_past_due"],
    ["pay", "payment_being_confirmed"],
  ] as const)("%s is 409 %s when there is nothing of the kind", async (verb, code) => {
    refuse({ code, detail: "no" })
    const response = await post(verb)
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ code })
  })

  it("R5.4 pay can be declined, need the customer, or not be decided yet", async () => {
    refuse({ code: "payment_declined", detail: "no", chargeId: "chg_1" })
    expect((await post("pay")).status).toBe(402)
    refuse({ code: "payment_action_required", detail: "bank", chargeId: "chg_1", clientSecret: "s", expiresAt: AT })
    expect((await post("pay")).status).toBe(402)
    edge.paying.subscriptions = () => ({ ok: { status: "being_confirmed", chargeId: null } })
    expect((await post("pay")).status).toBe(202)
  })
})
