/**
 * Goal: every fault of the plan does what its name says, to the requests its rule names and to no others. Method: the
 * official SDK meets each of them; the book says whether money moved.
 */
import type Stripe from "stripe"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import type { FaultRule } from "./index.ts"
import { type Bench, intentFor, refusalOf, savedCard, startBench } from "./stripe.fixture.ts"

let bench: Bench
let stripe: Stripe
let intent: Stripe.PaymentIntent
let method = ""

beforeEach(async () => {
  bench = await startBench({}, { timeout: 400 })
  stripe = bench.stripe
  const saved = await savedCard(stripe, "tok_ok")
  method = saved.method
  intent = await intentFor(stripe, saved.customer)
})
afterEach(() => bench.close())

const CONFIRM = "/v1/payment_intents/*/confirm"
const confirm = (key = "k") =>
  stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }, { idempotencyKey: key })
const charges = (): number => bench.processor.book().totals.count
const plan = (
  kind: "lose_answer" | "hang" | "truncate" | "error_500" | "error_500_unexecuted" | "key_in_use" | "reset",
  times?: number,
) =>
  bench.processor.faults.set([
    { match: { method: "POST", path: CONFIRM }, fault: { kind }, ...(times === undefined ? {} : { times }) },
  ])

describe("faults after the charge", () => {
  it("R10.2 lose_answer: money moved, the connection is reset, the same key tells it", async () => {
    plan("lose_answer", 2)
    assert.strictEqual((await refusalOf(confirm())).type, "StripeConnectionError")
    assert.strictEqual(charges(), 1)
    const again = (await confirm()) as Stripe.Response<Stripe.PaymentIntent>
    assert.deepEqual([again.status, again.lastResponse.headers["idempotent-replayed"]], ["succeeded", "true"])
    assert.strictEqual(charges(), 1)
  })

  it("a single lost answer is mended by the SDK itself, which repeats a closed connection under its key", async () => {
    plan("lose_answer", 1)
    assert.strictEqual((await confirm()).status, "succeeded")
    assert.strictEqual(charges(), 1)
  })

  it("R10.2 hang: money moved, no answer until the client gives up", async () => {
    plan("hang", 1)
    const error = await refusalOf(confirm())
    assert.deepEqual([error.type, /timeout/.test(error.message)], ["StripeConnectionError", true])
    assert.strictEqual(charges(), 1)
    assert.strictEqual((await stripe.paymentIntents.retrieve(intent.id)).status, "succeeded")
  })

  it("R10.2 truncate: money moved, head and half a body arrive", async () => {
    plan("truncate", 1)
    const error = await refusalOf(confirm())
    assert.strictEqual(error.type, "StripeConnectionError")
    assert.match(error.requestId ?? "", /^req_/)
    assert.strictEqual(charges(), 1)
    assert.strictEqual((await confirm()).status, "succeeded")
  })

  it("R10.2 error_500: money moved, and the key answers 500 for as long as it lives", async () => {
    plan("error_500", 1)
    for (const _ of [1, 2, 3]) {
      const error = await refusalOf(confirm())
      assert.deepEqual([error.statusCode, error.rawType], [500, "api_error"])
    }
    assert.strictEqual(charges(), 1)
    assert.strictEqual((await stripe.paymentIntents.retrieve(intent.id)).status, "succeeded")
    assert.strictEqual((await refusalOf(confirm("k2"))).code, "payment_intent_unexpected_state")
    assert.strictEqual(charges(), 1)
  })
})

describe("faults before the charge", () => {
  it("error_500_unexecuted: no money moved, the key answers 500 all the same, another key pays", async () => {
    plan("error_500_unexecuted", 1)
    for (const _ of [1, 2]) assert.strictEqual((await refusalOf(confirm())).statusCode, 500)
    assert.strictEqual(charges(), 0)
    assert.strictEqual((await confirm("k2")).status, "succeeded")
    assert.strictEqual(charges(), 1)
  })

  it("key_in_use: 409, nothing moved, the key is as fresh as before", async () => {
    plan("key_in_use", 1)
    const error = await refusalOf(confirm())
    assert.deepEqual([error.statusCode, error.code, error.type], [409, "idempotency_key_in_use", "StripeAPIError"])
    assert.strictEqual(charges(), 0)
    assert.strictEqual((await confirm()).status, "succeeded")
  })

  it("rate_limited: 429 with Retry-After, nothing moved", async () => {
    bench.processor.faults.set([
      { match: { path: CONFIRM }, fault: { kind: "rate_limited", retryAfterSeconds: 7 }, times: 1 },
    ])
    const error = await refusalOf(confirm())
    assert.deepEqual([error.type, error.headers?.["retry-after"]], ["StripeRateLimitError", "7"])
    assert.strictEqual(charges(), 0)
    assert.strictEqual((await confirm()).status, "succeeded")
  })

  it("reset: the connection goes before anything is executed", async () => {
    plan("reset", 2)
    assert.strictEqual((await refusalOf(confirm())).type, "StripeConnectionError")
    assert.strictEqual(charges(), 0)
    assert.strictEqual((await confirm()).status, "succeeded")
  })

  it("delay: executes later; the key is in use meanwhile, and a client that gave up has paid all the same", async () => {
    bench.processor.faults.set([{ match: { path: CONFIRM }, fault: { kind: "delay", ms: 600 }, times: 1 }])
    assert.match((await refusalOf(confirm())).message, /timeout/)
    assert.strictEqual(charges(), 0)
    assert.strictEqual((await refusalOf(confirm())).code, "idempotency_key_in_use")
    let answer: Stripe.PaymentIntent | undefined
    while (answer === undefined) answer = await confirm().catch(() => undefined)
    assert.deepEqual([answer.status, charges()], ["succeeded", 1])
  })
})

describe("the plan", () => {
  const KIND = { kind: "error_500_unexecuted" } as const
  const goesOff = async (match: FaultRule["match"]): Promise<boolean> => {
    bench.processor.faults.set([{ match, fault: KIND }])
    const key = `k${Math.random()}`
    const status = await confirm(key).then(
      () => 200,
      (error: Stripe.errors.StripeError) => error.statusCode,
    )
    return status === 500
  }

  it("names requests by method, path, metadata and obligation, the intent's own included", async () => {
    for (const match of [
      {},
      { method: "POST" as const },
      { path: "/v1/**" },
      { path: `/v1/payment_intents/${intent.id}/confirm` },
      { metadata: { account: "acc_1" } },
      { obligation: "topup:acc_1:*" },
      { obligation: "topup:acc_1:2026-11:1", path: CONFIRM, metadata: { charge_id: "chg_1" } },
    ]) {
      assert.isTrue(await goesOff(match), JSON.stringify(match))
    }
    for (const match of [
      { method: "GET" as const },
      { path: "/v1/payment_intents/*" },
      { path: "/v1/payment.intents/*/confirm" },
      { metadata: { account: "acc_2" } },
      { obligation: "topup:acc_2:*" },
      { obligation: "topup" },
      { event: "charge.succeeded" },
    ]) {
      assert.isFalse(await goesOff(match), JSON.stringify(match))
    }
  })

  it("is ordered: the first rule that goes off wins, after so many matches, so many times", async () => {
    bench.processor.faults.set([
      { match: { path: "/v1/customers" }, fault: { kind: "key_in_use" }, after: 1, times: 1 },
      { match: { path: "/v1/customers" }, fault: KIND, times: 2 },
    ])
    const statuses = []
    for (let i = 0; i < 5; i++) {
      statuses.push(
        await stripe.customers.create().then(
          () => 200,
          (error: Stripe.errors.StripeError) => error.statusCode,
        ),
      )
    }
    assert.deepEqual(statuses, [500, 409, 500, 200, 200])
    assert.deepEqual(
      bench.processor.faults.list().map(({ matched, wentOff }) => [matched, wentOff]),
      [
        [2, 1],
        [2, 2],
      ],
    )
  })

  it("is set, read and cleared over HTTP, and refuses what it does not know", async () => {
    const url = `${bench.processor.url}/__sandbox/faults`
    const set = (body: unknown) => fetch(url, { method: "POST", body: JSON.stringify(body) })
    const rules = [{ match: { path: CONFIRM }, fault: { kind: "reset" }, times: 1 }]
    assert.strictEqual((await set({ rules })).status, 200)
    assert.deepEqual(await (await fetch(url)).json(), { rules: [{ rule: rules[0], matched: 0, wentOff: 0 }] })
    for (const wrong of [
      {},
      { rules: [{}] },
      { rules: [{ match: {}, fault: { kind: "flood" } }] },
      { rules, more: 1 },
    ]) {
      assert.strictEqual((await set(wrong)).status, 400)
    }
    assert.strictEqual((await fetch(url, { method: "POST", body: "{" })).status, 400)
    assert.strictEqual((await fetch(url, { method: "DELETE" })).status, 200)
    assert.deepEqual(bench.processor.faults.list(), [])
    assert.strictEqual((await confirm()).status, "succeeded")
  })
})
