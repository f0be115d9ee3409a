/**
 * Goal: what the client accepted is in the usage stream, whatever dies. Method: a real nats-server and a real process
 * are killed mid-stream; afterwards the stream is read whole and compared with what was accepted.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type BusHandle,
  closeBus,
  connectBus,
  kvPut,
  orderedReader,
  provisionStreams,
  serve,
  streamState,
} from "@credits/bus"
import {
  type Authorize,
  BUCKETS,
  CURRENT_KEY,
  type LedgerRequest,
  STREAMS,
  SUBJECTS,
  type VersionList,
} from "@credits/contracts"
import { makeHoldId, partitionOf } from "@credits/kernel"
import type { PriceBookData } from "@credits/pricebook"
import { accountNumber, natsServerForTests, type TestNatsServer, usageEvents } from "@credits/testkit"
import { Effect } from "effect"
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { GatewayClient, type GatewayOptions, openGateway, SpoolFull, UsageEventInvalid } from "./index.ts"

let server: TestNatsServer
let bus: BusHandle
let directory = ""

beforeAll(async () => {
  server = await natsServerForTests()
  bus = await connectBus({ servers: server.url, name: "test" })
  await provisionStreams(bus)
})
afterAll(async () => {
  await closeBus(bus)
  await server.stop()
})
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gateway-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const options = (more: Partial<GatewayOptions> = {}): GatewayOptions => ({
  servers: server.url,
  spool: { directory, sync: "os" },
  ...more,
})

const until = async (fact: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const deadline = performance.now() + 15_000
  while (!(await fact())) {
    if (performance.now() > deadline) assert.fail(`not within 15 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A connection of its own: one that lived through a killed server may still be on its way back. */
const withBus = async <A>(work: (own: BusHandle) => Promise<A>): Promise<A> => {
  const own = await connectBus({ servers: server.url, name: "test-reader" })
  try {
    return await work(own)
  } finally {
    await closeBus(own)
  }
}

/** Event ids in the stream from a sequence on, in order, repeats included. */
const streamed = (startSeq: number): Promise<Array<string>> => withBus((own) => readStream(own, startSeq))
const nextSeq = (): Promise<number> => withBus(async ({ jsm }) => (await streamState(jsm, STREAMS.usage.name)).last + 1)

const readStream = async (own: BusHandle, startSeq: number): Promise<Array<string>> => {
  const ids: Array<string> = []
  const { last } = await streamState(own.jsm, STREAMS.usage.name)
  const reader = orderedReader(own, {
    stream: STREAMS.usage.name,
    filters: [SUBJECTS.usage],
    startSeq,
    onMessage: ({ data }) => {
      for (const event of JSON.parse(Buffer.from(data).toString()) as Array<{ id: string }>) ids.push(event.id)
    },
    onGap: (gap) => assert.fail(JSON.stringify(gap)),
  })
  await until(() => reader.position >= last, "the stream is read")
  await reader.close()
  return ids
}

const make = usageEvents({ seed: 5 })
const event = (account = accountNumber(1)) =>
  make({ account, model: "gpt-5", provider: "openai", at: Date.now(), inputTokens: 10, outputTokens: 5 })

/** Of `wanted`, what is not in `found`. */
const missing = (wanted: ReadonlyArray<string>, found: ReadonlyArray<string>): Array<string> => {
  const have = new Set(found)
  return wanted.filter((id) => !have.has(id))
}

describe("gateway usage", () => {
  it("R6.6 every accepted event is in the stream, none lost, although the server is killed mid-stream", async () => {
    const start = await nextSeq()
    const gateway = await openGateway(options())
    const accepted: Array<string> = []
    let producing = true
    const producer = async (number: number): Promise<void> => {
      while (producing) {
        const next = event(accountNumber(number))
        await gateway.usage(next)
        accepted.push(next.id)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const producers = Array.from({ length: 8 }, (_, i) => producer(i))
    for (let round = 0; round < 2; round++) {
      const seen = gateway.stats.eventsPublished
      await until(() => gateway.stats.eventsPublished > seen + 500, "events flow")
      await server.kill()
      const before = accepted.length
      await until(() => accepted.length > before + 200, "events are accepted without a server")
      await server.restart()
    }
    producing = false
    await Promise.all(producers)
    await gateway.flush()
    const found = await streamed(start)
    assert.deepEqual(missing(accepted, found), [])
    assert.deepEqual(missing(found, accepted), [])
    assert.isAbove(gateway.stats.publishFailures, 0)
    await gateway.close()
  })

  it("drains in order what a killed process left in the spool", async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "spooling-process.ts"), directory, "9"], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let printed = ""
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()))
    await until(() => printed.length > 31 * 2_000, "the process accepts events")
    child.kill("SIGKILL")
    await new Promise((resolve) => child.once("close", resolve))
    const accepted = printed.split("\n").slice(0, -1)

    const start = await nextSeq()
    const gateway = await openGateway(options())
    await gateway.flush()
    const found = await streamed(start)
    // The last ones may be on disk without having been printed.
    assert.deepEqual(found.slice(0, accepted.length), accepted)
    assert.strictEqual(new Set(found).size, found.length)
    assert.isBelow(gateway.stats.spoolBytes, 64 * 1024, "segments are deleted after the acknowledgement")
    await gateway.close()
  })

  it("packs events that come together into few messages, and sends a lone one at once", async () => {
    const gateway = await openGateway(options())
    const start = await nextSeq()
    await Promise.all(Array.from({ length: 3_000 }, () => gateway.usage(event())))
    await gateway.flush()
    const messages = (await nextSeq()) - start
    assert.isAtMost(messages, 30)
    assert.isAtLeast(messages, 6) // ≤ 500 a message
    await gateway.usage(event())
    await gateway.flush()
    assert.strictEqual((await nextSeq()) - start, messages + 1)
    await gateway.close()
  })

  it("holds callers back when the spool is full, refuses with SpoolFull, and goes on when there is room", async () => {
    const gateway = await openGateway(
      options({ spool: { directory, sync: "os", bytesMax: 64 * 1024 }, intake: { fullWaitMs: 3_000 } }),
    )
    const start = await nextSeq()
    await server.kill()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 400 }, async () => {
        const next = event()
        await gateway.usage(next)
        return next.id
      }),
    )
    const refused = outcomes.filter((outcome) => outcome.status === "rejected")
    assert.isAbove(refused.length, 100)
    for (const { reason } of refused) assert.instanceOf(reason, SpoolFull)
    const waiting = gateway.usage(event())
    await server.restart()
    await waiting
    await gateway.flush()
    const accepted = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []))
    assert.deepEqual(missing(accepted, await streamed(start)), [])
    await gateway.close()
  })

  it("refuses an event that breaks the contract, naming the field, and accepts nothing of it", async () => {
    const gateway = await openGateway(options())
    const bad = { ...event(), extra: 1 }
    const error = await gateway.usage(bad).then(
      () => null,
      (reason: unknown) => reason,
    )
    assert.instanceOf(error, UsageEventInvalid)
    assert.strictEqual((error as UsageEventInvalid).field, "extra")
    assert.strictEqual(gateway.stats.spoolBytes, 0)
    await gateway.close()
  })
})

describe("gateway authorizations", () => {
  // The connection from before the killed servers may still be on its way back.
  beforeAll(async () => {
    await closeBus(bus)
    bus = await connectBus({ servers: server.url, name: "test" })
  })
  const account = accountNumber(42)
  const subject = SUBJECTS.ledgerGateway(partitionOf(account))

  it("R6.1 quotes from the published price book, asks the owner, and types the answers", async () => {
    const book: PriceBookData = {
      version: "b1",
      effectiveAt: "2020-01-01T00:00:00Z",
      source: "test",
      models: [{ id: "gpt-5", provider: "openai", enabled: true, input: "1.25", output: "10", cacheRead: "0.125" }],
    }
    await kvPut(bus, BUCKETS.priceBooks, book.version, JSON.stringify(book))
    const list: VersionList = { v: 1, versions: [{ version: book.version, effectiveAt: Date.parse(book.effectiveAt) }] }
    await kvPut(bus, BUCKETS.priceBooks, CURRENT_KEY, JSON.stringify(list))
    const gateway = await openGateway(options())
    await gateway.priced()
    assert.deepEqual(gateway.models, ["gpt-5"])
    const model = "gpt-5"
    const asked: Array<LedgerRequest> = []
    const owner = serve(bus.connection, subject, (text) => {
      const request = JSON.parse(text) as Authorize
      asked.push(request)
      const holdId = makeHoldId(account, 1_700_000_000_000, new Uint8Array(10))
      return request.op === "authorize" && BigInt(request.amount) > 1_000_000_000n
        ? JSON.stringify({ refused: { code: "insufficient_balance", detail: "no", available: "7" } })
        : JSON.stringify({ ok: { holdId, held: request.amount ?? "0", expiresAt: 5, availableAfter: "9" } })
    })
    await bus.connection.flush()
    const held = await gateway.authorize({
      account,
      requestId: "r1",
      model,
      estimate: { inputTokens: 1_000, maxOutputTokens: 500 },
    })
    assert.property(held, "ok")
    const first = asked[0] as Authorize
    assert.strictEqual(first.id, "r1")
    assert.strictEqual(first.amount, "6250000", "1,000 tokens at 1.25 and 500 at 10 USD a million")
    const dear = await gateway.authorize({ account, requestId: "r2", model, amount: 2_000_000_000n })
    assert.deepEqual(dear, { refused: { code: "insufficient_balance", detail: "no", available: 7n } })
    const unknown = await gateway.authorize({
      account,
      requestId: "r3",
      model: "no-such-model",
      estimate: { inputTokens: 1, maxOutputTokens: 1 },
    })
    assert.strictEqual("refused" in unknown ? unknown.refused.code : "", "model_unknown")
    const holdId = "ok" in held ? held.ok.holdId : ""
    assert.property(await gateway.extend(holdId, 5n), "ok")
    assert.deepEqual(await gateway.release(holdId), { ok: { availableAfter: 9n } })
    await gateway.close()
    await owner.stop()
  })

  it("answers unavailable when nobody owns the partition until the deadline", async () => {
    const gateway = await openGateway(options({ deadlineMs: 200 }))
    const answer = await gateway.authorize({ account, requestId: "r4", model: "m", amount: 1n })
    assert.strictEqual("refused" in answer ? answer.refused.code : "", "unavailable")
    await gateway.close()
  })

  it("is the same as an Effect service, with refusals in the error channel", async () => {
    const program = Effect.gen(function* () {
      const client = yield* GatewayClient
      const start = yield* Effect.promise(nextSeq)
      yield* client.usage(event())
      yield* client.flush
      const refused = yield* Effect.flip(client.authorize({ account, requestId: "r5", model: "m", amount: 1n }))
      const invalid = yield* Effect.flip(client.usage({ id: 1 }))
      return { start, refused, invalid }
    })
    const layer = GatewayClient.layer(options({ deadlineMs: 100 }))
    const { start, refused, invalid } = await Effect.runPromise(Effect.provide(program, layer))
    assert.strictEqual(refused.code, "unavailable")
    assert.strictEqual(invalid._tag, "UsageEventInvalid")
    assert.strictEqual((await streamed(start)).length, 1)
  })
})
