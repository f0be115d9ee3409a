/**
 * Publishing in order against a real nats-server: what is stored is always a beginning of what was given, whoever else
 * publishes, whatever is refused, and over a crash of the server.
 */
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  BusFull,
  type BusHandle,
  closeBus,
  connectBus,
  provisionStreams,
  publishInOrder,
  streamState,
} from "./index.ts"

let server: TestNatsServer
let bus: BusHandle
beforeAll(async () => {
  server = await natsServerForTests()
  bus = await connectBus({ servers: server.url, name: "test" })
  await provisionStreams(bus)
})
afterAll(async () => {
  await closeBus(bus)
  await server.stop()
})

const end = async (stream: string): Promise<number> => (await streamState(bus.jsm, stream)).last

describe("publishing in order", () => {
  const textsAfter = async (from: number): Promise<ReadonlyArray<string>> => {
    const last = await end("PAYMENTS")
    const found = Array.from({ length: last - from }, (_, i) =>
      bus.jsm.streams.getMessage("PAYMENTS", { seq: from + 1 + i }),
    )
    return (await Promise.all(found)).map((message) => message!.string())
  }
  const facts = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ subject: "payments.fact", payload: `${name}${i}` }))
  const payloads = (messages: ReadonlyArray<{ readonly payload: string }>) => messages.map(({ payload }) => payload)

  it("stores few and many as they were given", async () => {
    for (const count of [0, 1, 2, 16, 17, 32, 33]) {
      const before = await end("PAYMENTS")
      const messages = facts("f", count)
      const stored = await publishInOrder(bus.js, messages)
      expect(stored).toEqual({ count, error: null })
      expect(await textsAfter(before)).toEqual(payloads(messages))
    }
  })

  it("leaves the headers of a message as they were given", async () => {
    const messages = facts("h", 2).map((fact, i) => ({ ...fact, headers: { "Credits-Id": `p.${i}` } }))
    await publishInOrder(bus.js, messages)
    const last = await bus.jsm.streams.getMessage("PAYMENTS", { seq: await end("PAYMENTS") })
    expect(last?.header.get("Credits-Id")).toBe("p.1")
  })

  it("the same messages given again are stored again: whoever repeats has a reason", async () => {
    const before = await end("PAYMENTS")
    await publishInOrder(bus.js, facts("r", 3))
    await publishInOrder(bus.js, facts("r", 3))
    expect(await textsAfter(before)).toEqual(["r0", "r1", "r2", "r0", "r1", "r2"])
  })

  it("keeps each publisher's order when several publish into one stream", async () => {
    const before = await end("PAYMENTS")
    const others = await Promise.all(["a", "b", "c"].map((name) => connectBus({ servers: server.url, name })))
    const rounds = others.map(async (other, number) => {
      for (let round = 0; round < 10; round++) {
        const messages = facts(`${number}.${round}.`, 2 + round)
        expect(await publishInOrder(other.js, messages)).toEqual({ count: messages.length, error: null })
      }
    })
    await Promise.all(rounds)
    await Promise.all(others.map(closeBus))
    const texts = await textsAfter(before)
    for (const number of [0, 1, 2]) {
      const own = texts.filter((text) => text.startsWith(`${number}.`))
      expect(own).toEqual(
        Array.from({ length: 10 }, (_, round) => payloads(facts(`${number}.${round}.`, 2 + round))).flat(),
      )
    }
  })

  it("of what is refused half-way a beginning is stored and nothing behind the gap, and it says how much", async () => {
    const small = await natsServerForTests()
    const full = await connectBus({ servers: small.url, name: "test" })
    await provisionStreams(full, { maxBytes: 64 * 1024 })
    const messages = [
      ...facts("small", 3),
      { subject: "payments.fact", payload: "x".repeat(65_000) },
      ...facts("late", 3),
    ]
    const { count, error } = await publishInOrder(full.js, messages)
    expect(count).toBe(3)
    expect(error).toBeInstanceOf(BusFull)
    expect((await streamState(full.jsm, "PAYMENTS")).last).toBe(3)
    expect(await publishInOrder(full.js, facts("late", 3))).toEqual({ count: 3, error: null })
    await closeBus(full)
    await small.stop()
  })

  it("to a subject without a stream stores nothing", async () => {
    const nowhere = facts("n", 3).map(({ payload }) => ({ subject: "nothing.listens.here", payload }))
    expect(await publishInOrder(bus.js, nowhere)).toMatchObject({
      count: 0,
      error: { _tag: "BusUnavailable", outcome: "not_stored" },
    })
  })

  it("what it says is stored survives a crash of the server in the middle", async () => {
    const own = await natsServerForTests()
    const publisher = await connectBus({ servers: own.url, name: "test" })
    await provisionStreams(publisher)
    const messages = facts("c", 2_000)
    let stored = 0
    const publishing = (async () => {
      while (stored < messages.length) {
        const { count, error } = await publishInOrder(publisher.js, messages.slice(stored, stored + 10))
        stored += count
        if (error !== null) return
      }
    })()
    while (stored < 50) await new Promise((resolve) => setImmediate(resolve))
    await own.kill()
    await publishing
    await closeBus(publisher)
    await own.restart()
    const reader = await connectBus({ servers: own.url, name: "test" })
    const found = (await streamState(reader.jsm, "PAYMENTS")).last
    expect(found).toBeGreaterThanOrEqual(stored)
    for (let seq = 1; seq <= found; seq++) {
      expect((await reader.jsm.streams.getMessage("PAYMENTS", { seq }))?.string()).toBe(`c${seq - 1}`)
    }
    await closeBus(reader)
    await own.stop()
  }, 60_000)
})
