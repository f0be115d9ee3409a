/**
 * Goal: a payments service that works against this processor works against Stripe. Method: the official SDK drives it
 * from the first customer to the refund, and what was charged is compared with the processor's own book.
 */
import type Stripe from "stripe"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { type Bench, intentFor, refusalOf, savedCard, START_MS, startBench } from "./stripe.fixture.ts"

let bench: Bench
let stripe: Stripe
beforeEach(async () => {
  bench = await startBench()
  stripe = bench.stripe
})
afterEach(() => bench.close())

const post = (path: string, body: unknown = {}): Promise<Response> =>
  fetch(`${bench.processor.url}/__sandbox/${path}`, { method: "POST", body: JSON.stringify(body) })

const booked = () => bench.processor.book()

describe("a card is saved", () => {
  it("R10.3 shows brand, last four, expiry and fingerprint, and nothing else of a card", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const found = await stripe.paymentMethods.retrieve(method)
    assert.strictEqual(found.customer, customer)
    const { brand, last4, exp_month, exp_year, fingerprint } = found.card!
    assert.deepEqual([brand, last4, exp_month, exp_year], ["visa", "4242", 12, 2030])
    assert.match(fingerprint!, /^\w{16}$/)
  })

  it("tells cards apart by their suffix and knows the same card again", async () => {
    const faces = []
    for (const token of ["tok_ok", "tok_ok_2", "tok_ok_3", "tok_ok_2"]) {
      const { card } = await stripe.paymentMethods.create({ type: "card", card: { token } })
      faces.push(`${card!.fingerprint} ${card!.last4}`)
    }
    assert.strictEqual(new Set(faces).size, 3)
    assert.strictEqual(faces[1], faces[3])
  })

  it("R11 a card that expires soon does so at the end of its month, and is declined after it", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok_expiring")
    const { card } = await stripe.paymentMethods.retrieve(method)
    assert.deepEqual([card!.exp_month, card!.exp_year], [11, 2026])
    bench.clock.nowMs = Date.parse("2026-11-30T23:59:59.999Z")
    const first = await intentFor(stripe, customer)
    const paid = await stripe.paymentIntents.confirm(first.id, { payment_method: method, off_session: true })
    assert.strictEqual(paid.status, "succeeded")
    bench.clock.nowMs += 1
    const second = await intentFor(stripe, customer)
    const error = await refusalOf(
      stripe.paymentIntents.confirm(second.id, { payment_method: method, off_session: true }),
    )
    assert.deepEqual([error.code, error.decline_code], ["expired_card", "expired_card"])
  })

  it("refuses a token that nobody gave out, as the real one does", async () => {
    for (const token of ["tok_nobody", "tok_ok_x", "ok", "tok_"]) {
      const error = await refusalOf(stripe.paymentMethods.create({ type: "card", card: { token } }))
      assert.deepEqual([error.statusCode, error.code, error.param], [400, "resource_missing", "card[token]"])
      assert.strictEqual(error.message, `No such token: '${token}'`)
    }
  })

  it("waits for the card element with a client secret, and is confirmed later", async () => {
    const { id: customer } = await stripe.customers.create({})
    const intent = await stripe.setupIntents.create({ customer, usage: "off_session" })
    assert.strictEqual(intent.status, "requires_payment_method")
    assert.match(intent.client_secret!, new RegExp(`^${intent.id}_secret_\\w{25}$`))
    const { id: payment_method } = await stripe.paymentMethods.create({ type: "card", card: { token: "tok_stolen" } })
    const done = await stripe.setupIntents.confirm(intent.id, { payment_method })
    assert.strictEqual(done.status, "succeeded")
    const again = await refusalOf(stripe.setupIntents.confirm(intent.id, { payment_method }))
    assert.deepEqual([again.statusCode, again.code], [400, "setup_intent_unexpected_state"])
  })

  it("lists a customer's cards, and a detached one is nobody's for ever", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const second = await stripe.paymentMethods.create({ type: "card", card: { token: "tok_ok_2" } })
    await stripe.paymentMethods.attach(second.id, { customer })
    const ids = async () => (await stripe.customers.listPaymentMethods(customer)).data.map(({ id }) => id)
    assert.deepEqual(await ids(), [second.id, method])
    assert.strictEqual((await stripe.paymentMethods.detach(method)).customer, null)
    assert.deepEqual(await ids(), [second.id])
    assert.deepEqual((await stripe.paymentMethods.list({ customer, type: "card" })).data.length, 1)
    const error = await refusalOf(stripe.paymentMethods.attach(method, { customer }))
    assert.match(error.message, /may not be used again/)
  })

  it("charges no card for a customer it does not belong to", async () => {
    const { method } = await savedCard(stripe, "tok_ok")
    const other = await stripe.customers.create({})
    const intent = await intentFor(stripe, other.id)
    for (const call of [
      stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }),
      stripe.paymentIntents.create({ amount: 100, currency: "usd", payment_method: method, confirm: true }),
    ]) {
      assert.strictEqual((await refusalOf(call)).param, "payment_method")
    }
    assert.strictEqual(booked().totals.count, 0)
  })
})

describe("a card is charged", () => {
  it("R10.1 create, then confirm: one charge, one line in the book with what it was for", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer)
    assert.deepEqual([intent.status, intent.payment_method], ["requires_payment_method", null])
    assert.strictEqual(booked().totals.count, 0)
    const paid = await stripe.paymentIntents.confirm(intent.id, {
      payment_method: method,
      off_session: true,
      payment_method_options: { card: { stored_credential_usage: "unscheduled" } },
      expand: ["latest_charge", "payment_method"],
    })
    assert.deepEqual([paid.status, paid.amount_received], ["succeeded", 2_500])
    const charge = paid.latest_charge as Stripe.Charge
    assert.deepEqual([charge.status, charge.paid, charge.amount], ["succeeded", true, 2_500])
    assert.strictEqual(charge.metadata["charge_id"], "chg_1")
    assert.strictEqual((paid.payment_method as Stripe.PaymentMethod).card!.last4, "4242")
    assert.deepEqual(booked(), {
      items: [
        {
          id: charge.id,
          customer,
          accountId: "acc_1",
          chargeId: "chg_1",
          obligation: "topup:acc_1:2026-11:1",
          amountCents: 2_500,
          refundedCents: 0,
          currency: "usd",
          status: "succeeded",
          at: new Date(START_MS).toISOString(),
        },
      ],
      totals: { count: 1, chargedCents: 2_500, refundedCents: 0, disputedCents: 0 },
    })
    const overHttp: unknown = await (await fetch(`${bench.processor.url}/__sandbox/charges`)).json()
    assert.deepEqual(overHttp, booked())
  })

  it("I6 a succeeded intent refuses every further confirmation and charges nothing", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer, { payment_method: method })
    assert.strictEqual(intent.status, "requires_confirmation")
    await stripe.paymentIntents.confirm(intent.id, { off_session: true })
    const other = await savedCard(stripe, "tok_ok_2")
    for (const params of [{}, { payment_method: method }, { payment_method: other.method, off_session: true }]) {
      const error = await refusalOf(stripe.paymentIntents.confirm(intent.id, params))
      assert.deepEqual([error.statusCode, error.code], [400, "payment_intent_unexpected_state"])
      assert.strictEqual(error.payment_intent?.status, "succeeded")
    }
    assert.strictEqual(
      (await refusalOf(stripe.paymentIntents.cancel(intent.id))).code,
      "payment_intent_unexpected_state",
    )
    assert.strictEqual(booked().totals.count, 1)
  })

  it("a canceled intent cannot be paid any more", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer)
    const canceled = await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: "abandoned" })
    assert.deepEqual([canceled.status, canceled.cancellation_reason], ["canceled", "abandoned"])
    const error = await refusalOf(stripe.paymentIntents.confirm(intent.id, { payment_method: method }))
    assert.strictEqual(error.code, "payment_intent_unexpected_state")
  })

  it("an intent without a card cannot be confirmed", async () => {
    const { customer } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer)
    const error = await refusalOf(stripe.paymentIntents.confirm(intent.id))
    assert.strictEqual(error.code, "payment_intent_unexpected_state")
  })

  const declines = [
    ["tok_insufficient_funds", "card_declined", "insufficient_funds", "try_again_later", undefined],
    ["tok_stolen", "card_declined", "stolen_card", "do_not_try_again", "03"],
  ] as const
  for (const [token, code, declineCode, advice, networkAdvice] of declines) {
    it(`R10.2 ${token} is declined with its reason, and the intent can be paid with another card`, async () => {
      const { customer, method } = await savedCard(stripe, token)
      const intent = await intentFor(stripe, customer)
      const error = await refusalOf(
        stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }),
      )
      assert.strictEqual(error.statusCode, 402)
      assert.deepEqual(
        [error.type, error.code, error.decline_code, error.advice_code, error.network_advice_code],
        ["StripeCardError", code, declineCode, advice, networkAdvice],
      )
      assert.deepEqual(
        [error.payment_intent?.id, error.payment_intent?.status, error.payment_intent?.payment_method],
        [intent.id, "requires_payment_method", null],
      )
      const charge = await stripe.charges.retrieve(error.charge!)
      assert.deepEqual([charge.status, charge.paid, charge.outcome?.reason], ["failed", false, declineCode])
      assert.strictEqual(booked().totals.count, 0)
      const { id } = await stripe.paymentMethods.create({ type: "card", card: { token: "tok_ok" } })
      await stripe.paymentMethods.attach(id, { customer })
      const paid = await stripe.paymentIntents.confirm(intent.id, { payment_method: id, off_session: true })
      assert.deepEqual([paid.status, paid.last_payment_error], ["succeeded", null])
      assert.strictEqual(booked().totals.count, 1)
    })
  }

  it("tok_ok_then_decline: the first charge succeeds, later ones are declined", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok_then_decline")
    const pay = async () =>
      stripe.paymentIntents.confirm((await intentFor(stripe, customer)).id, {
        payment_method: method,
        off_session: true,
      })
    assert.strictEqual((await pay()).status, "succeeded")
    for (const _ of [1, 2]) assert.strictEqual((await refusalOf(pay())).decline_code, "generic_decline")
    assert.strictEqual(booked().totals.count, 1)
  })

  it("tok_slow takes two seconds; meanwhile its key is in use", async () => {
    const { customer, method } = await savedCard(stripe, "tok_slow")
    const intent = await intentFor(stripe, customer)
    const startedAt = performance.now()
    const confirm = () =>
      stripe.paymentIntents.confirm(
        intent.id,
        { payment_method: method, off_session: true },
        { idempotencyKey: "chg_1:confirm:1" },
      )
    const first = confirm()
    const error = await refusalOf(confirm())
    assert.deepEqual([error.statusCode, error.code], [409, "idempotency_key_in_use"])
    assert.strictEqual((await first).status, "succeeded")
    assert.isAtLeast(performance.now() - startedAt, 1_990)
    assert.strictEqual(booked().totals.count, 1)
  })

  it("R9.5 tok_timeout_then_ok: the charge happens, its answer is lost once, the same key tells it", async () => {
    const { customer, method } = await savedCard(stripe, "tok_timeout_then_ok")
    const intent = await intentFor(stripe, customer)
    const confirm = (id: string, key: string) =>
      stripe.paymentIntents.confirm(id, { payment_method: method, off_session: true }, { idempotencyKey: key })
    // The SDK repeats a closed connection once by itself; that answer is lost too, or nobody would notice.
    assert.strictEqual((await refusalOf(confirm(intent.id, "k1"))).type, "StripeConnectionError")
    assert.strictEqual(booked().totals.count, 1)
    assert.strictEqual((await stripe.paymentIntents.retrieve(intent.id)).status, "succeeded")
    assert.strictEqual((await confirm(intent.id, "k1")).status, "succeeded")
    const second = await intentFor(stripe, customer)
    assert.strictEqual((await confirm(second.id, "k2")).status, "succeeded")
    assert.strictEqual(booked().totals.count, 2)
  })
})

describe("an intent gets new terms", () => {
  it("R10.1 after a decline: another card and amount, the error forgotten, the same intent confirmed", async () => {
    const { customer, method } = await savedCard(stripe, "tok_insufficient_funds")
    const intent = await intentFor(stripe, customer, { payment_method: method })
    await refusalOf(stripe.paymentIntents.confirm(intent.id, { off_session: true }))
    const { id: token } = await stripe.paymentMethods.create({ type: "card", card: { token: "tok_ok" } })
    const updated = await stripe.paymentIntents.update(intent.id, {
      amount: 7_000,
      payment_method: token,
      description: "Pro",
      metadata: { attempt: "2" },
    })
    assert.deepEqual([updated.status, updated.amount, updated.description], ["requires_confirmation", 7_000, "Pro"])
    assert.isNull(updated.last_payment_error)
    assert.deepEqual([updated.metadata["attempt"], updated.metadata["charge_id"]], ["2", "chg_1"])
    const paid = await stripe.paymentIntents.confirm(intent.id, { off_session: true })
    assert.deepEqual([paid.status, paid.amount_received], ["succeeded", 7_000])
    assert.strictEqual(booked().totals.chargedCents, 7_000)
  })

  it("one that has succeeded keeps its terms", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer, { payment_method: method })
    await stripe.paymentIntents.confirm(intent.id, { off_session: true })
    const error = await refusalOf(stripe.paymentIntents.update(intent.id, { amount: 1 }))
    assert.deepEqual([error.statusCode, error.code], [400, "payment_intent_unexpected_state"])
  })
})

describe("a card that asks for its owner", () => {
  const offSession = async () => {
    const { customer, method } = await savedCard(stripe, "tok_authentication_required")
    const intent = await intentFor(stripe, customer)
    const error = await refusalOf(
      stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }),
    )
    return { customer, method, intent, error }
  }

  it("R10.2 off-session answers 402 authentication_required with the intent", async () => {
    const { intent, error, method } = await offSession()
    assert.deepEqual(
      [error.statusCode, error.code, error.decline_code],
      [402, "authentication_required", "authentication_required"],
    )
    assert.deepEqual([error.payment_intent?.id, error.payment_intent?.status], [intent.id, "requires_payment_method"])
    assert.strictEqual(error.payment_intent?.client_secret, intent.client_secret)
    assert.strictEqual(error.payment_method?.id, method)
    assert.strictEqual(booked().totals.count, 0)
  })

  it("on-session answers requires_action with the client secret, and authentication completes it", async () => {
    const { intent, method } = await offSession()
    const waiting = await stripe.paymentIntents.confirm(intent.id, { payment_method: method })
    assert.deepEqual([waiting.status, waiting.next_action?.type], ["requires_action", "use_stripe_sdk"])
    assert.strictEqual(waiting.client_secret, intent.client_secret)
    assert.strictEqual(booked().totals.count, 0)
    assert.strictEqual((await post(`authenticate/${intent.id}`)).status, 200)
    assert.strictEqual((await stripe.paymentIntents.retrieve(intent.id)).status, "succeeded")
    assert.strictEqual(booked().totals.count, 1)
    assert.strictEqual((await post(`authenticate/${intent.id}`)).status, 400)
    assert.strictEqual(booked().totals.count, 1)
  })

  it("contract 5 our charge id completes what was refused off-session", async () => {
    const { intent } = await offSession()
    assert.strictEqual((await post("authenticate/chg_1")).status, 200)
    const paid = await stripe.paymentIntents.retrieve(intent.id, { expand: ["latest_charge"] })
    assert.strictEqual(paid.status, "succeeded")
    const { card } = (paid.latest_charge as Stripe.Charge).payment_method_details!
    assert.strictEqual(card!.three_d_secure?.result, "authenticated")
    assert.strictEqual((await post("authenticate/chg_unknown")).status, 404)
  })

  it("a failed authentication charges nothing and leaves the intent open", async () => {
    const { intent, method } = await offSession()
    await stripe.paymentIntents.confirm(intent.id, { payment_method: method, return_url: "https://example.test/back" })
    assert.strictEqual((await post(`authenticate/${intent.id}`, { outcome: "failed" })).status, 200)
    const left = await stripe.paymentIntents.retrieve(intent.id)
    assert.deepEqual(
      [left.status, left.last_payment_error?.code],
      ["requires_payment_method", "payment_intent_authentication_failure"],
    )
    assert.strictEqual(booked().totals.count, 0)
  })
})

describe("money comes back", () => {
  const paid = async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer)
    return stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true })
  }

  it("R5.2 a proven duplicate is refunded, once, and the book says so", async () => {
    const intent = await paid()
    const refund = await stripe.refunds.create({ payment_intent: intent.id, reason: "duplicate" })
    assert.deepEqual(
      [refund.status, refund.amount, refund.charge],
      ["succeeded", 2_500, intent.latest_charge as string],
    )
    const error = await refusalOf(stripe.refunds.create({ charge: intent.latest_charge as string }))
    assert.strictEqual(error.code, "charge_already_refunded")
    assert.deepEqual([booked().items[0]!.status, booked().totals.refundedCents], ["refunded", 2_500])
    const listed = await stripe.refunds.list({ charge: intent.latest_charge as string })
    assert.deepEqual(
      listed.data.map(({ id }) => id),
      [refund.id],
    )
    assert.strictEqual((await stripe.refunds.retrieve(refund.id)).reason, "duplicate")
  })

  it("parts are refunded up to what was charged", async () => {
    const { latest_charge: charge } = await paid()
    await stripe.refunds.create({ charge: charge as string, amount: 1_000 })
    const error = await refusalOf(stripe.refunds.create({ charge: charge as string, amount: 1_501 }))
    assert.match(error.message, /\$15\.01.*\$15\.00/)
    await stripe.refunds.create({ charge: charge as string, amount: 1_500 })
    const after = await stripe.charges.retrieve(charge as string)
    assert.deepEqual([after.refunded, after.amount_refunded], [true, 2_500])
  })

  it("R5.2 a dispute is opened through the control call and tells its charge", async () => {
    const intent = await paid()
    assert.strictEqual((await post("disputes", { charge: "chg_1", reason: "duplicate" })).status, 200)
    assert.strictEqual((await post("disputes", { charge: "chg_1" })).status, 400)
    const { data } = await stripe.disputes.list({ charge: intent.latest_charge as string })
    assert.deepEqual([data[0]!.reason, data[0]!.status, data[0]!.amount], ["duplicate", "needs_response", 2_500])
    assert.strictEqual((await stripe.disputes.retrieve(data[0]!.id)).charge, intent.latest_charge)
    assert.strictEqual((await refusalOf(stripe.refunds.create({ payment_intent: intent.id }))).code, "charge_disputed")
    assert.deepEqual([booked().items[0]!.status, booked().totals.disputedCents], ["disputed", 2_500])
    const events = await stripe.events.list({ type: "charge.dispute.created" })
    assert.strictEqual(events.data.length, 1)
  })
})
