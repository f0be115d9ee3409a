/**
 * `npm test [-- FILTER…]`: the checks, then every test suite. The last line is `N passed, N failed`, with a failed
 * check counted as one; the exit code is 0 only when something ran and nothing failed. Filters and flags go to vitest
 * as they are.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readOutcome, sumUp } from "./outcome.ts"
import { checks, runProgram, runSteps } from "./step.ts"

const filters = process.argv.slice(2)
const failedChecks = await runSteps(checks)

process.stdout.write("\n== tests\n")
const folder = mkdtempSync(join(tmpdir(), "credits-tests-"))
const report = join(folder, "report.json")
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
const exitCode = await runProgram("vitest", ["run", ...reporters, ...filters])
const outcome = readOutcome(report, exitCode)
rmSync(folder, { recursive: true, force: true })

for (const name of failedChecks) process.stdout.write(`FAILED: ${name}\n`)
for (const name of outcome.failedNames) process.stdout.write(`FAILED: ${name}\n`)
const summary = sumUp(failedChecks.length, outcome)
process.exitCode = summary.isGood ? 0 : 1
process.stdout.write(`${summary.line}\n`)
