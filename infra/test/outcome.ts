/**
 * Counting what vitest reports. A file that cannot load and a run that dies have no tests to count, yet each is one
 * failure.
 */
import { existsSync, readFileSync } from "node:fs"
import { relative } from "node:path"
import { repositoryDir } from "./step.ts"

export interface Outcome {
  readonly passed: number
  readonly skipped: number
  /** One name per failure. */
  readonly failedNames: readonly string[]
}

/** The part of vitest's JSON report that we read. */
interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

/** Reads the report at `path`; `exitCode` is vitest's own verdict, which no counting may overrule. */
export const readOutcome = (path: string, exitCode: number): Outcome => {
  if (!existsSync(path)) return { passed: 0, skipped: 0, failedNames: ["the test run itself, which left no report"] }
  const report: Report = JSON.parse(readFileSync(path, "utf8"))
  let passed = 0
  let skipped = 0
  const failedNames: string[] = []
  for (const file of report.testResults) {
    const name = relative(repositoryDir, file.name)
    let failedHere = 0
    for (const test of file.assertionResults) {
      if (test.status === "passed") passed++
      else if (test.status === "failed") {
        failedHere++
        failedNames.push(`${name}: ${test.fullName}`)
      } else skipped++
    }
    if (file.status === "failed" && failedHere === 0) failedNames.push(`${name}: ${file.message.split("\n", 1)[0]}`)
  }
  if (exitCode !== 0 && failedNames.length === 0) failedNames.push("the test run itself, see above")
  return { passed, skipped, failedNames }
}

/** The last line of a run and whether it is good. */
export const sumUp = (failedChecks: number, outcome: Outcome): { readonly line: string; readonly isGood: boolean } => {
  const failed = failedChecks + outcome.failedNames.length
  const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : ""
  return { line: `${outcome.passed} passed, ${failed} failed${skipped}`, isGood: failed === 0 && outcome.passed > 0 }
}
