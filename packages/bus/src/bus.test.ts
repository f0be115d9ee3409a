/**
 * The bus against a real nats-server: what is stored and what is not, who hears what, and what survives a crash of the
 * server. No sleeps: each test waits for the fact it is about.
 */
import { BUCKETS, STREAMS, type StreamSpec } from "@credits/contracts"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import {
  ask,
  askOwner,
  BusFull,
  type BusHandle,
  BusRefused,
  BusUnavailable,
  closeBus,
  connectBus,
  kvGet,
  kvPut,
  kvWatch,
  provisionStreams,
  publish,
  publishAtomic,
  serve,
  startClock,
  streamState,
  verifyStreams,
} from "./index.ts"

let server: TestNatsServer
let bus: BusHandle
const opened: Array<BusHandle> = []
const connected = async (name: string): Promise<BusHandle> => {
  const other = await connectBus({ servers: server.url, name })
  opened.push(other)
  return other
}

beforeAll(async () => {
  server = await natsServerForTests()
  bus = await connectBus({ servers: server.url, name: "test" })
  await provisionStreams(bus)
})
afterEach(async () => {
  for (const other of opened.splice(0)) await closeBus(other)
})
afterAll(async () => {
  await closeBus(bus)
  await server.stop()
})

const end = async (stream: string): Promise<number> => (await streamState(bus.jsm, stream)).last

describe("publishing", () => {
  it("resolves with the sequence once the message is stored", async () => {
    const before = await end("USAGE")
    expect(await publish(bus.js, "usage.events", "[]")).toEqual({ stream: "USAGE", seq: before + 1 })
    expect(await end("USAGE")).toBe(before + 1)
  })

  it("stores a batch in the order given, with its headers, and answers the last sequence", async () => {
    const before = await end("LEDGER_COMMANDS")
    const stored = await publishAtomic(bus.js, [
      { subject: "ledger.command.1", payload: "one" },
      { subject: "ledger.command.2", payload: new TextEncoder().encode("two"), headers: { "Credits-Id": "2.1" } },
      { subject: "ledger.command.1", payload: "three" },
    ])
    expect(stored).toEqual({ stream: "LEDGER_COMMANDS", seq: before + 3 })
    const second = await bus.jsm.streams.getMessage("LEDGER_COMMANDS", { seq: before + 2 })
    expect(second?.string()).toBe("two")
    expect(second?.header.get("Credits-Id")).toBe("2.1")
  })

  it("takes a batch of one and a batch of a thousand, and refuses one of none and one of more", async () => {
    const messages = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ subject: `ledger.journal.${index % 64}`, payload: String(index) }))
    const before = await end("LEDGER_JOURNAL")
    expect((await publishAtomic(bus.js, messages(1))).seq).toBe(before + 1)
    expect((await publishAtomic(bus.js, messages(1_000))).seq).toBe(before + 1_001)
    await expect(publishAtomic(bus.js, [])).rejects.toBeInstanceOf(BusRefused)
    await expect(publishAtomic(bus.js, messages(1_001))).rejects.toBeInstanceOf(BusRefused)
    expect(await end("LEDGER_JOURNAL")).toBe(before + 1_001)
  })

  it("of a batch that crosses two streams stores nothing", async () => {
    const before = [await end("LEDGER_COMMANDS"), await end("USAGE")]
    const crossing = publishAtomic(bus.js, [
      { subject: "ledger.command.1", payload: "one" },
      { subject: "usage.events", payload: "[]" },
    ])
    await expect(crossing).rejects.toThrow(/the bus/)
    expect([await end("LEDGER_COMMANDS"), await end("USAGE")]).toEqual(before)
  })

  it("to a subject without a stream is BusUnavailable and certainly not stored", async () => {
    const lost = publish(bus.js, "nothing.listens.here", "x")
    await expect(lost).rejects.toMatchObject({ _tag: "BusUnavailable", outcome: "not_stored" })
  })

  it("decision 2: a full stream is BusFull for a message and for a batch, which stores nothing of itself", async () => {
    const small = await natsServerForTests()
    const full = await connectBus({ servers: small.url, name: "test" })
    await provisionStreams(full, { maxBytes: 64 * 1024 })
    const payload = "x".repeat(9_000)
    for (let index = 0; index < 5; index++) await publish(full.js, "usage.events", payload)
    const before = await streamState(full.jsm, "USAGE")
    const batch = Array.from({ length: 4 }, () => ({ subject: "usage.events", payload }))
    await expect(publishAtomic(full.js, batch)).rejects.toBeInstanceOf(BusFull)
    expect((await streamState(full.jsm, "USAGE")).last).toBe(before.last)
    await publish(full.js, "usage.events", payload)
    await publish(full.js, "usage.events", payload)
    await expect(publish(full.js, "usage.events", payload)).rejects.toBeInstanceOf(BusFull)
    await closeBus(full)
    await small.stop()
  })
})

describe("when nats-server goes away", () => {
  const QUICK_MS = 3_000

  it("a publish under way fails at once with an unknown outcome, one after it waits and is stored", async () => {
    const shaky = await natsServerForTests()
    const own = await connectBus({ servers: shaky.url, name: "test" })
    await provisionStreams(own)
    await publish(own.js, "usage.events", "[]")
    // Stopped, it takes messages into its socket and answers nothing: the publish is truly under way when it dies.
    shaky.signal("SIGSTOP")
    const batch = [1, 2, 3].map((partition) => ({ subject: `ledger.command.${partition}`, payload: "x" }))
    const under = [publish(own.js, "usage.events", "[]"), publishAtomic(own.js, batch)]
    const failedAfter = Promise.allSettled(under).then((results) => ({ results, at: performance.now() }))
    const killedAt = performance.now()
    await shaky.kill()
    const { results, at } = await failedAfter
    expect(at - killedAt).toBeLessThan(QUICK_MS)
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { _tag: "BusUnavailable", outcome: "unknown" } })
    }
    const later = [publish(own.js, "usage.events", "[]"), publishAtomic(own.js, batch), kvGet(own, BUCKETS.clock, "k")]
    await shaky.restart()
    const restartedAt = performance.now()
    expect(await Promise.all(later)).toMatchObject([{ stream: "USAGE" }, { stream: "LEDGER_COMMANDS" }, undefined])
    expect(performance.now() - restartedAt).toBeLessThan(QUICK_MS)
    await closeBus(own)
    await shaky.stop()
  })

  it("a publish on a closed connection is certainly not stored", async () => {
    const own = await connected("closing")
    await closeBus(own)
    const lost = publish(own.js, "usage.events", "[]")
    await expect(lost).rejects.toMatchObject({ _tag: "BusUnavailable", outcome: "not_stored" })
  })
})

describe("asking the owner (decision 6)", () => {
  it("waits through an owner's absence and gets the answer as soon as there is one", async () => {
    const late = await connected("owner")
    const answer = askOwner(bus.connection, "ledger.request.1", "q")
    const responder = serve(late.connection, "ledger.request.1", (text) => `answer to ${text}`)
    expect(await answer).toBe("answer to q")
    await responder.stop()
  })

  it("repeats the very same text while the owner is silent, and the first answer wins", async () => {
    const owner = await connected("owner")
    const heard: Array<string> = []
    const responder = serve(owner.connection, "ledger.request.2", (text) => {
      heard.push(text)
      // The first is never answered, as by an owner that was stopped.
      return heard.length === 1 ? new Promise<string>(() => undefined) : `answer ${heard.length}`
    })
    await owner.connection.flush()
    expect(await askOwner(bus.connection, "ledger.request.2", "same", { silenceMs: 30 })).toBe("answer 2")
    expect(new Set(heard)).toEqual(new Set(["same"]))
    await responder.stop()
  })

  it("repeats on overloaded, and only on a refusal with that code", async () => {
    const owner = await connected("owner")
    const answers = [
      '{"refused":{"code":"overloaded"}}',
      '{"refused":{"code":"insufficient_balance","detail":"overloaded"}}',
    ]
    const responder = serve(owner.connection, "ledger.request.3", () => answers.shift() ?? "no more")
    await owner.connection.flush()
    expect(await askOwner(bus.connection, "ledger.request.3", "q")).toContain("insufficient_balance")
    expect(answers).toEqual([])
    await responder.stop()
  })

  it("answers unavailable at the deadline, with what it knows, and never rejects", async () => {
    const nobody = JSON.parse(await askOwner(bus.connection, "ledger.request.4", "q", { deadlineMs: 60 })) as object
    expect(nobody).toEqual({ refused: { code: "unavailable", detail: "nobody owns it" } })
    const owner = await connected("owner")
    const responder = serve(owner.connection, "ledger.request.5", () => new Promise<string>(() => undefined))
    await owner.connection.flush()
    const silent = JSON.parse(await askOwner(bus.connection, "ledger.request.5", "q", { deadlineMs: 60 })) as object
    expect(silent).toEqual({ refused: { code: "unavailable", detail: "no answer" } })
    await responder.stop()
  })

  it("of two owners of one subject both hear and one answer counts: there is no queue group", async () => {
    const [one, two] = [await connected("one"), await connected("two")]
    const heard: Array<string> = []
    const responders = [one, two].map((each, index) =>
      serve(each.connection, "ledger.request.6", () => {
        heard.push(String(index))
        return "ok"
      }),
    )
    await Promise.all([one.connection.flush(), two.connection.flush()])
    expect(await askOwner(bus.connection, "ledger.request.6", "q")).toBe("ok")
    await expect.poll(() => heard.toSorted()).toEqual(["0", "1"])
    for (const responder of responders) await responder.stop()
  })

  it("keeps thousands of questions apart", async () => {
    const owner = await connected("owner")
    const responder = serve(owner.connection, "ledger.request.7", async (text) => text)
    await owner.connection.flush()
    const texts = Array.from({ length: 5_000 }, (_, index) => `q${index}`)
    expect(await Promise.all(texts.map((text) => askOwner(bus.connection, "ledger.request.7", text)))).toEqual(texts)
    await responder.stop()
  })

  it("a handler that throws answers nothing and hears the next question", async () => {
    const owner = await connected("owner")
    const errors: Array<unknown> = []
    let calls = 0
    const answer = (): string => {
      if (++calls === 1) throw new Error("once")
      return "second"
    }
    const responder = serve(owner.connection, "ledger.request.8", answer, (error) => errors.push(error))
    await owner.connection.flush()
    expect(await askOwner(bus.connection, "ledger.request.8", "q", { silenceMs: 20 })).toBe("second")
    expect(String(errors[0])).toContain("once")
    await expect(ask(bus.connection, "nobody.there", "q", 500)).rejects.toBeInstanceOf(BusUnavailable)
    await responder.stop()
  })
})

describe("a subscription callback that throws", () => {
  it("loses its message and nothing else: the connection goes on hearing, and the defect is told", async () => {
    const own = await connected("guarded")
    const told: Array<string> = []
    const listen = (warning: Error): void => void (warning.name === "BusCallbackFailed" && told.push(warning.message))
    process.on("warning", listen)
    own.connection.subscribe("boom", {
      callback: () => {
        throw new Error("boom")
      },
    })
    const responder = serve(own.connection, "fine", (text) => text)
    await own.connection.flush()
    for (let index = 0; index < 3; index++) bus.connection.publish("boom", "x")
    expect(await ask(bus.connection, "fine", "still here", 2_000)).toBe("still here")
    await expect.poll(() => told.length).toBe(3)
    expect(told[0]).toMatch(/^boom: Error: boom/)
    process.off("warning", listen)
    await responder.stop()
  })
})

describe("buckets", () => {
  it("give the newest value, nothing for an unknown key, and refuse a put on another revision", async () => {
    expect(await kvGet(bus, BUCKETS.catalogues, "v1")).toBeUndefined()
    const first = await kvPut(bus, BUCKETS.catalogues, "v1", "a", 0)
    await kvPut(bus, BUCKETS.catalogues, "v1", "b", first.seq)
    expect((await kvGet(bus, BUCKETS.catalogues, "v1"))?.text).toBe("b")
    await expect(kvPut(bus, BUCKETS.catalogues, "v1", "c", first.seq)).rejects.toBeInstanceOf(BusRefused)
    await expect(kvPut(bus, BUCKETS.catalogues, "v1", "c", 0)).rejects.toBeInstanceOf(BusRefused)
    expect((await kvGet(bus, BUCKETS.catalogues, "v1"))?.text).toBe("b")
  })

  it("tell a watcher the value at the start and after every change, in order, ending with the newest", async () => {
    await kvPut(bus, BUCKETS.catalogues, "w", "0")
    const seen: Array<string> = []
    const watch = await kvWatch(bus, BUCKETS.catalogues, "w", (value) => seen.push(value.text))
    expect(seen).toEqual(["0"])
    for (let index = 1; index <= 20; index++) await kvPut(bus, BUCKETS.catalogues, "w", String(index))
    await expect.poll(() => seen.at(-1)).toBe("20")
    expect(seen).toEqual([...seen].toSorted((a, b) => Number(a) - Number(b)))
    watch.stop()
    await kvPut(bus, BUCKETS.catalogues, "w", "21")
    expect(seen.at(-1)).toBe("20")
  })

  it("give a watcher a value again that it could not take, and a newer one instead once there is one", async () => {
    await kvPut(bus, BUCKETS.catalogues, "again", "0")
    const seen: Array<string> = []
    let isBroken = true
    const watch = await kvWatch(bus, BUCKETS.catalogues, "again", async (value) => {
      seen.push(value.text)
      if (isBroken) throw new Error("what it reads besides is not there")
    })
    await expect.poll(() => seen.length).toBeGreaterThan(2)
    await kvPut(bus, BUCKETS.catalogues, "again", "1")
    await expect.poll(() => seen.at(-1)).toBe("1")
    isBroken = false
    await expect.poll(() => seen.filter((text) => text === "1").length).toBeGreaterThan(1)
    expect(seen).toEqual([...seen].toSorted())
    watch.stop()
  })

  it("are given one at a time: what a watcher takes long over is not done after what is newer", async () => {
    await kvPut(bus, BUCKETS.catalogues, "slow", "0")
    const { promise: isFree, resolve: free } = Promise.withResolvers<void>()
    const [taken, seen]: [Array<string>, Array<string>] = [[], []]
    const watch = await kvWatch(bus, BUCKETS.catalogues, "slow", async ({ text }) => {
      if (text === "0") await isFree
      taken.push(text)
    })
    const other = await kvWatch(bus, BUCKETS.catalogues, "slow", ({ text }) => void seen.push(text))
    await kvPut(bus, BUCKETS.catalogues, "slow", "1")
    await expect.poll(() => seen.at(-1)).toBe("1")
    free()
    await expect.poll(() => taken.length).toBe(2)
    expect(taken).toEqual(["0", "1"])
    watch.stop()
    other.stop()
  })

  it("give a watcher and a clock what was put after a bucket was deleted and made anew", async () => {
    const [bucket, key] = [BUCKETS.clock, "clock"]
    const put = (offset: number) => kvPut(bus, bucket, key, JSON.stringify({ offset, frozenAt: null }))
    for (const offset of [1, 2, 3]) await put(offset)
    const seen: Array<string> = []
    const watch = await kvWatch(bus, bucket, key, (value) => seen.push(value.text))
    const clock = await startClock(bus)
    await bus.jsm.streams.delete(`KV_${bucket}`)
    await provisionStreams(bus)
    await put(4)
    await expect.poll(() => seen.at(-1)).toMatch(/4/)
    await expect.poll(() => clock.setting.offset).toBe(4)
    await put(5)
    await clock.refresh()
    expect(clock.setting.offset).toBe(5)
    watch.stop()
    clock.stop()
  })
})

describe("provisioning", () => {
  it("makes streams that keep everything until purged and refuse what does not fit (decision 2)", async () => {
    for (const spec of Object.values<StreamSpec>(STREAMS)) {
      const { config } = await bus.jsm.streams.info(spec.name)
      // The advisories feed no database.
      const isKept = spec.maxAgeMs === undefined
      expect(isKept || spec.readers.length === 0).toBe(true)
      expect(config).toMatchObject({
        storage: "file",
        discard: isKept ? "new" : "old",
        max_age: isKept ? 0 : 30 * 86_400_000_000_000,
        max_msgs: -1,
        max_bytes: spec.maxBytes,
        duplicate_window: 120_000_000_000,
        allow_direct: true,
        allow_atomic: true,
      })
    }
  })

  it("run twice changes nothing, and a stream of another shape is refused by name and field", async () => {
    await provisionStreams(bus)
    const small = await natsServerForTests()
    const other = await connectBus({ servers: small.url, name: "test" })
    await other.jsm.streams.add({ name: "USAGE", subjects: ["usage.events"], max_age: 1_000_000_000 * 3_600 })
    await expect(provisionStreams(other)).rejects.toThrow(/USAGE has discard "old", the contract says "new"/)
    await expect(verifyStreams(other, ["LEDGER_COMMANDS"])).rejects.toThrow(/LEDGER_COMMANDS does not exist/)
    await closeBus(other)
    await small.stop()
  })
})
