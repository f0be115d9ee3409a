/** Runs the `credits` command line as an operator would, and reads its JSON. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { FoundSystem } from "./found-system.ts"

const PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../../ops/dist/main.js" : "../../ops/dist/main.js", import.meta.url),
)

export interface CommandResult {
  readonly code: number
  /** The one JSON document on stdout, null when there was none. */
  readonly json: Readonly<Record<string, unknown>> | null
  readonly complaint: string
}

export const credits = (system: FoundSystem, ...args: ReadonlyArray<string>): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args, "--json"], {
      env: { ...process.env, CREDITS_DATA_DIR: system.dataDir, CREDITS_NATS_URL: undefined },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let stdout = ""
    let complaint = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4_000)))
    child.once("error", reject)
    child.once("close", (code) => {
      let json: Record<string, unknown> | null = null
      try {
        json = JSON.parse(stdout) as Record<string, unknown>
      } catch {
        json = null
      }
      resolve({ code: code ?? 1, json, complaint })
    })
  })

/** Like `credits`, but a command that fails is an error that says why. */
export const creditsDone = async (system: FoundSystem, ...args: ReadonlyArray<string>): Promise<void> => {
  const { code, json, complaint } = await credits(system, ...args)
  if (code !== 0)
    throw new Error(`credits ${args.slice(0, 2).join(" ")} ended with ${code}: ${complaint || JSON.stringify(json)}`)
}
