/**
 * Payments over a real bus, a real database and the sandbox processor. Goal: what is asked for is charged once, what is
 * told is what was taken, and every border refuses what it cannot use.
 */
import { findPostgresBinaries, postgresForTests } from "@credits/testkit"
import {
  SUBJECTS,
  type ChargeAnswer,
  type ChargePage,
  type ChargeView,
  type CloseAnswer,
  type MethodView,
  type PaymentsReply,
  type PaymentsRequest,
  type SetUpAnswer,
} from "@credits/contracts"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import {
  advance,
  ask,
  bookDifferences,
  charge,
  chargeRequest,
  factKinds,
  factsOf,
  okOf,
  processorOf,
  quiet,
  saveCard,
  startParts,
  startTestPayments,
  type Parts,
  type TestPayments,
} from "./payments.fixture.ts"

const LONG_MS = 60_000

let parts: Parts
let payments: TestPayments
beforeAll(async () => {
  parts = await startParts()
  payments = await startTestPayments(parts)
})
afterAll(async () => {
  await payments.stop()
  await parts.stop()
})
beforeEach(() => parts.sandbox.faults.clear())

const codeOf = (reply: PaymentsReply<unknown>): string => ("refused" in reply ? reply.refused.code : "ok")
const post = (path: string, body: unknown = {}): Promise<Response> =>
  fetch(`${parts.sandbox.url}/__sandbox/${path}`, { method: "POST", body: JSON.stringify(body) })

describe("charges", () => {
  it("R10.1 R10.3 a saved card is charged once for an obligation, and the fact tells it", async () => {
    const saved = okOf(await saveCard(parts.bus, "acc_one", "tok_ok")) as MethodView
    assert.deepInclude(saved, { brand: "visa", last4: "4242", status: "usable" })
    const request = chargeRequest("renewal:sub_1:1")
    const { status, charge: view } = await charge(parts.bus, request)
    assert.equal(status, "decided")
    assert.deepInclude(view, { status: "succeeded", attempt: 1, amountCents: 2_000, decline: null, clientSecret: null })
    assert.deepEqual(view.method, saved)
    for (const attempt of [1, 2, 7]) {
      const again = await charge(parts.bus, { ...request, attempt })
      assert.deepEqual([again.charge.chargeId, again.charge.status], [view.chargeId, "succeeded"])
    }
    await quiet(parts.bus)
    assert.deepEqual(await factKinds(parts.bus, "renewal:sub_1:1"), ["charge_succeeded"])
    assert.deepEqual(await bookDifferences(parts), [])
    const stored = JSON.stringify(await parts.database.kysely.selectFrom("charge").selectAll().execute(), (_, value) =>
      typeof value === "bigint" ? Number(value) : (value as unknown),
    )
    assert.notMatch(stored, /4242\d{8}|cvc|number/)
  })

  it("R10.1 many at once for one obligation are one charge", async () => {
    const request = chargeRequest("renewal:sub_1:2")
    const answers = await Promise.all(Array.from({ length: 20 }, () => charge(parts.bus, request)))
    assert.equal(new Set(answers.map((answer) => answer.charge.chargeId)).size, 1)
    assert.deepEqual(await bookDifferences(parts), [])
  })

  it("R10.1 the same attempt with another amount is id_conflict, and charges nothing", async () => {
    const request = chargeRequest("renewal:sub_1:1", { amountCents: 4_000 })
    // It has succeeded: whatever is asked, that is the answer.
    assert.equal((await charge(parts.bus, request)).charge.amountCents, 2_000)
    await saveCard(parts.bus, "acc_poor", "tok_insufficient_funds")
    const poor = chargeRequest("renewal:sub_2:1", { account: "acc_poor" })
    assert.equal((await charge(parts.bus, poor)).charge.status, "declined")
    assert.equal(codeOf(await ask(parts.bus, { ...poor, amountCents: 1_000 })), "id_conflict")
    assert.equal(codeOf(await ask(parts.bus, { ...poor, account: "acc_one" })), "id_conflict")
  })

  it("R10.2 a soft decline says so; a new attempt with another card and amount takes the same intent", async () => {
    const obligation = "renewal:sub_2:1"
    const first = (await charge(parts.bus, chargeRequest(obligation, { account: "acc_poor" }))).charge
    assert.deepInclude(first.decline, { class: "soft", code: "insufficient_funds" })
    await saveCard(parts.bus, "acc_poor", "tok_ok")
    const next = chargeRequest(obligation, { account: "acc_poor", attempt: 2, amountCents: 1_500 })
    const second = (await charge(parts.bus, next)).charge
    assert.deepInclude(second, { status: "succeeded", amountCents: 1_500, processorId: first.processorId })
    assert.deepEqual(await factKinds(parts.bus, obligation), ["charge_declined", "charge_succeeded"])
    assert.deepEqual(await bookDifferences(parts), [])
  })

  it("R9.6 R10.2 a final decline blocks the card: the next charge is declined without a word to the bank", async () => {
    await saveCard(parts.bus, "acc_thief", "tok_stolen")
    const first = (await charge(parts.bus, chargeRequest("topup:acc_thief:2027-01:1", { account: "acc_thief" }))).charge
    assert.deepInclude(first.decline, { class: "final", code: "generic" })
    await quiet(parts.bus)
    const method = okOf(await ask<MethodView>(parts.bus, { op: "method", account: "acc_thief" }))
    assert.equal(method.status, "blocked")
    const second = (await charge(parts.bus, chargeRequest("topup:acc_thief:2027-01:2", { account: "acc_thief" })))
      .charge
    assert.deepInclude(second, { status: "declined", processorId: null })
    assert.equal(codeOf(await saveCard(parts.bus, "acc_thief", "tok_stolen")), "card_refused")
    await quiet(parts.bus)
    const facts = (await factsOf(parts.bus)).filter(({ account }) => account === "acc_thief").map(({ kind }) => kind)
    assert.deepEqual(facts, ["method_saved", "charge_declined", "method_blocked", "charge_declined"])
  })

  it("R10.2 off session the bank wants the customer: they follow the link, and the same intent succeeds", async () => {
    await saveCard(parts.bus, "acc_sca", "tok_authentication_required")
    const request = chargeRequest("renewal:sub_3:1", { account: "acc_sca" })
    const first = (await charge(parts.bus, request)).charge
    assert.deepInclude(first, { status: "action_required", expiresAt: null })
    assert.match(first.clientSecret ?? "", /^pi_.*_secret_/)
    assert.equal((await post(`authenticate/${first.chargeId}`)).status, 200)
    await payments.poll()
    await quiet(parts.bus)
    const shown = okOf(await ask<ChargeView>(parts.bus, { op: "charge-show", chargeId: first.chargeId }))
    assert.equal(shown.status, "succeeded")
    assert.deepEqual(await factKinds(parts.bus, "renewal:sub_3:1"), ["charge_action_required", "charge_succeeded"])
  })

  it("R10.2 a customer who is there authenticates or does not; we look by ourselves", async () => {
    const upgrade = (id: string) =>
      charge(parts.bus, chargeRequest(`upgrade:${id}`, { account: "acc_sca", present: true }))
    const [done, failed, left] = [await upgrade("qt_1"), await upgrade("qt_2"), await upgrade("qt_3")]
    for (const { charge: view } of [done, failed, left]) assert.equal(view.status, "action_required")
    await post(`authenticate/${done.charge.chargeId}`)
    await post(`authenticate/${failed.charge.chargeId}`, { outcome: "failed" })
    await advance(parts, 16 * 60_000)
    const statusOf = async ({ charge: { chargeId } }: ChargeAnswer) => {
      const view = okOf(await ask<ChargeView>(parts.bus, { op: "charge-show", chargeId }))
      return [view.status, view.decline?.code ?? null]
    }
    assert.deepEqual(await statusOf(done), ["succeeded", null])
    assert.deepEqual(await statusOf(failed), ["declined", "payment_intent_authentication_failure"])
    assert.deepEqual(await statusOf(left), ["declined", "authentication_expired"])
    assert.deepEqual(await bookDifferences(parts), [])
  })

  it("R5.4 a closed obligation is canceled at the processor; a paid one answers so", async () => {
    const close = (account: string, obligation: string) =>
      ask<CloseAnswer>(parts.bus, { op: "charge-close", account, obligation })
    assert.deepEqual(okOf(await close("acc_one", "renewal:sub_1:1")), { status: "succeeded" })
    await saveCard(parts.bus, "acc_late", "tok_insufficient_funds")
    const request = chargeRequest("renewal:sub_4:1", { account: "acc_late" })
    const { processorId } = (await charge(parts.bus, request)).charge
    assert.deepEqual(okOf(await close("acc_late", "renewal:sub_4:1")), { status: "closed" })
    const intent = await processorOf(parts).retrieveIntent(processorId!)
    assert.nestedPropertyVal(intent, "ok.status", "canceled")
    assert.equal(codeOf(await ask(parts.bus, { ...request, attempt: 2 })), "obligation_closed")
    assert.equal(codeOf(await close("acc_other", "renewal:sub_4:1")), "not_found")
    assert.deepEqual(okOf(await close("acc_late", "renewal:sub_4:2")), { status: "closed" })
    const never = chargeRequest("renewal:sub_4:2", { account: "acc_late" })
    assert.equal(codeOf(await ask(parts.bus, never)), "obligation_closed")
  })

  it("R5.2 a refund needs its reason, happens once and is told", async () => {
    const { chargeId } = (await charge(parts.bus, chargeRequest("renewal:sub_1:3"))).charge
    const refund = { op: "charge-refund", chargeId, by: "ana", reason: "charged for a closed account" } as const
    const [one, two] = await Promise.all([ask<ChargeView>(parts.bus, refund), ask<ChargeView>(parts.bus, refund)])
    assert.deepInclude(okOf(one), { status: "succeeded", refunded: true })
    assert.isTrue(okOf(two).refunded)
    assert.equal(parts.sandbox.book().totals.refundedCents, 2_000)
    assert.deepEqual(await factKinds(parts.bus, "renewal:sub_1:3"), ["charge_succeeded", "charge_refunded"])
    const actions = await parts.database.kysely.selectFrom("charge_action").selectAll().execute()
    assert.deepEqual(
      actions.map(({ charge_id, what, by }) => [charge_id, what, by]),
      [[chargeId, "refund", "ana"]],
    )
    assert.deepEqual(await bookDifferences(parts), [])
  })

  it("lists are newest first, by account and status, a page at a time, and another's charge is not found", async () => {
    const list = (change: object) => ask<ChargePage>(parts.bus, { op: "charge-list", ...change } as PaymentsRequest)
    const all = okOf(await list({ account: "acc_one" }))
    const pages: Array<ChargeView> = []
    let cursor: string | null = null
    do {
      const page: ChargePage = okOf(
        await list({ account: "acc_one", limit: 1, ...(cursor === null ? {} : { cursor }) }),
      )
      pages.push(...page.items)
      cursor = page.nextCursor
    } while (cursor !== null)
    assert.deepEqual(pages, all.items)
    assert.isAtLeast(pages.length, 3)
    const declined = okOf(await list({ status: "declined" }))
    assert.isNotEmpty(declined.items)
    for (const { status } of declined.items) assert.equal(status, "declined")
    const { chargeId } = pages[0]!
    assert.equal(codeOf(await ask(parts.bus, { op: "charge-show", chargeId, account: "acc_sca" })), "not_found")
    assert.equal(codeOf(await ask(parts.bus, { op: "charge-show", chargeId: "chg_0" })), "not_found")
  })
})

describe("payment methods", () => {
  it("a set-up gives the processor's secret and our publishable key, and its result is saved", async () => {
    const setup = okOf(await ask<SetUpAnswer>(parts.bus, { op: "method-setup", account: "acc_form" }))
    assert.equal(setup.publishableKey, "pk_test_x")
    const id = setup.clientSecret.replace(/_secret_.*/, "")
    assert.equal(codeOf(await saveCard(parts.bus, "acc_form", id)), "setup_token_invalid")
    const { stripe } = processorOf(parts)
    const method = await stripe.paymentMethods.create({ type: "card", card: { token: "tok_ok" } })
    await stripe.setupIntents.confirm(id, { payment_method: method.id })
    assert.equal(codeOf(await saveCard(parts.bus, "acc_thief", id)), "setup_token_invalid")
    assert.equal(codeOf(await saveCard(parts.bus, "acc_form", setup.clientSecret)), "ok")
    assert.equal(
      (await charge(parts.bus, chargeRequest("first:sub_9", { account: "acc_form" }))).charge.status,
      "succeeded",
    )
  })

  it("a token nobody gave out, and a card that its bank refuses at once, leave the card that was there", async () => {
    for (const [token, code] of [
      ["tok_nobody", "setup_token_invalid"],
      ["pm_nobody", "setup_token_invalid"],
      ["seti_nobody", "setup_token_invalid"],
      ["tok_chargeDeclined", "card_refused"],
    ] as const) {
      assert.equal(codeOf(await saveCard(parts.bus, "acc_form", token)), code, token)
    }
    const method = okOf(await ask<MethodView>(parts.bus, { op: "method", account: "acc_form" }))
    assert.equal(method.status, "usable")
  })

  it("the same save again is the same card; the one before is detached at the processor", async () => {
    const save = { op: "method-save", account: "acc_swap", id: "one-click" } as const
    const first = okOf(await ask<MethodView>(parts.bus, { ...save, setupToken: "tok_ok" }))
    assert.deepEqual(okOf(await ask<MethodView>(parts.bus, { ...save, setupToken: "tok_ok" })), first)
    assert.equal(codeOf(await ask(parts.bus, { ...save, setupToken: "tok_ok_2" })), "id_conflict")
    await saveCard(parts.bus, "acc_swap", "tok_ok_2")
    await quiet(parts.bus)
    const { stripe } = processorOf(parts)
    const method = await stripe.paymentMethods.retrieve(first.id)
    assert.isNull(method.customer)
  })

  it("a removed card is charged no more", async () => {
    assert.equal(codeOf(await ask(parts.bus, { op: "method-remove", account: "acc_swap", id: "gone" })), "ok")
    assert.isNull(okOf(await ask(parts.bus, { op: "method", account: "acc_swap" })))
    const request = chargeRequest("topup:acc_swap:2027-01:1", { account: "acc_swap" })
    assert.equal(codeOf(await ask(parts.bus, request)), "payment_method_required")
    assert.equal(codeOf(await ask(parts.bus, { ...request, account: "acc_new" })), "payment_method_required")
  })

  it("R11 a card that expires is told on the 1st of its month, once", async () => {
    await saveCard(parts.bus, "acc_old", "tok_ok_expiring")
    await quiet(parts.bus)
    const expiring = (await factsOf(parts.bus)).filter(({ kind }) => kind === "method_expiring")
    assert.deepEqual(
      expiring.map(({ account, method }) => [account, method?.expMonth]),
      [["acc_old", 1]],
    )
  })
})

describe("bad input", () => {
  const send = async (op: string, body: unknown): Promise<PaymentsReply<unknown>> => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const reply = await parts.bus.connection.request(SUBJECTS.paymentsRequest(op), text, { timeout: 10_000 })
    return JSON.parse(reply.string()) as PaymentsReply<unknown>
  }

  it("amounts that are none are refused by name, and nothing is charged", async () => {
    const before = parts.sandbox.book().totals.count
    for (const amountCents of [0, -1, 49, 0.5, 1e9, 100_000_000, "2000", null, Number.NaN, 2 ** 53]) {
      const reply = await send("charge", { ...chargeRequest("renewal:sub_x:1"), amountCents })
      assert.equal(codeOf(reply), "invalid", String(amountCents))
      assert.nestedPropertyVal(reply, "refused.field", "amountCents")
    }
    assert.equal(parts.sandbox.book().totals.count, before)
  })

  it("unknown fields, missing ones and wrong ones are refused by name", async () => {
    const good = chargeRequest("renewal:sub_x:1")
    const bad: ReadonlyArray<readonly [field: string, body: object]> = [
      ["surprise", { ...good, surprise: true }],
      ["account", { ...good, account: "sub_1" }],
      ["obligation", { ...good, obligation: "anything" }],
      ["kind", { ...good, kind: "topup" }],
      ["attempt", { ...good, attempt: 0 }],
      ["description", { ...good, description: "" }],
      ["description", { ...good, description: "a\nb" }],
      ["waitMs", { ...good, waitMs: 60_000 }],
      ["present", { ...good, present: "yes" }],
    ]
    for (const [field, body] of bad) {
      const reply = await send("charge", body)
      assert.nestedPropertyVal(reply, "refused.code", "invalid", field)
      assert.nestedPropertyVal(reply, "refused.field", field)
    }
    const { present: _, ...missing } = good
    assert.nestedPropertyVal(await send("charge", missing), "refused.field", "present")
    for (const setupToken of ["", "tok_", "tok_ok; drop", "4242424242424242", `tok_${"x".repeat(300)}`]) {
      const body = { op: "method-save", account: "acc_one", id: "x", setupToken }
      assert.nestedPropertyVal(await send("method-save", body), "refused.field", "setupToken")
    }
  })

  it("no JSON, no object, another operation: an answer in any case", async () => {
    for (const body of ["", "{", "null", "[]", "42", '"charge"', "\0"]) {
      assert.equal(codeOf(await send("charge", body)), "invalid")
    }
    assert.equal(codeOf(await send("charge", { op: "charge-show", chargeId: "chg_1" })), "invalid")
    assert.equal(codeOf(await send("pay-all", {})), "unknown_op")
  })

  it("only what is in review is resolved by a person, only what was taken is given back", async () => {
    const { chargeId } = (await charge(parts.bus, chargeRequest("renewal:sub_1:1"))).charge
    const resolve = { op: "charge-resolve", chargeId, outcome: "not_executed", by: "ana", reason: "a guess" } as const
    assert.equal(codeOf(await ask(parts.bus, resolve)), "not_resolvable")
    assert.equal(codeOf(await ask(parts.bus, { ...resolve, chargeId: "chg_0" })), "not_found")
    const declined = okOf(await ask<ChargePage>(parts.bus, { op: "charge-list", status: "declined" })).items[0]!
    const refund = { op: "charge-refund", chargeId: declined.chargeId, by: "ana", reason: "a wish" } as const
    assert.equal(codeOf(await ask(parts.bus, refund)), "not_refundable")
  })
})

describe("a clock that is moved", () => {
  it("R12.1 who asks knows of it already: the charge is of that instant, not a month old at once", async () => {
    const own = await startParts()
    const running = await startTestPayments(own)
    await saveCard(own.bus, "acc_one", "tok_ok")
    const askedAt = own.clock.now() + 31 * 86_400_000
    own.clock.moveUnheard(askedAt)
    const { charge: view } = await charge(own.bus, chargeRequest("renewal:sub_1:1", { askedAt }))
    assert.equal(view.status, "succeeded")
    assert.isAtLeast(view.at, askedAt)
    await running.stop()
    await own.stop()
  })
})

describe.skipIf(findPostgresBinaries() === undefined)("payments over a real Postgres", () => {
  it(
    "R10.1 charges, declines, refunds and lists as over SQLite, also after a restart",
    async () => {
      const postgres = await postgresForTests()
      if (postgres === undefined) throw new Error("the machine has Postgres, yet none started")
      const own = await startParts({ databaseUrl: postgres.url })
      for (const round of [1, 2]) {
        const running = await startTestPayments(own)
        await saveCard(own.bus, "acc_one", "tok_ok")
        const requests = Array.from({ length: 10 }, (_, i) => chargeRequest(`renewal:sub_${round}:${i}`))
        const answers = await Promise.all(requests.map((request) => charge(own.bus, request)))
        for (const answer of answers) assert.equal(answer.charge.status, "succeeded")
        const { chargeId } = answers[0]!.charge
        okOf(await ask(own.bus, { op: "charge-refund", chargeId, by: "ana", reason: "an error" }))
        okOf(await ask(own.bus, { op: "recon-run" }))
        await quiet(own.bus)
        assert.deepEqual(await bookDifferences(own), [])
        await running.stop()
      }
      await own.stop()
      await postgres.stop()
    },
    LONG_MS,
  )
})
