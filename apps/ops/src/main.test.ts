/**
 * Goal: the command line is quick to start and its bundle works outside the checkout's folder. Method: bundle it as the
 * build does, start it as a process, look at its exit code and time.
 */
import { execFile, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, beforeAll, describe, it } from "vitest"

const app = fileURLToPath(new URL("..", import.meta.url))
const bundle = fileURLToPath(new URL("../dist/main.js", import.meta.url))

/** The best of several starts: a busy machine is not the program's fault. */
const STARTS = 5
const START_MS_MAX = 600

/** `npm test` has built it already; a test run alone builds it when there is none. */
beforeAll(async () => {
  if (!existsSync(bundle)) await promisify(execFile)(process.execPath, ["../../infra/build/bundle.ts"], { cwd: app })
})

const run = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, ["--enable-source-maps", bundle, ...args], { cwd: tmpdir(), encoding: "utf8" })

describe("the bundled command line", () => {
  it("starts in less than 0.6 s", () => {
    const times = Array.from({ length: STARTS }, () => {
      const began = performance.now()
      assert.strictEqual(run("--version").status, 0)
      return performance.now() - began
    })
    assert.isBelow(Math.min(...times), START_MS_MAX)
  })

  it("a wrong word is usage (2), on stderr, and stdout stays empty", () => {
    const { stdout, stderr, status } = run("acount", "show")
    assert.strictEqual(status, 2)
    assert.strictEqual(stdout, "")
    assert.include(stderr, "account")
  })
})
