/**
 * Reading in order from a remembered sequence (decision 2): nothing twice, nothing left out, through crashes of the
 * server, and a stop with a reason when the stream is no longer the one the cursor belongs to.
 */
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { afterEach, describe, expect, it } from "vitest"
import {
  type BusHandle,
  closeBus,
  connectBus,
  type CursorGap,
  cursorGapOf,
  orderedReader,
  type OrderedReader,
  type OrderedReaderOptions,
  provisionStreams,
  publishAtomic,
  type StreamState,
  streamState,
} from "./index.ts"

const STREAM = "LEDGER_COMMANDS"
const servers: Array<TestNatsServer> = []
const buses: Array<BusHandle> = []
const readers: Array<OrderedReader> = []

afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close()
  for (const bus of buses.splice(0)) await closeBus(bus)
  for (const server of servers.splice(0)) await server.stop()
})

const started = async (): Promise<{ readonly server: TestNatsServer; readonly bus: BusHandle }> => {
  const server = await natsServerForTests()
  servers.push(server)
  const bus = await connectBus({ servers: server.url, name: "test" })
  buses.push(bus)
  await provisionStreams(bus)
  return { server, bus }
}

/** Publishes `count` messages over 64 partitions; the payload is the sequence they will have in a fresh stream. */
const fill = async (bus: BusHandle, count: number): Promise<void> => {
  const { last } = await streamState(bus.jsm, STREAM)
  for (let from = 0; from < count; from += 1_000) {
    const size = Math.min(1_000, count - from)
    const messages = Array.from({ length: size }, (_, index) => {
      const seq = last + from + index + 1
      return { subject: `ledger.command.${seq % 64}`, payload: String(seq) }
    })
    await publishAtomic(bus.js, messages)
  }
}

interface Read {
  readonly reader: OrderedReader
  readonly seqs: Array<number>
  readonly gaps: Array<CursorGap>
  readonly created: Array<StreamState>
  readonly troubles: Array<string>
}

const reading = (bus: BusHandle, options: Partial<OrderedReaderOptions> = {}): Read => {
  const read = { seqs: [] as Array<number>, gaps: [] as Array<CursorGap>, created: [] as Array<StreamState> }
  const troubles: Array<string> = []
  const reader = orderedReader(bus, {
    stream: STREAM,
    filters: ["ledger.command.*"],
    startSeq: 1,
    onMessage: (message) => {
      if (new TextDecoder().decode(message.data) !== String(message.seq)) throw new Error("another message's payload")
      read.seqs.push(message.seq)
    },
    onCreated: (state) => read.created.push(state),
    onGap: (gap) => read.gaps.push(gap),
    onTrouble: (detail) => troubles.push(detail),
    ...options,
  })
  readers.push(reader)
  return { reader, troubles, ...read }
}

const upTo = (last: number, first = 1): ReadonlyArray<number> =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

const WAIT = { timeout: 15_000, interval: 20 }

describe("an ordered reader", () => {
  it("gives every message once and in order, more of them than it asks for at a time", async () => {
    const { bus } = await started()
    await fill(bus, 5_000)
    const { seqs, reader } = reading(bus, { aheadMessages: 64 })
    await expect.poll(() => seqs.length, WAIT).toBe(5_000)
    expect(seqs).toEqual(upTo(5_000))
    await fill(bus, 10)
    await expect.poll(() => seqs.length, WAIT).toBe(5_010)
    expect(reader.position).toBe(5_010)
  })

  it("starts where it is told, and reads only its partitions with several filters", async () => {
    const { bus } = await started()
    await fill(bus, 640)
    const mine = [3, 7, 63]
    const { seqs } = reading(bus, { startSeq: 321, filters: mine.map((each) => `ledger.command.${each}`) })
    const wanted = upTo(640, 321).filter((seq) => mine.includes(seq % 64))
    await expect.poll(() => seqs.length, WAIT).toBe(wanted.length)
    expect(seqs).toEqual(wanted)
  })

  it("asks for no more while paused: at most what it had asked for arrives", async () => {
    const { bus } = await started()
    await fill(bus, 2_000)
    const { seqs, reader } = reading(bus, {
      aheadMessages: 100,
      onMessage: (message) => {
        seqs.push(message.seq)
        if (message.seq === 10) reader.pause()
      },
    })
    await expect.poll(() => seqs.length, WAIT).toBeGreaterThanOrEqual(10)
    await bus.connection.flush()
    const arrived = seqs.length
    expect(arrived).toBeLessThanOrEqual(110)
    await bus.connection.flush()
    expect(seqs.length).toBe(arrived)
    reader.resume()
    await expect.poll(() => seqs.length, WAIT).toBe(2_000)
    expect(seqs).toEqual(upTo(2_000))
  })

  it("bounds the bytes that are under way, also with large messages", async () => {
    const { bus } = await started()
    const payload = "x".repeat(400_000)
    for (let index = 0; index < 20; index++) {
      await publishAtomic(bus.js, [
        { subject: "ledger.command.1", payload },
        { subject: "ledger.command.2", payload },
      ])
    }
    const sizes: Array<number> = []
    reading(bus, { aheadBytes: 1_000_000, onMessage: (message) => void sizes.push(message.data.length) })
    await expect.poll(() => sizes.length, WAIT).toBe(40)
    expect(new Set(sizes)).toEqual(new Set([400_000]))
  })

  it("I2, I3: reads on after nats-server was killed, without a repeat and without a hole", async () => {
    const { server, bus } = await started()
    await fill(bus, 3_000)
    const { seqs, created, gaps } = reading(bus)
    await expect.poll(() => seqs.length, WAIT).toBe(3_000)
    await server.kill()
    await server.restart()
    await expect.poll(() => created.length, WAIT).toBeGreaterThan(1)
    await expect
      .poll(
        () =>
          fill(bus, 1_000).then(
            () => true,
            () => false,
          ),
        WAIT,
      )
      .toBe(true)
    await expect.poll(() => seqs.length, WAIT).toBeGreaterThanOrEqual(4_000)
    expect(seqs).toEqual(upTo(seqs.length))
    expect(gaps).toEqual([])
  }, 30_000)

  it("reads on when its consumer was deleted under it", async () => {
    const { bus } = await started()
    await fill(bus, 100)
    const { seqs, created } = reading(bus)
    await expect.poll(() => seqs.length, WAIT).toBe(100)
    for await (const consumer of bus.jsm.consumers.list(STREAM)) await bus.jsm.consumers.delete(STREAM, consumer.name)
    await fill(bus, 100)
    await expect.poll(() => created.length, WAIT).toBe(2)
    await expect.poll(() => seqs.length, WAIT).toBe(200)
    expect(seqs).toEqual(upTo(200))
  })

  it("starts again where the caller says, after a reload from the database", async () => {
    const { bus } = await started()
    await fill(bus, 100)
    const { seqs, reader } = reading(bus)
    await expect.poll(() => seqs.length, WAIT).toBe(100)
    reader.restartAt(51)
    await expect.poll(() => seqs.length, WAIT).toBe(150)
    expect(seqs.slice(100)).toEqual(upTo(100, 51))
  })

  it("gives a message again that its taker threw on, and skips nothing", async () => {
    const { bus } = await started()
    await fill(bus, 100)
    let thrown = 0
    const read: Read = reading(bus, {
      onMessage: ({ seq }) => {
        if (seq === 50 && ++thrown < 3) throw new Error("not now")
        read.seqs.push(seq)
      },
    })
    await expect.poll(() => read.seqs.length, WAIT).toBe(100)
    expect(read.seqs).toEqual(upTo(100))
    expect(read.troubles.filter((trouble) => trouble.includes("message 50 was not taken"))).toHaveLength(2)
  })

  it("leaves nothing of itself behind when closed: no more messages, no timers that keep the process", async () => {
    const { bus } = await started()
    await fill(bus, 10)
    const { seqs, reader } = reading(bus)
    await expect.poll(() => seqs.length, WAIT).toBe(10)
    await reader.close()
    await fill(bus, 10)
    await bus.connection.flush()
    expect(seqs.length).toBe(10)
  })
})

describe("a cursor gap (decision 2) stops the reader with its reason", () => {
  it("when the stream was trimmed above the cursor", async () => {
    const { bus } = await started()
    await fill(bus, 100)
    await bus.jsm.streams.purge(STREAM, { seq: 52 })
    const { gaps, seqs } = reading(bus, { startSeq: 51 })
    await expect.poll(() => gaps.map((gap) => gap.reason), WAIT).toEqual(["trimmed"])
    expect(gaps[0]).toMatchObject({ cursor: 50, state: { first: 52, last: 100 } })
    expect(seqs).toEqual([])
  })

  it("when the stream ends below the cursor", async () => {
    const { bus } = await started()
    await fill(bus, 10)
    const { gaps } = reading(bus, { startSeq: 12 })
    await expect.poll(() => gaps.map((gap) => gap.reason), WAIT).toEqual(["beyond_the_end"])
  })

  it("when it is another stream of the same name, even one that is long enough", async () => {
    const { bus } = await started()
    await fill(bus, 10)
    const { incarnation } = await streamState(bus.jsm, STREAM)
    await bus.jsm.streams.delete(STREAM)
    await provisionStreams(bus)
    await fill(bus, 20)
    const { gaps } = reading(bus, { startSeq: 11, incarnation })
    await expect.poll(() => gaps.map((gap) => gap.reason), WAIT).toEqual(["other_incarnation"])
  })

  it("when the stream is wiped while it reads", async () => {
    const { bus } = await started()
    await fill(bus, 10)
    const { gaps, seqs } = reading(bus)
    await expect.poll(() => seqs.length, WAIT).toBe(10)
    await bus.jsm.streams.delete(STREAM)
    await provisionStreams(bus)
    await fill(bus, 20)
    await expect.poll(() => gaps.map((gap) => gap.reason), WAIT).toEqual(["other_incarnation"])
    expect(seqs.length).toBe(10)
  })

  it("and never when the cursor fits: at both ends, empty, new, or trimmed right up to it", () => {
    const state = { incarnation: "i", first: 5, last: 9, messages: 5, bytes: 1 }
    const empty = { incarnation: "i", first: 10, last: 9, messages: 0, bytes: 0 }
    const fresh = { incarnation: "i", first: 1, last: 0, messages: 0, bytes: 0 }
    for (const cursor of [4, 7, 9]) expect(cursorGapOf("S", cursor, "i", state)).toBeUndefined()
    expect(cursorGapOf("S", 9, "i", empty)).toBeUndefined()
    expect(cursorGapOf("S", 0, undefined, fresh)).toBeUndefined()
    expect(cursorGapOf("S", 3, "i", state)?.reason).toBe("trimmed")
    expect(cursorGapOf("S", 8, "i", empty)?.reason).toBe("trimmed")
    expect(cursorGapOf("S", 10, "i", state)?.reason).toBe("beyond_the_end")
    expect(cursorGapOf("S", 7, "other", state)?.reason).toBe("other_incarnation")
  })
})
