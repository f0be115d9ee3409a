/**
 * Goal: decision 21, below the free-space mark usage waits in its stream and pricing answers as ever. Method: a running
 * pricing over real parts, with readings of the volume that the test gives.
 */
import { ask } from "@credits/bus"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  eventually,
  FREE_SPACE_MARK,
  publishUsage,
  startParts,
  startTestPricing,
  storedCharges,
  usageEvent,
  type TestParts,
  type TestPricing,
} from "./fixture.test-kit.ts"

describe("decision 21: pricing on a volume that is nearly full", () => {
  let parts: TestParts
  let pricing: TestPricing
  let free = FREE_SPACE_MARK - 1

  beforeAll(async () => {
    parts = await startParts()
    pricing = await startTestPricing(parts, { readFreeSpace: async () => free })
  })
  afterAll(async () => {
    await pricing.stop()
    await parts.stop()
  })

  const becomes = async (bytes: number, stopped: 0 | 1): Promise<void> => {
    free = bytes
    await eventually(async () => {
      const { metrics } = (await pricing.status()).detail as { readonly metrics: { readonly intakeStopped: number } }
      return metrics.intakeStopped === stopped ? true : undefined
    }, `intake stopped: ${stopped}`)
  }
  const rated = async (): Promise<ReadonlyArray<string>> => {
    await pricing.settled()
    return (await storedCharges(parts.bus)).map(([id]) => id)
  }
  /** The usage stream has as many messages, and the reader of none of them has given one on. */
  const isWaiting = async (messages: number): Promise<void> => {
    const { state } = await parts.bus.jsm.streams.info(STREAMS.usage.name)
    expect(state.last_seq).toBe(messages)
    const models = await ask(parts.bus.connection, SUBJECTS.pricingRequest("models"), `{"op":"models"}`, 5_000)
    expect(models).toContain('"ok"')
  }

  it("rates nothing from its start on, answers, and rates all of it when there is room", async () => {
    expect(pricing.reports.some((line) => line.startsWith("warning low_space: "))).toBe(true)
    await publishUsage(parts.bus, [usageEvent("first", Date.now())])
    await isWaiting(1)
    expect(await storedCharges(parts.bus)).toEqual([])

    await becomes(2 * FREE_SPACE_MARK, 0)
    expect(await rated()).toEqual(["first"])
  })

  it("stops when space runs out while it runs: what still arrives waits here, and goes on by itself", async () => {
    await becomes(FREE_SPACE_MARK - 1, 1)
    await publishUsage(parts.bus, [usageEvent("second", Date.now())])
    // The reader had asked for messages before: this one arrives, and is not rated.
    await eventually(async () => {
      const { queued } = (await pricing.status()).detail as { readonly queued: Readonly<Record<string, number>> }
      return queued[STREAMS.usage.name] === 1 ? true : undefined
    }, "the message waits")
    await isWaiting(2)
    expect((await pricing.status()).cursors[STREAMS.usage.name]).toBe(1)

    await becomes(2 * FREE_SPACE_MARK, 0)
    expect(await rated()).toEqual(["first", "second"])
    expect(pricing.reports.some((line) => line.startsWith("info low_space is over"))).toBe(true)
  })
})
