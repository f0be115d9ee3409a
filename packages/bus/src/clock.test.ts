/** The business clock (decision 16): real time until somebody sets it, the same for everyone, kept over restarts. */
import { BUCKETS } from "@credits/contracts"
import { natsServerForTests, type TestNatsServer } from "@credits/testkit"
import type { Msg, NatsConnection } from "@nats-io/nats-core"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  Bus,
  BusinessClock,
  type BusHandle,
  CLOCK_KEY,
  clockNow,
  closeBus,
  connectBus,
  kvPut,
  parseClockSetting,
  provisionStreams,
  REAL_TIME,
  type RunningClock,
  startClock,
  writeClockSetting,
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

const DAY = 86_400_000
const offsetOf = (clock: RunningClock): number => clock.now() - Date.now()

describe("the business clock", () => {
  it("R12.1 is real time until it is set, then real time plus the offset, or stands where it is frozen", () => {
    expect(clockNow(REAL_TIME, 1_000)).toBe(1_000)
    expect(clockNow({ offset: 50, frozenAt: null }, 1_000)).toBe(1_050)
    expect(clockNow({ offset: 50, frozenAt: 7 }, 1_000)).toBe(7)
  })

  it("R12.1 follows a change in every process, and a new process starts with it", async () => {
    const clock = await startClock(bus)
    expect(Math.abs(offsetOf(clock))).toBeLessThan(1_000)
    await writeClockSetting(bus, { offset: 30 * DAY, frozenAt: null })
    await expect.poll(() => Math.round(offsetOf(clock) / DAY)).toBe(30)
    const later = await startClock(bus)
    expect(Math.round(offsetOf(later) / DAY)).toBe(30)
    await writeClockSetting(bus, { offset: 0, frozenAt: 123_456 })
    await clock.refresh()
    expect(clock.now()).toBe(123_456)
    await expect.poll(() => later.now()).toBe(123_456)
    clock.stop()
    later.stop()
  })

  it("R12.1 does not go back to a setting that was read before the one it has", async () => {
    await writeClockSetting(bus, { offset: DAY, frozenAt: null })
    const { promise: isAnswered, resolve: answered } = Promise.withResolvers<void>()
    const { promise: isFree, resolve: free } = Promise.withResolvers<void>()
    let isSlow = false
    const request = async (...asked: Parameters<NatsConnection["request"]>): Promise<Msg> => {
      const answer = bus.connection.request(...asked)
      if (!isSlow) return answer
      isSlow = false
      await answer.then(() => answered())
      return isFree.then(() => answer)
    }
    const connection = Object.create(bus.connection, { request: { value: request } }) as NatsConnection
    const clock = await startClock({ ...bus, connection })
    isSlow = true
    const refreshed = clock.refresh()
    await isAnswered
    await writeClockSetting(bus, { offset: 2 * DAY, frozenAt: null })
    await expect.poll(() => Math.round(offsetOf(clock) / DAY)).toBe(2)
    free()
    await refreshed
    expect(Math.round(offsetOf(clock) / DAY)).toBe(2)
    clock.stop()
  })

  it("refuses to guess the time from a damaged setting", async () => {
    for (const text of ["", "{}", "null", '{"offset":"1","frozenAt":null}', '{"offset":0.5,"frozenAt":null}', "[1"]) {
      expect(() => parseClockSetting(text)).toThrow(/not a clock setting/)
    }
    await kvPut(bus, BUCKETS.clock, CLOCK_KEY, "yesterday")
    await expect(startClock(bus)).rejects.toThrow(/not a clock setting/)
    await writeClockSetting(bus, REAL_TIME)
  })

  it("a damaged setting that arrives later leaves the running clock as it was", async () => {
    await writeClockSetting(bus, { offset: 5 * DAY, frozenAt: null })
    const clock = await startClock(bus)
    await kvPut(bus, BUCKETS.clock, CLOCK_KEY, "yesterday")
    await expect(clock.refresh()).rejects.toThrow(/not a clock setting/)
    expect(Math.round(offsetOf(clock) / DAY)).toBe(5)
    await writeClockSetting(bus, REAL_TIME)
    clock.stop()
  })

  it("in production reads no bucket at all", async () => {
    await writeClockSetting(bus, { offset: 30 * DAY, frozenAt: null })
    const layers = Layer.provide(
      BusinessClock.layer("production"),
      Bus.layerFrom({ servers: server.url, name: "test" }),
    )
    const offset = await Effect.runPromise(BusinessClock.pipe(Effect.map(offsetOf), Effect.provide(layers)))
    expect(Math.abs(offset)).toBeLessThan(1_000)
    await writeClockSetting(bus, REAL_TIME)
  })

  it("as a layer follows the bucket for the life of its scope", async () => {
    await writeClockSetting(bus, { offset: 2 * DAY, frozenAt: null })
    const layers = Layer.provide(BusinessClock.layer("sandbox"), Bus.layerFrom({ servers: server.url, name: "test" }))
    const offset = await Effect.runPromise(BusinessClock.pipe(Effect.map(offsetOf), Effect.provide(layers)))
    expect(Math.round(offset / DAY)).toBe(2)
    await writeClockSetting(bus, REAL_TIME)
  })
})
