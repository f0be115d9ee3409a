/**
 * A stream into a file and back into another server: what a restored database needs to find. Real servers; the file is
 * the server's own.
 */
import { mkdtemp, rm, truncate } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { afterEach, expect, it } from "vitest"
import {
  backUpStream,
  type BusHandle,
  BusRefused,
  closeBus,
  connectBus,
  provisionStreams,
  publishAtomic,
  restoreStream,
  streamState,
} from "./index.ts"

const STREAM = "LEDGER_COMMANDS"
const servers: Array<TestNatsServer> = []
const buses: Array<BusHandle> = []
const folders: Array<string> = []

afterEach(async () => {
  for (const bus of buses.splice(0)) await closeBus(bus)
  for (const server of servers.splice(0)) await server.stop()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

const server = async (): Promise<BusHandle> => {
  const started = await natsServerForTests()
  servers.push(started)
  const bus = await connectBus({ servers: started.url, name: "test" })
  buses.push(bus)
  return bus
}

/** Several chunks of payload, trimmed at the front, so that sequences do not begin at 1. */
const filled = async (): Promise<BusHandle> => {
  const bus = await server()
  await provisionStreams(bus)
  const payload = "x".repeat(9_000)
  const messages = Array.from({ length: 300 }, (_, i) => ({
    subject: `ledger.command.${i % 64}`,
    payload: payload + i,
  }))
  await publishAtomic(bus.js, messages)
  await bus.jsm.streams.purge(STREAM, { seq: 21 })
  return bus
}

const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), "credits-backup-"))
  folders.push(made)
  return made
}

it("decision 2: a restored stream has the sequences, messages and incarnation of the one that was copied", async () => {
  const from = await filled()
  const file = join(await folder(), "stream.tar.s2")
  const heard: Array<number> = []
  const backup = await backUpStream(from, STREAM, file, { user: "test", told: (bytes) => heard.push(bytes) })
  expect(backup.state).toMatchObject({ messages: 280, first_seq: 21, last_seq: 300 })
  expect(heard.length).toBeGreaterThan(0)

  const to = await server()
  await restoreStream(to, backup, file)
  expect(await streamState(to.jsm, STREAM)).toEqual(await streamState(from.jsm, STREAM))
  const stored = await to.jsm.direct.getMessage(STREAM, { seq: 300 })
  expect(stored?.string().endsWith("x299")).toBe(true)
  // What is published next follows, and nothing of the copied server is touched.
  await publishAtomic(to.js, [{ subject: "ledger.command.1", payload: "next" }])
  expect((await streamState(to.jsm, STREAM)).last).toBe(301)
  expect((await streamState(from.jsm, STREAM)).last).toBe(300)
})

it("a stream that is there already is not written over, and half a file makes no stream", async () => {
  const from = await filled()
  const file = join(await folder(), "stream.tar.s2")
  const backup = await backUpStream(from, STREAM, file, { user: "test" })
  await expect(restoreStream(from, backup, file)).rejects.toThrow(BusRefused)
  expect((await streamState(from.jsm, STREAM)).last).toBe(300)

  await truncate(file, 2_000)
  const to = await server()
  await expect(restoreStream(to, backup, file)).rejects.toThrow(BusRefused)
  await expect(streamState(to.jsm, STREAM)).rejects.toThrow(/stream not found/)
})

it("a stream that does not exist is refused by name", async () => {
  const bus = await server()
  const file = join(await folder(), "stream.tar.s2")
  await expect(backUpStream(bus, STREAM, file, { user: "test" })).rejects.toThrow(/stream not found/)
})
