/**
 * Goal: the load tests work, whatever their figures. Method: the real program with very little load; its exit code,
 * its table and its JSON are read. Figures are for `npm run bench` on a quiet machine, not for a test.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { readOptions } from "./options.ts"

const run = (args: ReadonlyArray<string>): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...args])
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

describe("bench", () => {
  it("drains charges, measures the whole path, ends with a clean verify and writes what it found", async () => {
    // so few that a look at the ledger may see none of them and the next one all: still a rate, never NaN
    const out = mkdtempSync(join(tmpdir(), "bench-test-"))
    const little = ["--only", "b,c", "--events", "4000", "--accounts", "300", "--seconds", "1", "--out", out]
    const { code, stdout, stderr } = await run(little)
    assert.strictEqual(code, 0, `${stderr}\n${stdout}`)
    assert.match(stdout, /one hot account\s+[\d,]+\/s/)
    assert.match(stdout, /4,000 events in arrays of 500\s+[\d,]+\/s/)
    const found = JSON.parse(readFileSync(join(out, readdirSync(out)[0]!), "utf8")) as {
      readonly ok: boolean
      readonly bounds: ReadonlyArray<{ readonly name: string; readonly met: boolean }>
      readonly figures: Readonly<Record<string, unknown>>
    }
    assert.isTrue(found.ok)
    assert.isAbove(found.bounds.length, 2)
    assert.property(found.figures, "whole path")
    rmSync(out, { recursive: true })
  })

  it("knows its arguments and says which it does not know", () => {
    const options = readOptions(["--only", "a,F", "--events", "1_000", "--quick"])
    assert.deepEqual([...options.only], ["a", "f"])
    assert.strictEqual(options.events, 1_000)
    assert.isBelow(options.storedEntries, 5_000_000)
    assert.strictEqual(readOptions(["--due", "7"]).due, 7)
    assert.isFalse(readOptions([]).atOnce)
    assert.isTrue(readOptions(["--at-once"]).atOnce)
    assert.throws(() => readOptions(["--only", "z"]), "not z")
    assert.throws(() => readOptions(["--seconds", "0"]), "--seconds")
  })
})
