/** One step of a check: a program of this checkout that passes or fails, shown with its name and how long it took. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** The checkout. */
export const repositoryDir = fileURLToPath(new URL("../..", import.meta.url))

export interface Step {
  readonly name: string
  /** A program that has to run before, quietly. */
  readonly first?: readonly [program: string, ...args: string[]]
  /** A program in node_modules/.bin. */
  readonly program: string
  readonly args: readonly string[]
}

/** Runs a program of node_modules/.bin with our terminal; answers its exit code (1 when a signal ended it). */
export const runProgram = (
  program: string,
  args: readonly string[],
  output: "inherit" | "ignore" = "inherit",
): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(fileURLToPath(new URL(`../../node_modules/.bin/${program}`, import.meta.url)), args, {
      cwd: repositoryDir,
      stdio: ["ignore", output, "inherit"],
    })
    child.on("error", reject)
    child.on("close", (code) => resolve(code ?? 1))
  })

/** Runs the steps one after another, all of them also when one fails; answers the names of those that failed. */
export const runSteps = async (steps: readonly Step[]): Promise<readonly string[]> => {
  const failed: string[] = []
  for (const step of steps) {
    process.stdout.write(`\n== ${step.name}\n`)
    const startedAt = performance.now()
    if (step.first !== undefined) await runProgram(step.first[0], step.first.slice(1), "ignore")
    const code = await runProgram(step.program, step.args)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    process.stdout.write(`${code === 0 ? "ok" : "FAILED"}: ${step.name} (${seconds} s)\n`)
    if (code !== 0) failed.push(step.name)
  }
  return failed
}

/** What must hold before any test is worth running. */
export const checks: readonly Step[] = [
  // The patch teaches tsc the mistakes one can make with Effect. It is done here and not in an install script, because
  // npm runs the checkout's install scripts for `npx credits`, also before there are any packages.
  { name: "types", first: ["effect-tsgo", "patch"], program: "tsc", args: ["--noEmit"] },
  { name: "types of the pages", program: "tsc", args: ["--noEmit", "-p", "apps/web"] },
  { name: "types of the browser tests", program: "tsc", args: ["--noEmit", "-p", "tests/browser"] },
  { name: "lint", program: "oxlint", args: [] },
  { name: "format", program: "oxfmt", args: ["--check"] },
]
