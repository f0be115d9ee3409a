/**
 * Runs the ledger's own verifier as a process of its own. It reads the database, never the ledger's memory, so that it
 * can contradict the ledger's answers; here is only the starting of it and the reading of its verdict.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { OpsConfig } from "./config.ts"
import { failed, sentence, type CommandFailure } from "./failure.ts"

/** The verifier's JSON: `ok`, counts, and what it found wrong. Other fields pass through. */
export interface Verdict {
  readonly ok: boolean
  readonly [field: string]: unknown
}

/** From `apps/ops/src` and from `apps/ops/dist` alike. */
const VERIFIER = fileURLToPath(new URL("../../ledger/dist/verify.js", import.meta.url))

interface Finished {
  readonly code: number | null
  readonly stdout: string
}

const run = (config: OpsConfig, program: string, signal: AbortSignal): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program], {
      env: {
        ...process.env,
        CREDITS_DATA_DIR: config.dataDir,
        ...(config.databaseUrl === undefined ? {} : { CREDITS_DATABASE_URL: Redacted.value(config.databaseUrl) }),
      },
      stdio: ["ignore", "pipe", "inherit"],
      signal,
    })
    const chunks: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(chunks).toString("utf8") }))
  })

/** The last JSON object on stdout; a verifier that died says nothing. */
export const parseVerdict = (stdout: string): Verdict | null => {
  try {
    const verdict = JSON.parse(stdout) as Verdict
    return typeof verdict === "object" && verdict !== null && typeof verdict.ok === "boolean" ? verdict : null
  } catch {
    return null
  }
}

export const runVerifier = (config: OpsConfig, program = VERIFIER): Effect.Effect<Verdict, CommandFailure> =>
  Effect.gen(function* () {
    if (!existsSync(program))
      return yield* failed("not_built", `there is no ${program}`, "build it with `npm run build`")
    const finished = yield* Effect.tryPromise({
      try: (signal) => run(config, program, signal),
      catch: (error) => failed("verifier_failed", `the verifier did not start: ${sentence(error)}`),
    })
    const verdict = parseVerdict(finished.stdout)
    if (verdict === null) {
      return yield* failed(
        "verifier_failed",
        `the verifier ended with code ${finished.code} and no verdict; its last words are above`,
      )
    }
    return verdict
  })
