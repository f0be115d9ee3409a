/**
 * Goal: one set-up of a checkout at a time, and none blocked by a dead one. Method: the lock's own file in a folder of
 * the test.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { spawnSync } from "node:child_process"
import { afterAll, assert, beforeAll, describe, it, vi } from "vitest"

describe("the set-up lock", () => {
  let folder = ""
  let cache: typeof import("./cache.mjs")
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "credits-cache-"))
    vi.stubEnv("CREDITS_CACHE_DIR", folder)
    cache = await import("./cache.mjs")
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })

  it("lies in the folder that CREDITS_CACHE_DIR names, holds our process, and goes with the work", async () => {
    const lock = join(folder, "set-up.lock")
    const held = await cache.withSetupLock(async () => readFileSync(lock, "utf8"))
    assert.strictEqual(held, String(process.pid))
    assert.isFalse(existsSync(lock))
  })

  it("goes also when the work fails", async () => {
    const failure = await cache.withSetupLock(() => Promise.reject(new Error("no network"))).catch(String)
    assert.strictEqual(failure, "Error: no network")
    assert.isFalse(existsSync(join(folder, "set-up.lock")))
  })

  it("lets one set-up work after the other", async () => {
    const order: string[] = []
    const work = (name: string) =>
      cache.withSetupLock(async () => {
        order.push(`${name} begins`)
        await new Promise((resolve) => setImmediate(resolve))
        order.push(`${name} ends`)
      })
    await Promise.all([work("one"), work("two")])
    assert.deepStrictEqual(order, ["one begins", "one ends", "two begins", "two ends"])
  })

  it("is taken over from a process that is gone", async () => {
    const gone = spawnSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).stdout.trim()
    writeFileSync(join(folder, "set-up.lock"), gone)
    assert.strictEqual(await cache.withSetupLock(async () => "ours"), "ours")
  })

  it("a stamp equals what was written, and a missing one equals nothing", () => {
    const path = join(folder, "stamp")
    assert.isNull(cache.readStamp(path))
    cache.writeStamp(path, "a1")
    assert.strictEqual(cache.readStamp(path), "a1")
  })
})
