/**
 * Goal: what leaves a host leaves in order, and what the bus refuses for good is seen (decision 9). Method: a real
 * nats-server, and a message larger than it takes.
 */
import { closeBus, connectBus, provisionStreams, type BusHandle } from "@credits/bus"
import { SUBJECTS } from "@credits/contracts"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import { afterAll, beforeAll, expect, it } from "vitest"
import { Outlet } from "./outlet.ts"

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

it("what is refused for good is tried again and told once; the status says it", async () => {
  const stored: Array<number> = []
  const told: Array<unknown> = []
  let tries = 0
  const counting = Object.create(bus, {
    js: {
      get: () => {
        tries += 1
        return bus.js
      },
    },
  }) as BusHandle
  const outlet = new Outlet(
    counting,
    SUBJECTS.ledgerJournal,
    (message) => message.t === "outboxed" && stored.push(...message.ids),
    (...said) => told.push(said),
  )
  const letter = (id: number, payload: string) => ({ id, subject: SUBJECTS.deadLetter("ledger"), payload })
  outlet.outbox([letter(1, "fits")])
  await expect.poll(() => stored).toEqual([1])
  expect(outlet.refused).toBeNull()
  outlet.outbox([letter(2, "x".repeat(1_100_000))])
  await expect.poll(() => tries).toBeGreaterThan(3)
  expect(told).toEqual([["error", { error: expect.stringContaining("refuses"), messages: 1 }]])
  expect(outlet.refused).toMatch(/size/)
  outlet.stop()
})
