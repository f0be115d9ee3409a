/**
 * Goal: requests that Stripe would refuse are refused alike, and lists, events and expansions have its shape. Method:
 * the official SDK where it can say it, plain HTTP where it cannot.
 */
import type Stripe from "stripe"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { type Bench, intentFor, refusalOf, savedCard, sdk, START_MS, startBench } from "./stripe.fixture.ts"

let bench: Bench
let stripe: Stripe
beforeEach(async () => {
  bench = await startBench()
  stripe = bench.stripe
})
afterEach(() => bench.close())

const FORM = "application/x-www-form-urlencoded"
const KEY = { authorization: "Bearer sk_test_plain" }

interface Answer {
  readonly status: number
  readonly error: Stripe.StripeRawError
  readonly headers: Headers
}

const send = async (
  path: string,
  body: string | undefined,
  headers: Readonly<Record<string, string>> = { ...KEY, "content-type": FORM },
): Promise<Answer> => {
  const response = await fetch(bench.processor.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers,
    ...(body === undefined ? {} : { body }),
  })
  const { error } = (await response.json()) as { error: Stripe.StripeRawError }
  return { status: response.status, error, headers: response.headers }
}

describe("who asks", () => {
  it("answers its health to anybody", async () => {
    const response = await fetch(`${bench.processor.url}/healthz`)
    assert.deepEqual([response.status, await response.json()], [200, { status: "ok" }])
  })

  it("refuses a missing and a wrong API key with 401, with a request id", async () => {
    const none = await send("/v1/customers", "", {})
    assert.deepEqual([none.status, none.error.type], [401, "invalid_request_error"])
    assert.match(none.headers.get("request-id")!, /^req_\w{14}$/)
    for (const authorization of ["Bearer sk_live_abcdefgh", "Bearer nonsense", "Basic !", "Bearer pk_test_1"]) {
      const { status, error } = await send("/v1/customers", "", { authorization })
      assert.deepEqual([status, error.message?.includes("abcdefgh")], [401, false])
    }
    const wrong = sdk(bench.processor.url, {})
    const error = await refusalOf(wrong.customers.create({}, { apiKey: "sk_live_x" }))
    assert.strictEqual(error.type, "StripeAuthenticationError")
  })

  it("takes the key as a user name too", async () => {
    const authorization = `Basic ${Buffer.from("sk_test_curl:").toString("base64")}`
    assert.strictEqual((await send("/v1/customers", "", { authorization })).status, 200)
  })

  it("refuses a version that is none", async () => {
    assert.strictEqual((await send("/v1/customers", "", { ...KEY, "stripe-version": "latest" })).status, 400)
  })
})

describe("what is asked", () => {
  const refusals: ReadonlyArray<
    readonly [what: string, body: string, code: string | undefined, param: string | undefined]
  > = [
    ["an unknown parameter", "amount=100&currency=usd&colour=red", "parameter_unknown", "colour"],
    [
      "an unknown parameter in a hash",
      "amount=100&currency=usd&payment_method_options[card][colour]=red",
      "parameter_unknown",
      "payment_method_options[card][colour]",
    ],
    ["a name of JavaScript's", "amount=100&currency=usd&constructor=1", "parameter_unknown", "constructor"],
    [
      "a parameter of older versions",
      "amount=100&currency=usd&payment_method_types[]=card",
      "parameter_unknown",
      "payment_method_types",
    ],
    ["a missing parameter", "currency=usd", "parameter_missing", "amount"],
    ["an empty parameter", "amount=100&currency=", "parameter_invalid_empty", "currency"],
    ["a broken number", "amount=1.5&currency=usd", "parameter_invalid_integer", "amount"],
    ["a number beyond all", "amount=99999999999999999999&currency=usd", "parameter_invalid_integer", "amount"],
    ["too small an amount", "amount=49&currency=usd", "amount_too_small", "amount"],
    ["a negative amount", "amount=-100&currency=usd", "amount_too_small", "amount"],
    ["too large an amount", "amount=100000000&currency=usd", "amount_too_large", "amount"],
    ["another currency", "amount=100&currency=jpy", undefined, "currency"],
    ["a broken boolean", "amount=100&currency=usd&confirm=yes", undefined, "confirm"],
    ["an unknown customer", "amount=100&currency=usd&customer=cus_x", "resource_missing", "customer"],
    ["an unknown card", "amount=100&currency=usd&payment_method=pm_x", "resource_missing", "payment_method"],
    ["an id of another kind", "amount=100&currency=usd&customer=pm_x", "resource_missing", "customer"],
    ["off_session without confirm", "amount=100&currency=usd&off_session=true", undefined, "off_session"],
    ["a hash as a value", "amount[x]=100&currency=usd", undefined, "amount"],
    ["a value and a hash", "amount=100&currency=usd&metadata=1&metadata[a]=2", undefined, undefined],
    ["broken percent-encoding", "amount=100&currency=%zz", undefined, undefined],
    ["metadata without end", `amount=100&currency=usd&metadata[a]=${"x".repeat(501)}`, undefined, "metadata[a]"],
    ["an expansion that is none", "amount=100&currency=usd&expand[]=colour", undefined, "expand"],
  ]
  for (const [what, body, code, param] of refusals) {
    it(`refuses ${what}, naming it, and makes nothing`, async () => {
      const headers = { ...KEY, "content-type": FORM, "stripe-version": "2026-10-28.endive" }
      const { status, error } = await send("/v1/payment_intents", body, headers)
      assert.deepEqual([status, error.type, error.code, error.param], [400, "invalid_request_error", code, param])
      assert.strictEqual((await stripe.paymentIntents.list()).data.length, 0)
    })
  }

  it("answers 404 for what is not there and for what it does not speak", async () => {
    const missing = await send("/v1/payment_intents/pi_nothing", undefined, KEY)
    assert.deepEqual([missing.status, missing.error.code, missing.error.param], [404, "resource_missing", "intent"])
    assert.strictEqual(missing.error.message, "No such payment_intent: 'pi_nothing'")
    for (const path of ["/v1/invoices", "/v2/core/accounts", "/", "/v1/payment_intents/pi_1/capture"]) {
      assert.strictEqual((await send(path, "", KEY)).status, 404)
    }
  })

  it("takes forms only, and no body above 1 MiB", async () => {
    const json = await send("/v1/customers", `{"email":"a@b.c"}`, { ...KEY, "content-type": "application/json" })
    assert.deepEqual([json.status, json.error.message?.includes("content type")], [400, true])
    const large = await send("/v1/customers", `description=${"x".repeat(1024 * 1024)}`)
    assert.strictEqual(large.status, 413)
    assert.strictEqual((await send("/v1/customers", `description=${"x&".repeat(2_000)}`)).status, 400)
  })

  it("reads metadata with every character there is, and updates it name by name", async () => {
    const metadata = { "sub:1": "ü=&+ 100 % €", b: "2" }
    const { id } = await stripe.customers.create({ metadata, email: "a+b@example.test" })
    const made = (await stripe.customers.retrieve(id)) as Stripe.Customer
    assert.deepEqual([made.metadata, made.email], [metadata, "a+b@example.test"])
    const changed = await stripe.customers.update(id, { metadata: { b: "", c: "3" }, name: "N" })
    assert.deepEqual(changed.metadata, { "sub:1": metadata["sub:1"], c: "3" })
    assert.strictEqual(changed.name, "N")
  })
})

describe("lists", () => {
  const intents = async (count: number) => {
    const { id: customer } = await stripe.customers.create({})
    const ids: Array<string> = []
    for (let i = 0; i < count; i++) {
      bench.clock.nowMs = START_MS + i * 1_000
      ids.unshift((await intentFor(stripe, customer)).id)
    }
    return { customer, ids }
  }

  it("come newest first, in pages forwards and backwards", async () => {
    const { customer, ids } = await intents(5)
    await intents(2)
    const page = async (params: Stripe.PaymentIntentListParams) => {
      const { data, has_more } = await stripe.paymentIntents.list({ customer, limit: 2, ...params })
      return [...data.map(({ id }) => ids.indexOf(id)), has_more]
    }
    assert.deepEqual(await page({}), [0, 1, true])
    assert.deepEqual(await page({ starting_after: ids[1]! }), [2, 3, true])
    assert.deepEqual(await page({ starting_after: ids[3]! }), [4, false])
    assert.deepEqual(await page({ ending_before: ids[4]! }), [2, 3, true])
    assert.deepEqual(await page({ ending_before: ids[1]! }), [0, false])
    const all: Array<string> = []
    for await (const { id } of stripe.paymentIntents.list({ customer, limit: 2 })) all.push(id)
    assert.deepEqual(all, ids)
  })

  it("take ranges of creation, seconds", async () => {
    const { customer, ids } = await intents(5)
    const second = START_MS / 1_000
    const range = async (created: Stripe.RangeQueryParam | number, more = {}) =>
      (await stripe.paymentIntents.list({ customer, created, ...more })).data.map(({ id }) => ids.indexOf(id))
    assert.deepEqual(await range({ gte: second + 3 }), [0, 1])
    assert.deepEqual(await range({ gt: second + 3 }), [0])
    assert.deepEqual(await range({ lt: second + 2, gte: second }), [3, 4])
    assert.deepEqual(await range({ lte: second + 2 }, { limit: 2 }), [2, 3])
    assert.deepEqual(await range({ lte: second + 2 }, { ending_before: ids[4] }), [2, 3])
    assert.deepEqual(await range(second + 1), [3])
  })

  it("refuse a cursor that is none, two cursors, and a limit out of range", async () => {
    for (const params of [
      { starting_after: "pi_x" },
      { starting_after: "pi_x", ending_before: "pi_y" },
      { limit: 0 },
      { limit: 101 },
    ]) {
      assert.strictEqual((await refusalOf(stripe.paymentIntents.list(params))).statusCode, 400)
    }
  })

  it("expand what they hold", async () => {
    const { customer, method } = await savedCard(stripe, "tok_ok")
    const intent = await intentFor(stripe, customer)
    await stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true })
    const { data } = await stripe.paymentIntents.list({ customer, expand: ["data.latest_charge.customer"] })
    const charge = data[0]!.latest_charge as Stripe.Charge
    assert.strictEqual((charge.customer as Stripe.Customer).id, customer)
    const charges = await stripe.charges.list({ payment_intent: intent.id, expand: ["data.payment_intent"] })
    assert.strictEqual((charges.data[0]!.payment_intent as Stripe.PaymentIntent).status, "succeeded")
  })
})

describe("events", () => {
  it("tell the life of a payment in order, each with the object as it was", async () => {
    const { customer, method } = await savedCard(stripe, "tok_insufficient_funds")
    const intent = await intentFor(stripe, customer, {}, { idempotencyKey: "chg_1:create" })
    await refusalOf(stripe.paymentIntents.confirm(intent.id, { payment_method: method, off_session: true }))
    await stripe.paymentIntents.cancel(intent.id)
    const { data } = await stripe.events.list({ limit: 100 })
    assert.deepEqual(data.map(({ type }) => type).reverse(), [
      "customer.created",
      "setup_intent.created",
      "payment_method.attached",
      "setup_intent.succeeded",
      "payment_intent.created",
      "charge.failed",
      "payment_intent.payment_failed",
      "payment_intent.canceled",
    ])
    const statuses = data.flatMap(({ data: { object } }) =>
      "status" in object && object.object === "payment_intent" ? [object.status] : [],
    )
    assert.deepEqual(statuses, ["canceled", "requires_payment_method", "requires_payment_method"])
    const created = data.find(({ type }) => type === "payment_intent.created")!
    assert.strictEqual(created.request?.idempotency_key, "chg_1:create")
    assert.deepEqual(await stripe.events.retrieve(created.id), created)
  })

  it("are found by type, group of types and time", async () => {
    await savedCard(stripe, "tok_ok")
    const types = async (params: Stripe.EventListParams) =>
      (await stripe.events.list(params)).data.map(({ type }) => type)
    assert.deepEqual(await types({ type: "setup_intent.*" }), ["setup_intent.succeeded", "setup_intent.created"])
    assert.deepEqual(await types({ types: ["customer.created", "payment_method.attached"] }), [
      "payment_method.attached",
      "customer.created",
    ])
    assert.deepEqual(await types({ created: { gt: START_MS / 1_000 } }), [])
    assert.strictEqual((await refusalOf(stripe.events.retrieve("evt_x"))).statusCode, 404)
  })
})

describe("the clock", () => {
  it("R12.1 stamps with business time, moved by the control call, and never back", async () => {
    const set = (now: string) =>
      fetch(`${bench.processor.url}/__sandbox/clock`, { method: "POST", body: JSON.stringify({ now }) })
    assert.strictEqual((await stripe.customers.create({})).created, START_MS / 1_000)
    assert.strictEqual((await set("2027-03-01T00:00:00.000Z")).status, 200)
    const moved = Date.parse("2027-03-01T00:00:00.000Z") / 1_000
    assert.strictEqual((await stripe.customers.create({})).created, moved)
    bench.clock.nowMs += 5_000
    assert.strictEqual((await stripe.customers.create({})).created, moved + 5)
    await set("2020-01-01T00:00:00.000Z")
    assert.strictEqual((await stripe.customers.create({})).created, moved + 5)
    assert.strictEqual((await set("yesterday")).status, 400)
  })
})

describe("the rate limit", () => {
  it("answers real 429s above so many requests a second, executes none of them, and burns no key", async () => {
    await bench.close()
    bench = await startBench({ rateLimit: 5 })
    const calls = Array.from({ length: 20 }, (_, i) =>
      bench.stripe.customers.create({}, { idempotencyKey: `k${i}` }).then(
        () => 200,
        (error: Stripe.errors.StripeError) => (error.type === "StripeRateLimitError" ? 429 : 0),
      ),
    )
    const answers = await Promise.all(calls)
    assert.isAtLeast(answers.filter((status) => status === 429).length, 10)
    assert.isAtLeast(answers.filter((status) => status === 200).length, 5)
    const tooMany = await send("/v1/customers", "")
    assert.deepEqual([tooMany.status, tooMany.error.code], [429, "rate_limit"])
    assert.strictEqual(tooMany.headers.get("retry-after"), "1")
  })
})
