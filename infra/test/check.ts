/**
 * `npm run check`: types, linter, formatter and the tidy test. With `--fix`: what linter and formatter can mend
 * themselves.
 */
import { checks, runSteps } from "./step.ts"

const fixes = [
  { name: "lint", program: "oxlint", args: ["--fix"] },
  { name: "format", program: "oxfmt", args: [] },
]

const tidy = { name: "tidy", program: "vitest", args: ["run", "--project", "parts", "tests/tidy.test.ts"] }

const failed = await runSteps(process.argv.includes("--fix") ? fixes : [...checks, tidy])
process.exitCode = failed.length === 0 ? 0 : 1
