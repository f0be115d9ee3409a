import type { ChargeStatus } from "@credits/contracts"
import { inflateSync } from "node:zlib"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type EdgeUnderTest, startEdge } from "./edge.fixture.ts"
import { AT, chargeOf, reviewOf } from "./paying.fixture.ts"

let edge: EdgeUnderTest
let account = ""
let token = ""
beforeAll(async () => {
  edge = await startEdge()
  ;({ accountId: account, accessToken: token } = await edge.signIn())
})
afterAll(() => edge.stop())
beforeEach(() => edge.paying.reset())

const history = (query = "") => edge.fetch(`/api/v1/billing/history${query}`, { token })
const receipt = (id = "chg_1") => edge.fetch(`/api/v1/billing/history/${id}/receipt`, { token })

describe("GET /api/v1/billing/history", () => {
  it("lists the account's charges with their receipts", async () => {
    const response = await history("?limit=10&cursor=c1")
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      items: [
        {
          chargeId: "chg_1",
          at: "2026-01-02T00:00:00.000Z",
          obligation: "first:sub_1",
          kind: "first",
          description: "Plus, first month",
          amountUsd: "16.00",
          status: "succeeded",
          declineReason: null,
          card: { brand: "visa", last4: "4242" },
          refunded: false,
          disputed: false,
          receiptUrl: "/api/v1/billing/history/chg_1/receipt",
        },
      ],
      nextCursor: null,
    })
    expect(edge.paying.asked.payments).toEqual([{ op: "charge-list", account, limit: 10, cursor: "c1" }])
  })

  it.each([
    ["planned", "processing"],
    ["submitting", "processing"],
    ["unknown", "being_confirmed"],
    ["review", "being_confirmed"],
    ["declined", "declined"],
    ["action_required", "action_required"],
    ["not_executed", "not_executed"],
    ["canceled", "canceled"],
  ] as const)("R10.2 a charge that is %s is shown as %s, without a receipt", async (status: ChargeStatus, shown) => {
    const decline = { class: "soft", code: "insufficient_funds", detail: "Not enough money on the card." } as const
    edge.paying.payments = () => ({ ok: { items: [chargeOf(account, { status, decline })], nextCursor: null } })
    const { items } = (await (await history()).json()) as { items: ReadonlyArray<Record<string, unknown>> }
    expect(items[0]).toMatchObject({ status: shown, receiptUrl: null, declineReason: "Not enough money on the card." })
  })

  it.each(["?limit=0", "?limit=201", "?limit=x", "?cursor=%20", "?account=acc_2"])("%s is 400", async (query) => {
    expect((await history(query)).status).toBe(400)
    expect(edge.paying.asked.payments).toEqual([])
  })

  it("a cursor that payments does not know is 400", async () => {
    edge.paying.payments = () => ({ refused: { code: "invalid", detail: "no such page", field: "cursor" } as never })
    expect(await (await history("?cursor=x")).json()).toMatchObject({ status: 400, field: "cursor" })
  })
})

describe("the receipt of a charge", () => {
  it("is a page with everything on it and nothing to load", async () => {
    const response = await receipt()
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8")
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(response.headers.get("cache-control")).toBe("no-store")
    const page = await response.text()
    for (const text of [
      "chg_1",
      account,
      "Plus, first month",
      "16.00 USD",
      "Visa ending in 4242",
      "2026-01-02 00:00",
    ]) {
      expect(page).toContain(text)
    }
    expect(page).not.toMatch(/<script|<link|<img|https?:/)
    expect(edge.paying.asked.payments).toEqual([{ op: "charge-show", chargeId: "chg_1", account }])
  })

  it("shows texts as text, whatever they are", async () => {
    edge.paying.payments = () => ({ ok: chargeOf(account, { description: `<b onclick="x">'&` }) })
    expect(await (await receipt()).text()).toContain("&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;")
  })

  it("says that the charge was refunded or is disputed", async () => {
    edge.paying.payments = () => ({ ok: chargeOf(account, { refunded: true }) })
    expect(await (await receipt()).text()).toContain("was refunded")
    edge.paying.payments = () => ({ ok: chargeOf(account, { disputed: true }) })
    expect(await (await receipt()).text()).toContain("is disputed")
  })

  it("is 404 for a charge that did not succeed, is another account's, or is none", async () => {
    edge.paying.payments = () => ({ ok: chargeOf(account, { status: "declined" }) })
    expect((await receipt()).status).toBe(404)
    edge.paying.payments = () => ({ ok: chargeOf("acc_2") })
    expect((await receipt()).status).toBe(404)
    edge.paying.payments = () => ({ refused: { code: "not_found", detail: "none" } })
    expect((await receipt("chg_2")).status).toBe(404)
    expect((await receipt("x".repeat(81))).status).toBe(400)
  })
})

/** The texts that a PDF shows: its streams unpacked, the hexadecimal strings of its text operators joined. */
const textsOf = (pdf: Buffer): string => {
  const streams = pdf.toString("latin1").matchAll(/stream\r?\n([\s\S]*?)\r?\nendstream/g)
  return [...streams]
    .map(([, packed]) => inflateSync(Buffer.from(packed!, "latin1")).toString("latin1"))
    .flatMap((operators) => [...operators.matchAll(/\[(.*?)\] TJ/g)])
    .map(([, shown]) => [...shown!.matchAll(/<([0-9a-f]+)>/g)].map(([, hex]) => Buffer.from(hex!, "hex")).join(""))
    .join("\n")
}

describe("the receipt of a charge as PDF", () => {
  const pdf = (id = "chg_1") => edge.fetch(`/api/v1/billing/history/${id}/receipt.pdf`, { token })

  it("is a file with the same words as the page", async () => {
    edge.paying.payments = () => ({ ok: chargeOf(account, { refunded: true }) })
    const response = await pdf()
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("application/pdf")
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="receipt-chg_1.pdf"')
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes.subarray(0, 5).toString()).toBe("%PDF-")
    const texts = textsOf(bytes)
    for (const text of [
      "chg_1",
      account,
      "Plus, first month",
      "16.00 USD",
      "Visa ending in 4242",
      "2026-01-02 00:00",
    ]) {
      expect(texts).toContain(text)
    }
    expect(texts).toContain("This charge was refunded.")
  })

  it("is 404 where the page is", async () => {
    edge.paying.payments = () => ({ ok: chargeOf("acc_2") })
    expect((await pdf()).status).toBe(404)
  })
})

describe("billing cases (R5.2)", () => {
  const open = (json: unknown, headers: Record<string, string> = {}) =>
    edge.fetch("/api/v1/billing/reviews", { method: "POST", token, json, headers })

  it("are listed without the evidence, which is support's", async () => {
    edge.paying.subscriptions = () => ({
      ok: { items: [reviewOf(account, { status: "answered", answer: "Refunded.", answeredAt: AT })] },
    })
    const response = await edge.fetch("/api/v1/billing/reviews", { token })
    expect(await response.json()).toEqual({
      items: [
        {
          reviewId: "rev_1",
          chargeId: "chg_1",
          reason: "charged twice",
          status: "answered",
          openedAt: "2026-01-02T00:00:00.000Z",
          answer: "Refunded.",
          answeredAt: "2026-01-02T00:00:00.000Z",
        },
      ],
      nextCursor: null,
    })
  })

  it("are opened from a charge, 201", async () => {
    const response = await open({ chargeId: "chg_1", reason: "charged twice\nplease look" })
    expect(response.status).toBe(201)
    expect(await response.json()).toMatchObject({ reviewId: "rev_1", status: "open" })
    expect(edge.paying.asked.subscriptions).toMatchObject([
      { op: "review-open", account, chargeId: "chg_1", reason: "charged twice\nplease look" },
    ])
  })

  it("another account's charge is 404, a second open case of one charge 409", async () => {
    edge.paying.subscriptions = () => ({ refused: { code: "charge_not_found", detail: "none" } })
    expect((await open({ chargeId: "chg_2", reason: "x" })).status).toBe(404)
    edge.paying.subscriptions = () => ({ refused: { code: "review_exists", detail: "there is one" } })
    const second = await open({ chargeId: "chg_1", reason: "x" })
    expect(second.status).toBe(409)
    expect(await second.json()).toMatchObject({ code: "review_exists" })
  })

  it.each([[""], ["  \n"], ["x".repeat(2001)], ["a\0b"], [7]])("the reason %j is 400", async (reason) => {
    const response = await open({ chargeId: "chg_1", reason })
    expect(response.status).toBe(400)
    expect(edge.paying.asked.subscriptions).toEqual([])
  })

  it("a control key reads cases, charges and receipts, and opens none", async () => {
    const key = await edge.controlKey(token)
    for (const path of ["history", "history/chg_1/receipt", "reviews"]) {
      expect((await edge.fetch(`/api/v1/billing/${path}`, { token: key })).status).toBe(200)
    }
    const json = { chargeId: "chg_1", reason: "x" }
    expect((await edge.fetch("/api/v1/billing/reviews", { method: "POST", token: key, json })).status).toBe(403)
  })
})
