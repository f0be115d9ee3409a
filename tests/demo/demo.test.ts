/**
 * Goal: `npm run demo` works from nothing and its numbers add up. Method: the real program starts a system of its
 * own, plays a small trace file, and checks itself; here its exit code and what it printed are read.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { generateTrace } from "@credits/testkit"
import { afterEach, assert, beforeEach, describe, it } from "vitest"

const DEMO = join(import.meta.dirname, "../../apps/dev/dist/demo.js")
let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "demo-test-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const run = (...args: ReadonlyArray<string>): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, CREDITS_DATA_DIR: join(directory, "nothing-runs-here") }
    const child = spawn(process.execPath, [DEMO, ...args], { env, stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

const traceFile = (calls: number): string => {
  const path = join(directory, "trace.csv")
  const start = Date.parse("2023-11-16T18:15:46.680Z")
  const lines = generateTrace({ calls, seed: 3 }).map(({ atMs, inputTokens, outputTokens }) => {
    const at = new Date(start + atMs).toISOString().replace("T", " ").replace("Z", "5900")
    return `${at},${inputTokens},${outputTokens}`
  })
  writeFileSync(path, `TIMESTAMP,ContextTokens,GeneratedTokens\n${lines.join("\n")}\n`)
  return path
}

describe("demo", () => {
  it("R6.1 R6.3 R8.1 plays a trace through a system of its own, and its sums agree to the nano-USD", async () => {
    const { code, stdout, stderr } = await run("--trace", traceFile(1_500), "--concurrency", "32")
    assert.strictEqual(code, 0, `${stderr}\n${stdout}`)
    assert.match(stdout, /1,500 calls: [\d,]+ hosted, [\d,]+ with the customer's own key, [\d,]+ refused/)
    assert.match(stdout, /plan_required/)
    assert.include(stdout, "claude-sonnet-5")
    const sums = /spent by the wallets = cost by model: ([\d.]+) = ([\d.]+) USD/.exec(stdout)
    assert.strictEqual(sums?.[1], sums?.[2])
    assert.notStrictEqual(sums?.[1], "0.000000000")
    assert.include(stdout, "✓ credits ledger verify: ok")
    assert.notInclude(stdout, "✗")
  })

  it("says what is wrong with its arguments or its trace, and ends with its own codes", async () => {
    const flag = await run("--calls", "many")
    assert.strictEqual(flag.code, 2)
    assert.include(flag.stderr, "--calls must be a number above 0")
    const path = join(directory, "bad.csv")
    writeFileSync(path, "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2\n")
    const trace = await run("--trace", path)
    assert.strictEqual(trace.code, 1)
    assert.include(trace.stderr, "line 2")
  })
})
