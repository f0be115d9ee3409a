/**
 * Goal: events reach their endpoint at least once, signed as the SDK checks, whatever goes wrong between. Method: a
 * receiver that verifies with `stripe.webhooks.constructEvent` and keeps what it got.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Stripe } from "stripe"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import type { FaultRule } from "./index.ts"
import { type Bench, savedCard, sdk, startBench } from "./stripe.fixture.ts"

const SECRET = "whsec_test"

interface Receiver {
  readonly url: string
  readonly got: Array<Stripe.Event>
  /** Answers 500 to so many. */
  refusals: number
  readonly close: () => Promise<void>
}

const startReceiver = async (): Promise<Receiver> => {
  const verifier = sdk("http://127.0.0.1:1")
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      if (receiver.refusals > 0) {
        receiver.refusals -= 1
        return response.writeHead(500).end()
      }
      const signature = request.headers["stripe-signature"]!
      receiver.got.push(verifier.webhooks.constructEvent(Buffer.concat(chunks), signature, SECRET))
      return response.writeHead(200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    got: [],
    refusals: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return receiver
}

let receiver: Receiver
let bench: Bench
beforeEach(async () => {
  receiver = await startReceiver()
  bench = await startBench({ webhook: { url: receiver.url, secret: SECRET } })
})
afterEach(async () => {
  await bench.close()
  await receiver.close()
})

const typesGot = () => receiver.got.map(({ type }) => type)
const faults = (...rules: ReadonlyArray<FaultRule>) => bench.processor.faults.set(rules)
const undelivered = async () =>
  (await bench.stripe.events.list({ delivery_success: false })).data.map(({ type }) => type)

describe("webhooks", () => {
  it("arrive signed, each as events.list has it", async () => {
    await savedCard(bench.stripe, "tok_ok")
    await bench.processor.webhooksDrained()
    const { data } = await bench.stripe.events.list()
    const byId = (events: ReadonlyArray<Stripe.Event>) => events.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    assert.deepEqual(byId(receiver.got), byId(data))
    assert.strictEqual(receiver.got.length, 4)
    assert.deepEqual(await undelivered(), [])
  })

  it("are signed with their own secret: another one does not verify", () => {
    const { webhooks } = sdk("http://127.0.0.1:1")
    const header = webhooks.generateTestHeaderString({ payload: "{}", secret: "whsec_other" })
    assert.throws(() => webhooks.constructEvent("{}", header, SECRET), Stripe.errors.StripeSignatureVerificationError)
  })

  it("are only of the types that the endpoint is subscribed to; events.list has all", async () => {
    const webhook = { url: receiver.url, secret: SECRET, events: ["setup_intent.succeeded", "customer.*"] }
    const subscribed = await startBench({ webhook })
    await savedCard(subscribed.stripe, "tok_ok")
    await subscribed.processor.webhooksDrained()
    assert.sameMembers(typesGot(), ["customer.created", "setup_intent.succeeded"])
    const { data } = await subscribed.stripe.events.list()
    assert.strictEqual(data.length, 4)
    for (const { type, pending_webhooks: pending } of data)
      assert.strictEqual(pending, typesGot().includes(type) ? 1 : 0)
    await subscribed.close()
  })

  it("are sent again when the endpoint fails", async () => {
    receiver.refusals = 2
    await bench.stripe.customers.create({})
    await bench.processor.webhooksDrained()
    assert.deepEqual(typesGot(), ["customer.created"])
    assert.deepEqual(await undelivered(), [])
  })

  it("webhook_lose: only events.list knows it", async () => {
    faults({ match: { event: "setup_intent.succeeded" }, fault: { kind: "webhook_lose" }, times: 1 })
    await savedCard(bench.stripe, "tok_ok")
    await bench.processor.webhooksDrained()
    assert.notInclude(typesGot(), "setup_intent.succeeded")
    assert.deepEqual(await undelivered(), ["setup_intent.succeeded"])
    const delivered = await bench.stripe.events.list({ delivery_success: true })
    assert.strictEqual(delivered.data.length, 3)
  })

  it("webhook_duplicate: the same event twice", async () => {
    faults({ match: { event: "customer.*" }, fault: { kind: "webhook_duplicate" } })
    await bench.stripe.customers.create({})
    await bench.processor.webhooksDrained()
    assert.deepEqual(typesGot(), ["customer.created", "customer.created"])
    assert.strictEqual(new Set(receiver.got.map(({ id }) => id)).size, 1)
  })

  it("webhook_reorder: after the next one", async () => {
    faults({ match: { event: "customer.created" }, fault: { kind: "webhook_reorder" }, times: 1 })
    const { id } = await bench.stripe.customers.create({})
    await bench.stripe.customers.update(id, { name: "N" })
    await bench.processor.webhooksDrained()
    assert.deepEqual(typesGot(), ["customer.updated", "customer.created"])
  })

  it("webhook_delay: later", async () => {
    faults({ match: { event: "customer.created" }, fault: { kind: "webhook_delay", ms: 150 }, times: 1 })
    const startedAt = performance.now()
    await bench.stripe.customers.create({})
    await bench.processor.webhooksDrained()
    assert.isAtLeast(performance.now() - startedAt, 140)
    assert.deepEqual(typesGot(), ["customer.created"])
  })

  it("that waited when the processor stopped are delivered after its next start", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "sandbox-webhooks-"))
    const webhook = { url: receiver.url, secret: SECRET }
    receiver.refusals = 1_000
    const before = await startBench({ dataDir, webhook })
    await before.stripe.customers.create({})
    await before.close()
    receiver.refusals = 0
    const after = await startBench({ dataDir, webhook })
    await after.processor.webhooksDrained()
    assert.deepEqual(typesGot(), ["customer.created"])
    await after.close()
    rmSync(dataDir, { recursive: true })
  })
})
