/**
 * Goal: a key means what it means at Stripe. Method: the official SDK case by case, then random interleavings of
 * requests under few keys, compared with what the book says was charged.
 */
import * as fc from "fast-check"
import type Stripe from "stripe"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { KEY_LIFE_MS } from "./index.ts"
import { type Bench, intentFor, refusalOf, savedCard, START_MS, startBench } from "./stripe.fixture.ts"

let bench: Bench
let stripe: Stripe
beforeEach(async () => {
  bench = await startBench()
  stripe = bench.stripe
})
afterEach(() => bench.close())

const count = (): number => bench.processor.book().totals.count

describe("a key", () => {
  it("gets the first answer again, marked, and nothing happens twice", async () => {
    const { customer } = await savedCard(stripe, "tok_ok")
    const first = await intentFor(stripe, customer, {}, { idempotencyKey: "k" })
    const again = (await intentFor(
      stripe,
      customer,
      {},
      { idempotencyKey: "k" },
    )) as Stripe.Response<Stripe.PaymentIntent>
    assert.deepEqual({ ...again }, { ...first })
    assert.strictEqual(again.lastResponse.headers["idempotent-replayed"], "true")
    const { lastResponse } = first as Stripe.Response<Stripe.PaymentIntent>
    assert.isUndefined(lastResponse.headers["idempotent-replayed"])
    assert.strictEqual(again.lastResponse.headers["original-request"], lastResponse.requestId)
    assert.strictEqual((await stripe.paymentIntents.list({ customer })).data.length, 1)
  })

  it("remembers the answer as it was, also when the object has moved on", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer, {}, { idempotencyKey: "k" })
    await stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true })
    assert.strictEqual(
      (await intentFor(stripe, customer, {}, { idempotencyKey: "k" })).status,
      "requires_payment_method",
    )
  })

  it("remembers declines and refusals of execution, with their bodies", async () => {
    const { customer, method } = await savedCard(stripe, "tok_stolen")
    const intent = await intentFor(stripe, customer)
    const confirm = () =>
      stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }, { idempotencyKey: "k" })
    const first = await refusalOf(confirm())
    const again = await refusalOf(confirm())
    assert.deepEqual(again.raw, { ...(first.raw as object), headers: again.headers, requestId: again.requestId })
    assert.strictEqual(again.headers?.["idempotent-replayed"], "true")
    assert.strictEqual((await stripe.charges.list({ customer })).data.length, 1)
  })

  it("with other parameters or for another endpoint is a mistake, and executes nothing", async () => {
    const { customer } = await savedCard(stripe, "tok_ok")
    await intentFor(stripe, customer, {}, { idempotencyKey: "k" })
    for (const call of [
      intentFor(stripe, customer, { amount: 2_501 }, { idempotencyKey: "k" }),
      stripe.customers.create({}, { idempotencyKey: "k" }),
    ]) {
      const error = await refusalOf(call)
      assert.deepEqual(
        [error.type, error.statusCode, error.rawType],
        ["StripeIdempotencyError", 400, "idempotency_error"],
      )
    }
    assert.strictEqual((await stripe.paymentIntents.list({ customer })).data.length, 1)
  })

  it("takes the same parameters in another order for the same", async () => {
    const form = (body: string) =>
      fetch(`${bench.processor.url}/v1/customers`, {
        method: "POST",
        headers: {
          authorization: "Bearer sk_test_x",
          "content-type": "application/x-www-form-urlencoded",
          "idempotency-key": "k",
        },
        body,
      })
    assert.strictEqual((await form("name=a&email=b&metadata[x]=1&metadata[y]=2")).status, 200)
    assert.strictEqual(
      (await form("metadata[y]=2&metadata[x]=1&email=b&name=a")).headers.get("idempotent-replayed"),
      "true",
    )
  })

  it("is not burnt by what was refused before execution", async () => {
    const { customer } = await savedCard(stripe, "tok_ok")
    for (const more of [{ amount: 1 }, { customer: "cus_x" }, { payment_method: "pm_x" }]) {
      await refusalOf(intentFor(stripe, customer, more, { idempotencyKey: "k" }))
    }
    bench.processor.faults.set([{ match: {}, fault: { kind: "rate_limited" }, times: 1 }])
    assert.strictEqual(
      (await refusalOf(intentFor(stripe, customer, {}, { idempotencyKey: "k" }))).type,
      "StripeRateLimitError",
    )
    assert.strictEqual((await intentFor(stripe, customer, {}, { idempotencyKey: "k" })).amount, 2_500)
  })

  it("is forgotten after 24 hours of business time: then it is a new request", async () => {
    const { customer } = await savedCard(stripe, "tok_ok")
    const create = () => intentFor(stripe, customer, {}, { idempotencyKey: "k" })
    const first = await create()
    bench.clock.nowMs = START_MS + KEY_LIFE_MS - 1
    assert.strictEqual((await create()).id, first.id)
    bench.clock.nowMs = START_MS + KEY_LIFE_MS
    const second = await create()
    assert.notStrictEqual(second.id, first.id)
    assert.strictEqual((await create()).id, second.id)
  })

  it("I6 forgotten or not, confirming a paid intent charges nothing", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer)
    const confirm = () =>
      stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }, { idempotencyKey: "k" })
    await confirm()
    bench.clock.nowMs += KEY_LIFE_MS
    assert.strictEqual((await refusalOf(confirm())).code, "payment_intent_unexpected_state")
    assert.strictEqual(count(), 1)
  })

  it("is at most 255 characters long, and means nothing on a GET", async () => {
    const { customer } = await savedCard(stripe, "tok_ok")
    assert.strictEqual(
      (await refusalOf(intentFor(stripe, customer, {}, { idempotencyKey: "x".repeat(256) }))).statusCode,
      400,
    )
    await stripe.customers.retrieve(customer, {}, { idempotencyKey: "k" })
    await stripe.customers.create({}, { idempotencyKey: "k" })
  })
})

describe("any interleaving", () => {
  const TOKENS = ["tok_ok", "tok_stolen"] as const
  const FAULTS = [
    "lose_answer",
    "truncate",
    "error_500",
    "error_500_unexecuted",
    "key_in_use",
    "rate_limited",
    "reset",
  ] as const

  /** What the requests of one obligation meet, one after another; how many are under way at a time. */
  const obligation = fc.record({
    token: fc.constantFrom(...TOKENS),
    requests: fc.array(fc.option(fc.constantFrom(...FAULTS), { nil: undefined }), { minLength: 1, maxLength: 6 }),
    atATime: fc.integer({ min: 1, max: 3 }),
  })

  interface Answer {
    readonly status: number
    /** Of the intent it tells of. */
    readonly intent: string | undefined
  }

  const NO_ANSWER: Answer = { status: 0, intent: undefined }

  /** Create and confirm in one, as plain HTTP: nothing is repeated but what the test repeats. */
  const pay = async (name: string, card: { customer: string; method: string }): Promise<Answer> => {
    const body = new URLSearchParams({
      amount: "2500",
      currency: "usd",
      customer: card.customer,
      payment_method: card.method,
      confirm: "true",
      off_session: "true",
      "metadata[obligation]": name,
    })
    const headers = { authorization: "Bearer sk_test_x", "idempotency-key": name }
    try {
      const response = await fetch(`${bench.processor.url}/v1/payment_intents`, { method: "POST", headers, body })
      const { id, error } = (await response.json()) as Partial<Stripe.PaymentIntent> & { error?: Stripe.StripeRawError }
      return { status: response.status, intent: error === undefined ? id : error.payment_intent?.id }
    } catch {
      return NO_ANSWER
    }
  }

  it("I6 of requests under one key charges once at most, and the key tells what came of it", async () => {
    const cards = new Map<string, Awaited<ReturnType<typeof savedCard>>>()
    for (const token of TOKENS) cards.set(token, await savedCard(stripe, token))
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(obligation, { minLength: 1, maxLength: 3 }), async (obligations) => {
        run += 1
        const named = obligations.map((each, index) => ({ ...each, name: `run${run}:${index}` }))
        bench.processor.faults.set(
          named.flatMap(({ name, requests }) =>
            requests.flatMap((kind, after) =>
              kind === undefined ? [] : [{ match: { obligation: name }, fault: { kind }, after, times: 1 }],
            ),
          ),
        )
        await Promise.all(
          named.map(async ({ name, token, requests, atATime }) => {
            const answers: Array<Answer> = []
            const left = [...requests]
            const caller = async (): Promise<void> => {
              while (left.pop() !== undefined || left.length > 0) answers.push(await pay(name, cards.get(token)!))
            }
            await Promise.all(Array.from({ length: atATime }, caller))
            // Until a definite answer: what no fault is left for is answered.
            let last = NO_ANSWER
            while ([0, 409, 429].includes(last.status)) last = await pay(name, cards.get(token)!)
            answers.push(last)
            const intents = new Set(answers.flatMap(({ intent }) => intent ?? []))
            assert.isAtMost(intents.size, 1, "everybody who was told of an intent was told of the same one")
            const charged = bench.processor.book().items.filter((item) => item.obligation === name)
            const was = [200, 402].includes(last.status)
            assert.isAtMost(charged.length, token === "tok_ok" ? 1 : 0)
            if (was) assert.strictEqual(charged.length, last.status === 200 ? 1 : 0)
          }),
        )
      }),
      { numRuns: 60 },
    )
  })
})
