/**
 * Goal: what a stream holds can be looked at without a consumer, and no message is given up without anybody hearing of
 * it. Method: a real nats-server, and a real consumer that exceeds its deliveries.
 */
import { type DeadLetter, STREAMS, SUBJECTS } from "@credits/contracts"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { AckPolicy } from "@nats-io/jetstream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { advisoriesWithoutLetter, findStored, type StoredMessage, walkStored } from "./stored.ts"
import { type BusHandle, closeBus, connectBus, provisionStreams, publish } from "./index.ts"

let server: TestNatsServer
let bus: BusHandle
const USAGE = STREAMS.usage.name

beforeAll(async () => {
  server = await natsServerForTests()
  bus = await connectBus({ servers: server.url, name: "test" })
  await provisionStreams(bus, { maxBytes: 64 * 1024 * 1024 })
  for (let n = 1; n <= 450; n++) await publish(bus.js, SUBJECTS.usage, `[${n}]`, { "x-n": String(n) })
})
afterAll(async () => {
  await closeBus(bus)
  await server.stop()
})

const texts = (messages: ReadonlyArray<StoredMessage>) => messages.map(({ data }) => new TextDecoder().decode(data))

describe("walking a stream", () => {
  it("gives every message of a range in order, with headers and time, and ends when told to", async () => {
    const seen: Array<StoredMessage> = []
    await walkStored(bus, USAGE, { from: 200, to: 449 }, (message) => void seen.push(message))
    expect(texts(seen)).toEqual(Array.from({ length: 250 }, (_, i) => `[${200 + i}]`))
    expect(seen[0]).toMatchObject({ seq: 200, subject: SUBJECTS.usage, headers: { "x-n": "200" } })
    expect(Math.abs(seen[0]!.at - Date.now())).toBeLessThan(60_000)
    const few: Array<number> = []
    await walkStored(bus, USAGE, { from: 1 }, ({ seq }) => (few.push(seq), seq < 3))
    expect(await findStored(bus, USAGE, 451)).toBeNull()
    await publish(bus.js, SUBJECTS.usage, "[451]")
    await bus.jsm.streams.deleteMessage(USAGE, 451)
    expect(await findStored(bus, USAGE, 451)).toBeNull()
    expect(texts([(await findStored(bus, USAGE, 450))!])).toEqual(["[450]"])
  })
})

describe("the second net below the dead letters", () => {
  it("a message that a real consumer gives up is told by JetStream until a letter tells of it", async () => {
    expect(await advisoriesWithoutLetter(bus)).toEqual([])
    await bus.jsm.consumers.add(USAGE, {
      durable_name: "stranger",
      ack_policy: AckPolicy.Explicit,
      max_deliver: 2,
      opt_start_seq: 450,
      deliver_policy: "by_start_sequence",
    })
    const consumer = await bus.js.consumers.get(USAGE, "stranger")
    for (let delivery = 1; delivery <= 2; delivery++) (await consumer.next({ expires: 5_000 }))!.nak()
    // The server says so when it is asked for the message once more.
    await consumer.next({ expires: 1_000 })
    await expect
      .poll(() => advisoriesWithoutLetter(bus), { timeout: 15_000 })
      .toMatchObject([
        { kind: "max_deliveries", consumer: "stranger", origin: { stream: USAGE, seq: 450 }, deliveries: 2 },
      ])
    const letter: Partial<DeadLetter> = { id: "e", reason: "malformed", origin: { stream: USAGE, seq: 450, index: 0 } }
    await publish(bus.js, SUBJECTS.deadLetter("pricing"), JSON.stringify(letter))
    expect(await advisoriesWithoutLetter(bus)).toEqual([])
  })
})
