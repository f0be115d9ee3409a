/** Goal: decision 21, stopping before a full disk breaks things. Method: readings that the test gives. */
import { tmpdir } from "node:os"
import { ConfigProvider, Effect } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { FreeSpace, freeSpaceMark } from "./free-space.ts"

const MARK = 800

describe("decision 21: the free-space mark", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const watched = async (first: number | null) => {
    let reading = first
    const changes: Array<boolean> = []
    const read = () => (reading === null ? Promise.reject(new Error("no such folder")) : Promise.resolve(reading))
    const space = await FreeSpace.watch({ folder: "/data", mark: MARK, read }, ({ isLow }) => void changes.push(isLow))
    const becomes = async (bytes: number | null): Promise<boolean> => {
      reading = bytes
      await vi.advanceTimersByTimeAsync(1_000)
      return space.isLow
    }
    return { space, changes, becomes }
  }

  it("is low from the first reading on, before anything is taken in", async () => {
    const { space, changes } = await watched(MARK - 1)
    expect(space.isLow).toBe(true)
    expect(changes).toEqual([true])
    expect(space.metrics).toEqual({ freeSpaceBytes: MARK - 1, intakeStopped: 1 })
  })

  it("stops below the mark and goes on by itself with an eighth more, without switching in between", async () => {
    const { changes, becomes } = await watched(MARK)
    expect(await becomes(MARK)).toBe(false)
    expect(await becomes(MARK - 1)).toBe(true)
    expect(await becomes(MARK + 99)).toBe(true)
    expect(await becomes(MARK + 100)).toBe(false)
    expect(await becomes(MARK)).toBe(false)
    expect(changes).toEqual([true, false])
  })

  it("a folder that is not on this machine stops nobody", async () => {
    const { space, becomes } = await watched(null)
    expect(space.isLow).toBe(false)
    expect(await becomes(MARK - 1)).toBe(true)
    expect(await becomes(null)).toBe(false)
    expect(space.free).toBeNull()
  })

  it("says how much there is and what it does about it", async () => {
    const mib = 1024 * 1024
    const space = await FreeSpace.watch({ folder: "/data", mark: 512 * mib, read: async () => 3 * mib })
    expect(space.sentence).toBe(
      "low_space: 3 MiB free in /data, less than 512 MiB; usage and authorizations stop until there is room",
    )
    space.stop()
  })

  it("after it was stopped nothing is read any more", async () => {
    const { space, changes, becomes } = await watched(MARK)
    space.stop()
    await becomes(0)
    expect(changes).toEqual([])
  })
})

describe("the mark as it is configured", () => {
  const mark = (env: Record<string, string>) =>
    Effect.runPromise(freeSpaceMark.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))))

  it("is 512 MiB when nothing is said, and 0 turns it off", async () => {
    expect(await mark({})).toBe(512 * 1024 * 1024)
    expect(await mark({ CREDITS_FREE_SPACE_MIB: "0" })).toBe(0)
    const space = await FreeSpace.watch({ folder: "/data", mark: 0, read: async () => 0 })
    expect(space.isLow).toBe(false)
    space.stop()
  })

  it("the system is asked about a folder that exists", async () => {
    const space = await FreeSpace.watch({ folder: tmpdir(), mark: 1 })
    expect(space.free).toBeGreaterThan(1)
    space.stop()
  })
})
