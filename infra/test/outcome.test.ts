/** Goal: the last line counts everything that went wrong. Method: reports written by hand, as vitest writes them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { readOutcome, sumUp } from "./outcome.ts"
import { repositoryDir } from "./step.ts"

const read = (testResults: readonly unknown[], exitCode: number) => {
  const folder = mkdtempSync(join(tmpdir(), "credits-outcome-"))
  const path = join(folder, "report.json")
  writeFileSync(path, JSON.stringify({ testResults }))
  const outcome = readOutcome(path, exitCode)
  rmSync(folder, { recursive: true })
  return outcome
}

const file = (status: string, tests: readonly (readonly [string, string])[], message = "") => ({
  name: join(repositoryDir, "packages/kernel/src/money.test.ts"),
  status,
  message,
  assertionResults: tests.map(([fullName, verdict]) => ({ fullName, status: verdict })),
})

describe("the outcome of a test run", () => {
  it("counts passed, failed and skipped tests and names the failed ones", () => {
    const tests = [
      ["a", "passed"] as const,
      ["b", "failed"] as const,
      ["c", "skipped"] as const,
      ["d", "todo"] as const,
    ]
    const outcome = read([file("failed", tests)], 1)
    assert.deepStrictEqual(outcome, {
      passed: 1,
      skipped: 2,
      failedNames: ["packages/kernel/src/money.test.ts: b"],
    })
    assert.deepStrictEqual(sumUp(1, outcome), { line: "1 passed, 2 failed, 2 skipped", isGood: false })
  })

  it("a file that cannot load is a failure although it has no test", () => {
    const outcome = read([file("passed", [["a", "passed"]]), file("failed", [], "Cannot find module\nat …")], 1)
    assert.deepStrictEqual(outcome.failedNames, ["packages/kernel/src/money.test.ts: Cannot find module"])
  })

  it("vitest's own verdict stands when every test passed", () => {
    assert.deepStrictEqual(sumUp(0, read([file("passed", [["a", "passed"]])], 1)), {
      line: "1 passed, 1 failed",
      isGood: false,
    })
  })

  it("a run without a report is a failure, and so is one without a test", () => {
    assert.strictEqual(sumUp(0, readOutcome("/nowhere/report.json", 0)).line, "0 passed, 1 failed")
    assert.deepStrictEqual(sumUp(0, read([], 0)), { line: "0 passed, 0 failed", isGood: false })
    assert.deepStrictEqual(sumUp(0, read([file("passed", [["a", "passed"]])], 0)), {
      line: "1 passed, 0 failed",
      isGood: true,
    })
  })
})
